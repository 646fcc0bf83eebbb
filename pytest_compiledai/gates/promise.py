"""What every answer of generated code must keep: an output of the schema, or a typed refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.verdict import Finding

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.schema import Schema

#: Endings that cost a worker, so that a gate must not collect many of them.
KILLS: Final = frozenset({Status.TIMEOUT, Status.MEMORY, Status.VIOLATION, Status.CRASH})

SHOWN_CHARACTERS: Final = 300  # of an input or a detail in a message
_EXPECTED: Final = "an output or Abstain"
# An object's address differs from run to run; the message must not.
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{6,16}")
_RULES: Final = {
    Status.ERROR: ("exception", "an exception", _EXPECTED),
    Status.NOT_PLAIN: ("not-plain", "a value that is not plain JSON", "plain JSON data"),
    Status.TOO_LARGE: ("size", "an answer beyond the cap", "a smaller answer"),
    Status.TIMEOUT: ("timeout", "no end", "an answer within the time of one call"),
    Status.MEMORY: ("memory", "no memory left", "an answer within the memory of the sandbox"),
    Status.VIOLATION: ("violation", "a forbidden system call", "pure computation"),
    Status.CRASH: ("crash", "a dead process", _EXPECTED),
}


class Breach(NamedTuple):
    """How an answer broke its promise."""

    name: str  # the last part of the rule
    found: str
    expected: str

    def __str__(self) -> str:
        return f"found {self.found}; expected {self.expected}"


def breach(answer: Answer, output: Schema) -> Breach | None:
    """Return how ``answer`` breaks the promise; None where it keeps it."""
    if answer.status is Status.ABSTAIN:
        return None
    if answer.status is not Status.VALUE:
        name, fallback, expected = _RULES[answer.status]
        return Breach(name, scrubbed(answer.detail) or fallback, expected)
    try:
        value = json.loads(answer.value)
    except (ValueError, RecursionError):  # the sandbox promises canonical JSON, depth unbounded
        return Breach("not-plain", "an answer that cannot be read", "plain JSON data")
    problems = output.problems(value)
    if not problems:
        return None
    first = problems[0]
    where = f"{first.path}: " if first.path else ""
    return Breach("schema", f"{where}{first.found}", first.expected)


def same_answer(one: Answer, other: Answer) -> bool:
    """Return whether two answers to one input are the same bytes."""
    if one.status is not other.status or one.value != other.value:
        return False
    # An exception's text may hold an address; it is a breach already. A refusal's reason is output.
    return one.status is not Status.ABSTAIN or one.detail == other.detail


def scrubbed(detail: str) -> str:
    """Return a detail without what differs from run to run, cut to a line."""
    return cut(_ADDRESS.sub("0x...", " ".join(detail.split())))


def cut(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Return ``text``, cut to ``most`` characters and what it lost."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def shown_json(value: Any) -> str:
    """Return a JSON value on one line, cut, its keys sorted, odd characters escaped."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return cut(text if text.isprintable() else json.dumps(value, sort_keys=True))


def capped(findings: Sequence[Finding], most: int) -> tuple[Finding, ...]:
    """Return the first ``most`` findings and, where there are more, one that counts the rest."""
    if len(findings) <= most:
        return tuple(findings)
    left = findings[most:]
    more = Finding(
        rule=left[0].rule,
        message=f"{len(left)} more findings like these",
        quotable=all(finding.quotable for finding in findings),
    )
    return (*findings[:most], more)
