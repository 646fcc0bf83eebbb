"""Comparators: whether what was answered is what was expected, exactly, never by a model's vote."""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import Protocol

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.gates import settings
from pytest_compiledai.gates.promise import scrubbed
from pytest_compiledai.gates.reading import read_day
from pytest_compiledai.gates.reading import read_money

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.calls import Session

USER: Final = re.compile(r"(?P<path>[^:\s][^:]*\.py):(?P<function>[A-Za-z_][A-Za-z0-9_]*)")
NAMES: Final = ("exact", "number", "date", "money", "text", "set", "bag", "list")


class Comparator(Protocol):
    """Says whether ``got`` stands for the same thing as ``expected``; both are JSON values."""

    def __call__(self, expected: Any, got: Any) -> bool:
        """Return whether the two are the same thing."""


class ComparatorFault(Exception):
    """A user's comparator did not say true or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserComparator:
    """A comparator of the project's own, named `file.py:function`; called in the sandbox."""

    path: str  # as written in the spec, relative to it
    function: str

    @property
    def name(self) -> str:
        """The name as the spec writes it."""
        return f"{self.path}:{self.function}"


def identity(value: Any) -> Hashable:
    """Return a hashable that is equal for equal JSON: 1 is 1.0, but neither is true."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", *map(identity, value))
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    return value  # type: ignore[no-any-return]  # a scalar


def exact(expected: Any, got: Any) -> bool:
    """Return whether two JSON values are equal, types included; 1 and 1.0 are one number."""
    return identity(expected) == identity(got)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Compares by a key of each value; values without a key compare exactly."""

    key: Callable[[Any], Hashable | None]

    def of(self, value: Any) -> Hashable:
        """Return the key, or the value's identity where it has none."""
        key = self.key(value)
        return ("value", identity(value)) if key is None else ("key", key)

    def __call__(self, expected: Any, got: Any) -> bool:
        """Return whether the keys are equal."""
        return self.of(expected) == self.of(got)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Numbers within an absolute or a relative distance, ends included, counted as decimals."""

    abs: float = 0.0
    rel: float = 0.0

    def __call__(self, expected: Any, got: Any) -> bool:
        """Return whether ``got`` is near ``expected``; what is no number compares exactly."""
        if type(expected) not in (int, float) or type(got) not in (int, float):
            return exact(expected, got)
        wanted = _fraction(expected)
        allowed = max(_fraction(self.abs), _fraction(self.rel) * abs(wanted))
        return abs(wanted - _fraction(got)) <= allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Lists without their order; ``repeats`` says whether an item may count more than once."""

    item: Keyed
    repeats: bool

    def __call__(self, expected: Any, got: Any) -> bool:
        """Return whether both lists hold the same items."""
        if not isinstance(expected, list) or not isinstance(got, list):
            return exact(expected, got)
        one, other = Counter(map(self.item.of, expected)), Counter(map(self.item.of, got))
        return one == other if self.repeats else one.keys() == other.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Lists of equal length whose items compare pair by pair."""

    item: Comparator

    def __call__(self, expected: Any, got: Any) -> bool:
        """Return whether every pair compares equal."""
        if not isinstance(expected, list) or not isinstance(got, list):
            return exact(expected, got)
        if len(expected) != len(got):
            return False
        return all(self.item(a, b) for a, b in zip(expected, got, strict=True))


_EXACT: Final = Keyed(key=lambda _: None)


def normal_text(value: Any) -> str | None:
    """Return a text in NFKC, case folded, white space made single; None for what is no text."""
    if not isinstance(value, str):
        return None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join(folded.split())


def parse(stated: Any, place: settings.At) -> Comparator | UserComparator:
    """Return the comparator a spec states: a name, or a name with its options.

    Raises ``SpecError`` at what is not understood, with the names that are.
    """
    if isinstance(stated, str):
        if match := USER.fullmatch(stated):
            return UserComparator(path=match["path"], function=match["function"])
        if stated in NAMES:
            return _make(stated, None, place)
    elif isinstance(stated, Mapping) and len(stated) == 1:
        (name,) = stated
        if name in NAMES:
            return _make(name, stated[name], lambda *keys: place(name, *keys))
    raise SpecError(
        where=place(),
        found=f"the comparator {stated!r}"[:120],
        expected=f"one of {', '.join(NAMES)}, or file.py:function",
    )


def _make(name: str, options: Any, place: settings.At) -> Comparator | UserComparator:
    if name in ("set", "bag"):
        return Gathered(item=_keyed(options, place), repeats=name == "bag")
    if name == "list":
        item = exact if options is None else parse(options, place)
        if isinstance(item, UserComparator):
            raise _refused(place, item.name, "a comparator of ours for the items of a list")
        return Ordered(item=item)
    if name == "number":
        return _number({} if options is None else options, place)
    if name == "date":
        return _date({} if options is None else options, place)
    if options is not None:
        raise _refused(place, f"options of `{name}`", "none")
    if name == "exact":
        return _EXACT
    return Keyed(key=read_money if name == "money" else normal_text)


def _keyed(options: Any, place: settings.At) -> Keyed:
    item = _EXACT if options is None else parse(options, place)
    if not isinstance(item, Keyed):
        raise _refused(place, f"items compared by {options!r}", "exact, date, money or text")
    return item


def _number(options: Any, place: settings.At) -> Number:
    if not isinstance(options, Mapping):
        raise _refused(place, f"{options!r}", "a mapping of abs and rel")
    settings.known_keys(options, ("abs", "rel"), place)
    return Number(**{key: settings.from_zero(options, key, place) for key in options})


def _date(options: Any, place: settings.At) -> Keyed:
    if not isinstance(options, Mapping):
        raise _refused(place, f"{options!r}", "a mapping with order")
    settings.known_keys(options, ("order",), place)
    order = options.get("order", "")
    if order not in ("", "dmy", "mdy"):
        raise _refused(lambda: place("order"), f"order: {order!r}", "dmy or mdy")
    return Keyed(key=lambda value: read_day(value, order=order))


def _refused(place: settings.At, found: str, expected: str) -> SpecError:
    return SpecError(where=place(), found=found[:120], expected=expected)


def _fraction(value: float) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


_WRAPPED: Final = """

def compiledai_compare(data):
    return {function}(data["expected"], data["got"])
"""


@contextlib.contextmanager
def in_sandbox(sandbox: Sandbox, source: bytes, function: str) -> Iterator[Comparator]:
    """Give a user's comparator that runs in the sandbox while the context is open.

    Its process sees expected outputs; it is not the one that runs generated code. The comparator
    raises ``ComparatorFault`` for anything but true or false.
    """
    wrapped = source + _WRAPPED.format(function=function).encode("ascii")
    program = Program(source=wrapped, function="compiledai_compare")
    with sandbox.open(program) as session:
        yield lambda expected, got: _asked(session, expected, got)


def _asked(session: Session, expected: Any, got: Any) -> bool:
    (answer,) = session.call([canonical_json({"expected": expected, "got": got})])
    value = json.loads(answer.value) if answer.status is Status.VALUE else None
    if not isinstance(value, bool):
        raise ComparatorFault(scrubbed(answer.detail) or f"{answer.status.value} {answer.value!r}")
    return value
