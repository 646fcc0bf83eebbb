"""Encodes the examples of a flow and fits the layer beside them, in a process of its own.

Torch never enters a pytest process.

python -m pytest_compiledai.dialogues.encoded.making JOB.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_compiledai.dialogues.encoded.bert import Encoder
from pytest_compiledai.dialogues.encoded.bert import found
from pytest_compiledai.dialogues.encoded.head import fitted
from pytest_compiledai.dialogues.encoded.nearest import Reading
from pytest_compiledai.dialogues.encoded.talking import EXAMPLES
from pytest_compiledai.dialogues.encoded.talking import Encoded
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.sandbox.offline import shut_as_far_as_possible


def main(job_file: str) -> None:
    """Do the job and print what came out."""
    shut_as_far_as_possible()
    sys.stdout.write(json.dumps(make(json.loads(Path(job_file).read_text(encoding="utf-8")))))


def make(job: Mapping[str, Any]) -> dict[str, Any]:
    """Write the vectors of ``texts`` and the layer into ``out``; return how sure turns are.

    ``job``: ``encoder``, ``texts``, ``turns`` (nodes, what is said there, and what it means: the
    layer learns them), ``out`` (a file), ``record`` and ``calibration`` (rows of ``asked``).
    """
    import safetensors.torch

    folder, beside = found(job["encoder"])
    reading = Reading(flowjson.read(job["record"]["flow"]), Encoder(folder))
    heard = reading.vectors([(node, text) for node, text, _ in job["turns"]])
    told = [(node, meant) for node, _, meant in job["turns"]]
    legal = {n.name: [e.intent for e in n.edges] for n in reading.flow.nodes.values() if n.asks}
    vectors, head = reading.encoder.vectors(job["texts"]), fitted(heard, told, legal)
    data = safetensors.torch.save({"examples": vectors.contiguous(), "head": head.contiguous()})
    Path(job["out"]).write_bytes(data)
    if not job["calibration"]:
        return {"beside": beside, "calibration": []}
    record = job["record"] | {"encoder": job["encoder"] | {"beside": beside}}
    talker = Encoded({FILE: json.dumps(record).encode(), EXAMPLES: data})
    return {"beside": beside, "calibration": talker.scores(job["calibration"])}


if __name__ == "__main__":
    main(sys.argv[1])
