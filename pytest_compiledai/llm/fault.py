"""One exchange with an endpoint that brought no usable answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pytest_compiledai.llm.request import Size


class FaultKind(StrEnum):
    """What went wrong, as far as another try and the bill are concerned."""

    BUSY = "busy"  # 429, 5xx and the like: asked to come again
    UNREACHED = "unreached"  # no HTTP answer began
    HANG = "hang"  # no answer before the deadline
    CUT = "cut"  # the body ended early
    JUNK = "junk"  # the body is no chat completion
    EMPTY = "empty"  # no choice, or one without a text
    LENGTH = "length"  # the answer stopped at max_tokens
    FLOOD = "flood"  # more bytes than any answer may have
    REFUSED = "refused"  # 4xx: the same request will be refused again


#: Kinds after which something may have been paid for, though nobody says how much.
MAYBE_PAID = frozenset(
    {FaultKind.HANG, FaultKind.CUT, FaultKind.JUNK, FaultKind.EMPTY, FaultKind.FLOOD}
)


@dataclass(slots=True, kw_only=True)
class Fault(Exception):
    """An exchange that failed; whether to try again is for the patient caller to say."""

    kind: FaultKind
    found: str  # in the words of a message, without secrets
    next: str = ""
    retry_after_s: float | None = None
    paid: Size | None = None  # what the endpoint counted, where it said so

    def __str__(self) -> str:
        return self.found
