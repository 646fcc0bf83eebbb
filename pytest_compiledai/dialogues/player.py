"""Whoever takes turns in a conversation, as gates see it: states and texts in, replies out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import Protocol

from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Session

#: Calls of one batch.
BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One turn: the state before it, None for a new conversation, and what the user writes."""

    state: Any
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a turn: an answer, an abstention with its reason, or a fault."""

    value: Any = None  # {"state", "reply", "node", "intent", "terminal"}; None: none came
    abstained: bool = False
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether the turn neither answered nor abstained."""
        return self.value is None and not self.abstained


class Player(Protocol):
    """A frozen artifact of either target."""

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Return the reply to each turn, each independent of the others."""


class SandboxPlayer:
    """An artifact that is code, called in the sandbox."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Return the reply to each turn."""
        found: list[Reply] = []
        for start in range(0, len(asked), BATCH):
            batch = [_input(item) for item in asked[start : start + BATCH]]
            for answer in self.session.call(batch):
                if answer.status is Status.VALUE:
                    found.append(Reply(value=json.loads(answer.value)))
                else:
                    is_abstain = answer.status is Status.ABSTAIN
                    found.append(Reply(abstained=is_abstain, detail=answer.detail))
        return found


def _input(asked: Asked) -> bytes:
    return canonical_json({"state": asked.state, "text": asked.text})


def inputs_of(asked: Sequence[Asked]) -> list[bytes]:
    """Return turns as the sandbox takes them."""
    return [_input(item) for item in asked]
