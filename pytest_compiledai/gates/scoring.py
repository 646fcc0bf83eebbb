"""Scoring one row: which fields of an answer are not what the golden row expects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Status
from pytest_compiledai.gates.comparators import exact
from pytest_compiledai.gates.promise import scrubbed
from pytest_compiledai.gates.promise import shown_json

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.gates.comparators import Comparator

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_RESERVED: Final = frozenset({"true", "false", "null", "nothing"})


class _Nothing:
    """Stands for a property that is not there."""


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where an answer is not what was expected."""

    path: str  # `lines[0].price`; "" for the output as a whole
    expected: str  # as shown
    got: str

    @property
    def field(self) -> str:
        """The output's property that the difference lies in."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """How one answer compares with what was expected."""

    answered: bool
    differences: tuple[Difference, ...] = ()
    reason: str = ""  # of an Abstain

    @property
    def right(self) -> bool:
        """Whether it was answered and every field matches."""
        return self.answered and not self.differences


def score(expected: Any, answer: Answer, comparators: Mapping[str, Comparator]) -> Scored:
    """Return how ``answer`` compares; keys of ``comparators`` are paths such as `lines[].price`."""
    if answer.status is Status.ABSTAIN:
        return Scored(answered=False, reason=scrubbed(answer.detail))
    if answer.status is not Status.VALUE:
        # An exception is an answer that is wrong: only Abstain hands an input on.
        got = f"{answer.status.value}: {scrubbed(answer.detail)}"
        whole = Difference(path="", expected=shown_json(expected), got=got)
        return Scored(answered=True, differences=(whole,))
    value = json.loads(answer.value)
    return Scored(answered=True, differences=tuple(differences(expected, value, comparators)))


def differences(
    expected: Any, got: Any, comparators: Mapping[str, Comparator]
) -> Iterator[Difference]:
    """Yield where ``got`` is not ``expected``; fields without a comparator compare exactly."""
    yield from _compare(expected, got, "", "", comparators)


def _compare(
    expected: Any, got: Any, path: str, pattern: str, comparators: Mapping[str, Comparator]
) -> Iterator[Difference]:
    chosen = comparators.get(pattern) if pattern else None
    if chosen is not None and expected is not NOTHING and got is not NOTHING:
        if not chosen(expected, got):
            yield _difference(path, expected, got)
    elif isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted({*expected, *got}):
            one, other = expected.get(key, NOTHING), got.get(key, NOTHING)
            yield from _compare(one, other, _joined(path, key), _joined(pattern, key), comparators)
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _compare(one, other, f"{path}[{index}]", f"{pattern}[]", comparators)
    elif expected is NOTHING or got is NOTHING or not exact(expected, got):
        yield _difference(path, expected, got)


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _difference(path: str, expected: Any, got: Any) -> Difference:
    return Difference(path=path, expected=_shown(expected), got=_shown(got))


def _shown(value: Any) -> str:
    if value is NOTHING:
        return "nothing"
    if isinstance(value, str) and _WORD.fullmatch(value) and value not in _RESERVED:
        return value  # `billing` reads better than `"billing"`
    return shown_json(value)
