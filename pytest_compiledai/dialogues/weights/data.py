"""The turns that weights are made from, judged before any training."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import phrasings
from pytest_compiledai.dialogues.weights.consistency import Consistency
from pytest_compiledai.dialogues.weights.consistency import consistency
from pytest_compiledai.dialogues.weights.examples import Example
from pytest_compiledai.dialogues.weights.examples import examples
from pytest_compiledai.dialogues.weights.grammar import Conversation
from pytest_compiledai.dialogues.weights.grammar import conversations
from pytest_compiledai.dialogues.weights.paths import Coverage
from pytest_compiledai.dialogues.weights.paths import Split
from pytest_compiledai.dialogues.weights.paths import coverage
from pytest_compiledai.dialogues.weights.paths import split
from pytest_compiledai.dialogues.weights.paths import walks
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.wording import ENCODED
from pytest_compiledai.dialogues.weights.wording import FOLDS
from pytest_compiledai.dialogues.weights.wording import TRAIN
from pytest_compiledai.dialogues.weights.wording import Style

#: Conversations that the threshold is taken from, as many of each part of their carriers, which
#: are in no other data.
CALIBRATION: Final = 400
#: Turns that the branch classifier is fitted to and asked about.
_BRANCHES: Final = 12_000
_SEED_OF_CALIBRATION: Final = 1_000_003


@dataclass(frozen=True, kw_only=True)
class Data:
    """All that training sees, and the walks that it does not see."""

    split: Split
    complete: bool  # whether the walks are all there are within the bounds
    train: tuple[Example, ...]
    calibration: tuple[Conversation, ...]

    @cached_property
    def lines(self) -> bytes:
        """The training turns as JSON lines."""
        return lines(example.as_json() for example in self.train)

    @property
    def sha256(self) -> str:
        """The digest of the training turns."""
        return digest(self.lines)

    @cached_property
    def consistency(self) -> Consistency:
        """How well users' words tell the branch."""
        return consistency(self.train[:_BRANCHES])

    def coverage(self, flow: Flow) -> Coverage:
        """Return what the training turns cover."""
        told = [example for example in self.train if example.intent]
        return coverage(flow, ([(e.node, e.intent), (e.after, "")] for e in told))


def lines(rows: Iterable[Any]) -> bytes:
    """Return rows as JSON lines."""
    texts = (json.dumps(row, ensure_ascii=False) for row in rows)
    return "".join(f"{text}\n" for text in texts).encode("utf-8")


_kept: dict[str, Data] = {}  # the last data: building and both phases of gates ask for it


def made(spec: DialogueSpec, settings: Settings) -> Data:
    """Return the data of a flow: equal flows and settings give equal bytes.

    Raises ``SpecError`` for a file of phrasings that cannot be used.
    """
    key = digest_of([settings.as_json(), repr(spec), CALIBRATION])
    if key not in _kept:
        found = _made(spec, settings)
        _kept.clear()
        _kept[key] = found
    return _kept[key]


def _made(spec: DialogueSpec, settings: Settings) -> Data:
    flow = spec.flow
    phrased = phrasings.read(spec, settings.phrasings, settings.phrasings_sha256)
    found = walks(flow, settings.bounds)
    parts = split(found.paths)
    return Data(
        split=parts,
        complete=found.complete,
        train=tuple(
            examples(
                flow,
                parts.train,
                settings.examples,
                phrased,
                seed=settings.seed,
                style=TRAIN if spec.target == "weights" else ENCODED,
            )
        ),
        calibration=tuple(
            talk
            for at, carriers in enumerate(FOLDS)
            for talk in conversations(
                flow,
                parts.train,
                CALIBRATION // len(FOLDS),
                Style(carriers=carriers, typos=0.06),
                seed=settings.seed + _SEED_OF_CALIBRATION + at,
            )
        ),
    )


def texts(data: Sequence[Example]) -> list[str]:
    """Return every text of the data once, in order."""
    found = (text for example in data for text in (example.user, example.say))
    return list(dict.fromkeys(text for text in found if text))
