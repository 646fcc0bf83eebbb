"""Which calls are turns of one conversation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import Message
from pytest_compiledai.audit.call import number_of
from pytest_compiledai.audit.call import squeezed

OPEN_CAP: Final = 50_000  # conversations that may still go on; the longest silent are forgotten
TURN_TEXT_CAP: Final = 600  # characters of each side of a turn that are kept


class Turn(NamedTuple):
    """What was said to the model since its last answer, and what it said or did."""

    heard: str
    said: str
    tools: tuple[str, ...]
    heard_characters: int
    said_characters: int


class Place(NamedTuple):
    """Where a call stands in a conversation."""

    conversation: int
    turn: int  # its number, from 0
    earlier: tuple[Turn, ...] = ()  # turns of the history that no call of the log is known for


class Linker:
    """Links calls into conversations: by their id, else by the history that each repeats."""

    def __init__(self) -> None:
        self.open: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def place(self, call: Call, order: int) -> Place:
        """Return where ``call`` stands; ``order`` is its number in the log."""
        last = _last_answer(call.messages)
        key = number_of(f"id {call.site} {call.conversation}")
        # A second call without a history under one id is a call of its own in that session.
        if call.conversation is not None and (call.turnwise or last or key not in self.open):
            return self._by_id(call, key, last)
        if not last:
            place = Place(number_of(f"{order} {call.messages[-1].text}"), 0)
        else:
            place = self._by_history(call.messages[:last])
        answer = Message("assistant", call.answer)
        self._remember(_digest((*call.messages, answer)), (place.conversation, place.turn + 1))
        return place

    def _by_id(self, call: Call, key: int, last: int) -> Place:
        _, index = self.open.pop(key, (key, 0))
        if last:
            index = sum(message.role == "assistant" for message in call.messages)
        self._remember(key, (key, index + 1))
        return Place(key, index)

    def _by_history(self, history: Sequence[Message]) -> Place:
        digest = _digest(history)
        known = self.open.get(digest)
        if known is not None:
            return Place(*known)
        turns = _turns(history)
        return Place(digest, len(turns), turns)

    def _remember(self, digest: int, state: tuple[int, int]) -> None:
        self.open[digest] = state
        if len(self.open) > OPEN_CAP:
            self.open.popitem(last=False)


def turn_of(heard: str, said: str, tools: tuple[str, ...]) -> Turn:
    """Return a turn, its texts cut."""
    return Turn(heard[:TURN_TEXT_CAP], said[:TURN_TEXT_CAP], tools, len(heard), len(said))


def _last_answer(messages: Sequence[Message]) -> int:
    """Return how many messages there are up to the last answer; 0 where there is none."""
    for number in range(len(messages), 0, -1):
        if messages[number - 1].role == "assistant":
            return number
    return 0


def _digest(messages: Sequence[Message]) -> int:
    return number_of(
        "\x1e".join(f"{message.role} {squeezed(message.text)}" for message in messages)
    )


def _turns(history: Sequence[Message]) -> tuple[Turn, ...]:
    found: list[Turn] = []
    heard: list[str] = []
    for message in history:
        if message.role == "assistant":
            found.append(turn_of("\n".join(heard), message.text, ()))
            heard = []
        elif message.role != "system":
            heard.append(message.text)
    return tuple(found)
