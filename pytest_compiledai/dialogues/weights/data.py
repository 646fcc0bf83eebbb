"""The conversations that weights are made from, judged before any training."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.weights.consistency import Consistency
from pytest_compiledai.dialogues.weights.consistency import consistency
from pytest_compiledai.dialogues.weights.grammar import Conversation
from pytest_compiledai.dialogues.weights.grammar import conversations
from pytest_compiledai.dialogues.weights.paths import Coverage
from pytest_compiledai.dialogues.weights.paths import Split
from pytest_compiledai.dialogues.weights.paths import coverage
from pytest_compiledai.dialogues.weights.paths import split
from pytest_compiledai.dialogues.weights.paths import walks
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.wording import Style

#: Conversations that the threshold is taken from; their carriers are in no other data.
CALIBRATION: Final = 150
#: Conversations that the branch classifier is fitted to and asked about.
_BRANCHES: Final = 3000
_SEED_OF_CALIBRATION: Final = 1_000_003


@dataclass(frozen=True, kw_only=True)
class Data:
    """All that training sees, and the walks that it does not see."""

    split: Split
    complete: bool  # whether the walks are all there are within the bounds
    train: tuple[Conversation, ...]
    calibration: tuple[Conversation, ...]

    @cached_property
    def lines(self) -> bytes:
        """The training conversations as JSON lines."""
        return lines(self.train)

    @property
    def sha256(self) -> str:
        """The digest of the training conversations."""
        return digest(self.lines)

    @cached_property
    def consistency(self) -> Consistency:
        """How well users' words tell the branch."""
        return consistency(self.train[:_BRANCHES])

    def coverage(self, flow: Flow) -> Coverage:
        """Return what the training conversations cover."""
        return coverage(flow, ([(t.node, t.intent) for t in talk] for talk in self.train))


def lines(data: Iterable[Conversation]) -> bytes:
    """Return conversations as JSON lines."""
    rows = (json.dumps([turn.as_json() for turn in talk], ensure_ascii=False) for talk in data)
    return "".join(f"{row}\n" for row in rows).encode("utf-8")


def made(flow: Flow, settings: Settings) -> Data:
    """Return the data of a flow: equal flows and settings give equal bytes."""
    found = walks(flow, settings.bounds)
    parts = split(found.paths)
    return Data(
        split=parts,
        complete=found.complete,
        train=tuple(conversations(flow, parts.train, settings.conversations, seed=settings.seed)),
        calibration=tuple(
            conversations(
                flow,
                parts.train,
                CALIBRATION,
                Style(carriers="calibrate", typos=0.06),
                seed=settings.seed + _SEED_OF_CALIBRATION,
            )
        ),
    )


def texts(data: Sequence[Conversation]) -> list[str]:
    """Return every text of the data once, in order."""
    return list(dict.fromkeys(text for talk in data for t in talk for text in (t.say, t.user)))
