"""What the gates ask of weights, in a process of its own: torch answers, the caller judges.

python -m pytest_compiledai.dialogues.weights.examining JOB.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import chain
from itertools import islice
from pathlib import Path
from typing import Any

from pytest_compiledai.dialogues.weights.talking import Talker
from pytest_compiledai.dialogues.weights.talking import as_json
from pytest_compiledai.dialogues.weights.talking import talker
from pytest_compiledai.sandbox.offline import shut_as_far_as_possible


def main(job_file: str) -> None:
    """Answer the questions of the job and print the answers."""
    shut_as_far_as_possible()
    sys.stdout.write(json.dumps(examine(json.loads(Path(job_file).read_text(encoding="utf-8")))))


def examine(job: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a job: ``artifact`` (folder), ``files`` of it, ``scored``, ``talks`` and ``canaries``.

    ``scored``: name -> conversations as turns, for the shares of the nodes that may follow each.
    ``talks``: name -> lists of user texts, each list said to one conversation until its end.
    Where a list stands in the place of a text, the user says the next where one is not understood.
    """
    begin = time.process_time()
    import torch

    torch.set_num_threads(1)
    folder = Path(job["artifact"])
    weights = talker(
        {
            name: (folder / name).read_bytes()
            for name in job.get(
                "files", ["config.json", "model.safetensors", "tokenizer.json", "dialogue.json"]
            )
        }
    )
    weights.opening()
    cold_s = time.process_time() - begin
    return {
        "cold_s": cold_s,
        "context": weights.context,
        "longest": max(
            weights.tokens(row)
            for talks in job["scored"].values()
            for row in chain.from_iterable(talks)
        ),
        "canaries": [weights.rank(texts) for texts in job["canaries"]],
        "scored": {name: _scored(weights, talks) for name, talks in job["scored"].items()},
        "talks": {
            name: [_talk(weights, texts) for texts in all_] for name, all_ in job["talks"].items()
        },
        "memory_mb": _memory_mb(),
    }


def _scored(weights: Talker, talks: Sequence[Sequence[Any]]) -> list[list[dict[str, float]]]:
    """Return the shares of the nodes that may follow each turn of each conversation."""
    found = iter(weights.scores(list(chain.from_iterable(talks))))
    return [list(islice(found, len(talk))) for talk in talks]


def _talk(weights: Talker, texts: Sequence[str | Sequence[str]]) -> list[dict[str, Any]]:
    """Return the replies to ``texts``, the opening first, each with its CPU seconds.

    Of several texts in the place of one, the next is said where the one before is abstained on.
    """
    reply = weights.opening()
    replies = [as_json(reply) | {"seconds": 0.0, "action_seconds": 0.0, "tries": 1}]
    for text in texts:
        if weights.flow.nodes[reply.state.node].terminal is not None:
            break
        tries = 0
        for said in [text] if isinstance(text, str) else text:
            tries += 1
            begin = time.process_time()
            reply = weights.turn(reply.state, said)
            seconds = time.process_time() - begin
            if not reply.abstained:
                break
        told = {"seconds": seconds, "action_seconds": weights.action_seconds, "tries": tries}
        replies.append(as_json(reply) | told)
    return replies


def _memory_mb() -> float:
    """Return the most memory (MiB) that this process ever held; 0 where the system does not say.

    Linux hands ``ru_maxrss`` on through fork and exec, so a small process started by a large one
    would be charged with its parent's; ``VmHWM`` belongs to the program that runs.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return _resident_mb()
    held = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(held.split()[1]) / 1024


def _resident_mb() -> float:
    """Return the peak that the system's accounting states, where there is no ``/proc``."""
    try:
        import resource
    except ImportError:  # pragma: no cover - only Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(sys.argv[1])
