"""One call of a language model, the same for every format of log."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from typing import Final
from typing import NamedTuple

TEXT_CAP: Final = 32_000  # characters of one message that are kept; its middle is dropped
MESSAGE_CAP: Final = 400  # messages of one call that are kept: the first and the last ones

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Message(NamedTuple):
    """One message of a conversation."""

    role: str  # system, user, assistant or tool
    text: str


class Usage(NamedTuple):
    """What a call used, as far as the log says."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None


class Call(NamedTuple):
    """One call: what was sent, what came back, and what it used."""

    messages: tuple[Message, ...]  # without the answer
    answer: str  # a text, or the JSON of the tool calls
    tools: tuple[str, ...] = ()  # names of the tools called
    site: str | None = None  # where in the program, if the log says so
    model: str | None = None
    time_s: float | None = None  # seconds since 1970
    conversation: str | None = None
    turnwise: bool = False  # the messages are those of one turn, its history is not repeated
    usage: Usage = Usage()

    @property
    def system(self) -> str:
        """The system prompt."""
        return "\n".join(message.text for message in self.messages if message.role == "system")

    @property
    def first_user(self) -> str:
        """The first user message; empty where there is none."""
        return next((message.text for message in self.messages if message.role == "user"), "")

    @property
    def asked(self) -> str:
        """What came after the last answer in the history: the input of this call."""
        texts: list[str] = []
        for message in reversed(self.messages):
            if message.role == "assistant":
                break
            if message.role != "system":
                texts.append(message.text)
        return "\n".join(reversed(texts))


def capped(text: str, most: int = TEXT_CAP) -> str:
    """Return the beginning and the end of a text, at most ``most`` characters of it."""
    if len(text) <= most:
        return text
    tail = most // 4
    return f"{text[: most - tail]}\n{text[-tail:]}"


def squeezed(text: str) -> str:
    """Return a text with every run of white space made one space."""
    return " ".join(text.split())


def printable(text: str, most: int = 200) -> str:
    """Return one line of a logged text that a terminal shows as it is, cut."""
    line = squeezed(_CONTROL.sub(" ", text[: 4 * most])).encode("utf-8", "replace").decode()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def number_of(text: str) -> int:
    """Return 64 bits that stand for a text, the same on every machine."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def text_or_none(value: Any) -> str | None:
    """Return a text that is not blank, else None."""
    return value if isinstance(value, str) and value.strip() else None


def first_text(sources: Sequence[Any], keys: Sequence[str]) -> str | None:
    """Return the first text under one of ``keys`` in those of ``sources`` that are objects."""
    for source in sources:
        for key in keys if isinstance(source, dict) else ():
            if found := text_or_none(source.get(key)):
                return found
    return None


def whole_or_none(value: Any) -> int | None:
    """Return a count from 0, else None."""
    return value if type(value) is int and value >= 0 else None


def real_or_none(value: Any) -> float | None:
    """Return a finite number from 0, else None."""
    good = type(value) in (int, float) and 0 <= value < float("inf")
    return float(value) if good else None
