"""From a spec to the files of its artifact: vectors, a layer beside them, and a threshold."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.encoded.head import NOTHING
from pytest_compiledai.dialogues.encoded.nearest import counts
from pytest_compiledai.dialogues.encoded.nearest import examples
from pytest_compiledai.dialogues.encoded.talking import EXAMPLES
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import flowjson
from pytest_compiledai.dialogues.weights.building import answers
from pytest_compiledai.dialogues.weights.building import check
from pytest_compiledai.dialogues.weights.child import ask
from pytest_compiledai.dialogues.weights.data import CALIBRATION
from pytest_compiledai.dialogues.weights.data import Data
from pytest_compiledai.dialogues.weights.data import made
from pytest_compiledai.dialogues.weights.grammar import Conversation
from pytest_compiledai.dialogues.weights.grammar import heard
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.dialogues.weights.talking import asked
from pytest_compiledai.dialogues.weights.threshold import threshold

MAKER: Final = "pytest_compiledai.dialogues.encoded.making"
VERSION: Final = 2
#: Little is learned: few turns show whether users' words tell the branch.
_EXAMPLES: Final = 4000
#: Turns that the linear layer is fitted to: each of them is encoded.
_TURNS: Final = 2500
#: Conversations that the threshold is taken from: each turn of them is encoded.
_CALIBRATION: Final = 200


def settings_for(spec: DialogueSpec) -> Settings:
    """Return the settings of the data that a machine with an encoder is judged with."""
    return settings_of(replace(spec, weights={"examples": _EXAMPLES}))


def build(spec: DialogueSpec) -> dict[str, bytes]:
    """Return the artifact's files by path.

    Raises ``ModelError`` where examples contradict each other, ``ToolError`` where the encoder is
    missing or another.
    """
    settings = settings_for(spec)
    data = made(spec, settings)
    check(spec, data)
    talks = data.calibration[:: CALIBRATION // _CALIBRATION]
    record = _record(spec, data)
    vectors, told = _encoded(spec, data, record, talks)
    found = answers(spec.flow, talks, told["calibration"])
    record["threshold"] = threshold(found, settings.right)
    record["encoder"] = {**(spec.encoder or {}), "beside": told["beside"]}
    text = json.dumps(record, ensure_ascii=False, indent=1)
    return {f"{spec.name}/{FILE}": f"{text}\n".encode(), f"{spec.name}/{EXAMPLES}": vectors}


def encoded(spec: DialogueSpec, data: Data) -> bytes:
    """Return the vectors of the spec's examples and the layer again. Raises ``ToolError``."""
    return _encoded(spec, data, _record(spec, data), ())[0]


def _record(spec: DialogueSpec, data: Data) -> dict[str, Any]:
    return {
        "version": VERSION,
        "kind": "dialogue",
        "target": "machine",
        "name": spec.name,
        "flow": flowjson.as_json(spec.flow),
        "examples": counts(spec.flow),
        "threshold": 0.5,
        "data": {"sha256": data.sha256, "branch consistency": round(data.consistency.share, 6)},
        "encoder": {},
    }


def _encoded(
    spec: DialogueSpec, data: Data, record: dict[str, Any], talks: Sequence[Conversation]
) -> tuple[bytes, Any]:
    flow = spec.flow
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / EXAMPLES
        job = {
            "encoder": spec.encoder,
            "texts": [text for texts in examples(flow).values() for text in texts],
            "turns": [
                (turn.node, turn.user, turn.intent if turn.after else NOTHING)
                for turn in data.train
                if turn.user
            ][:_TURNS],
            "out": str(out),
            "record": record,
            "calibration": [asked(flow, *turn) for talk in talks for turn in heard(flow, talk)],
        }
        told = ask(MAKER, job, Path(scratch), timeout_s=spec.timeout_s)
        return out.read_bytes(), told
