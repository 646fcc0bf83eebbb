"""Other wording for the turns of the data, one edge a row: what a teacher wrote, reviewed by you.

    {"node": "confirm", "intent": "agree", "text": "sure, book it"}

A row without a node is for every node where the intent is an edge. `{slot}` stands for a value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.suspicion import is_suspicious
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.wording import shape

MOST_TEXT: Final = 200  # characters of one phrasing
_CAP: Final = 16 << 20  # bytes of a file
_KEYS: Final = ["intent", "node", "text"]

#: (node, intent) -> wording beside the examples.
Phrasings = Mapping[tuple[str, str], tuple[str, ...]]


def content(spec: DialogueSpec, relative: str) -> bytes:
    """Return the bytes of the file that a spec names beside itself. Raises ``SpecError``."""
    path = (spec.root / PurePosixPath(spec.path).parent / relative).resolve()
    if not path.is_relative_to(spec.root.resolve()):
        raise _amiss(spec, relative, "a path inside the project")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _amiss(spec, f"{relative}: {error.strerror}", "a file that can be read") from None
    if len(data) > _CAP:
        raise _amiss(spec, f"{relative}: {len(data)} bytes", f"at most {_CAP}")
    return data


def read(spec: DialogueSpec, relative: str, sha256: str) -> Phrasings:
    """Return the wording by edge; nothing where no file is named. Raises ``SpecError``."""
    if not relative:
        return {}
    data = content(spec, relative)
    if digest(data) != sha256:
        raise _amiss(spec, f"{relative}: other bytes than a moment ago", "a file that stays")
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        row = _row(line)
        edges = _edges(spec.flow, row) if row else []
        faults = list(amiss(spec.flow, row["intent"], row["text"])) if row and edges else []
        if not row or not edges or faults:
            fault = (faults or ["no row of an edge"])[0]
            raise _amiss(spec, f"{relative}:{number}: {fault}", "an edge of the flow, and wording")
        for edge in edges:
            found[edge] = (*found.get(edge, ()), row["text"])
    return found


def amiss(flow: Flow, intent: str, text: str) -> Iterable[str]:
    """Yield why ``text`` is no wording of ``intent``."""
    known = flow.intents[intent]
    named = set(placeholders(text))
    if not text.strip() or len(text) > MOST_TEXT:
        yield f"a text of {len(text)} characters"
    if not named <= set(known.slots):
        yield f"`{min(named - set(known.slots))}`, which is no slot of {intent}"
    if not set(known.required) <= named:
        yield f"a text without {min(set(known.required) - named)}"
    if is_suspicious(text):
        yield "an order to a model, or hidden characters"
    if shape(text) in {shape(held_out) for held_out in known.holdout}:
        yield "wording that is held out"


def _row(line: str) -> dict[str, str] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    sound = isinstance(row, dict) and sorted(row) == _KEYS
    return row if sound and all(isinstance(row[key], str) for key in _KEYS) else None


def _edges(flow: Flow, row: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (node.name, row["intent"])
        for node in flow.asking
        if node.edge(row["intent"]) and row["node"] in ("", node.name)
    ]


def _amiss(spec: DialogueSpec, found: str, expected: str) -> SpecError:
    return SpecError(where=Place(path=spec.path), found=f"phrasings: {found}", expected=expected)
