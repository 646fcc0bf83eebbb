r"""The regular expressions a schema may state, matched in time linear in the text.

Only what Python and ECMAScript read alike is understood: characters, classes, groups,
alternatives, repeats, `^` and `$`. Looking around, references back, word boundaries, flags and
named groups are refused. `\d`, `\w`, `\s` mean ASCII; `$` means the very end; `.` is any character
but a line end.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from importlib import import_module
from typing import Any
from typing import Final

LENGTH_CAP: Final = 500  # characters of a pattern
GROUP_CAP: Final = 100  # opening brackets of a pattern; each nests the parser deeper
POSITION_CAP: Final = 1_000  # characters a pattern stands for once counted repeats are written out
_STATE_CAP: Final = 2_000  # remembered states; beyond it they are forgotten and found again

_UNBOUNDED: Final = 4_294_967_295  # what the standard library's parser writes for "no maximum"
_BEGIN: Final = -1  # stands before the first character
_END: Final = -2  # stands after the last


class PatternError(ValueError):
    """A regular expression that is malformed, or not understood alike everywhere."""


@dataclass(slots=True)
class _Part:
    """A piece of the expression: where it may begin and end, and whether it may be empty."""

    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    empty: bool = True


class Pattern:
    """A regular expression with the meaning of JSON Schema: found anywhere in the text.

    A position automaton (Glushkov) whose sets of positions are remembered as they are met, so no
    text makes it slow, however the expression was written.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._leaves: list[Any] = []  # what each position accepts
        self._follow: list[set[int]] = []
        whole = self._sequence(_parsed(text))
        self._first = frozenset(whole.first)
        self._last = frozenset(whole.last)
        self._empty = whole.empty
        self._states: dict[frozenset[int], dict[int, frozenset[int]]] = {}

    def search(self, text: str) -> bool:
        """Return whether the expression is found in ``text``."""
        if self._empty:
            return True
        state = self._step(frozenset(), _BEGIN)
        if state & self._last:
            return True
        for character in text:
            state = self._step(state, ord(character))
            if state & self._last:
                return True
        return bool(self._step(state, _END) & self._last)

    def _step(self, state: frozenset[int], code: int) -> frozenset[int]:
        known = self._states.get(state)
        if known is None:
            if len(self._states) > _STATE_CAP:
                self._states.clear()
            known = self._states[state] = {}
        found = known.get(code)
        if found is None:
            reached = self._first.union(*(self._follow[position] for position in state))
            found = frozenset(p for p in reached if _accepts(self._leaves[p], code))
            if len(known) > _STATE_CAP:
                known.clear()
            known[code] = found
        return found

    def _sequence(self, items: Any) -> _Part:
        whole = _Part()
        for item in items:
            self._append(whole, self._item(item))
        return whole

    def _append(self, whole: _Part, part: _Part) -> None:
        for position in whole.last:
            self._follow[position] |= part.first
        if whole.empty:
            whole.first |= part.first
        whole.last = whole.last | part.last if part.empty else part.last
        whole.empty = whole.empty and part.empty

    def _item(self, item: Any) -> _Part:
        name, argument = str(item[0]), item[1]
        if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            return self._leaf(_leaf(name, argument))
        if name == "AT" and str(argument) in {"AT_BEGINNING", "AT_END"}:
            return self._leaf(_BEGIN if str(argument) == "AT_BEGINNING" else _END)
        if name == "SUBPATTERN" and not argument[1] and not argument[2]:
            return self._sequence(argument[3])
        if name == "BRANCH":
            return self._branch(argument[1])
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(*argument)
        raise PatternError(f"{_NAMES.get(name, name.lower())}, which not every reader understands")

    def _leaf(self, leaf: Any) -> _Part:
        if len(self._leaves) >= POSITION_CAP:
            raise PatternError(f"more than {POSITION_CAP} characters once repeats are written out")
        self._leaves.append(leaf)
        self._follow.append(set())
        position = {len(self._leaves) - 1}
        return _Part(first=set(position), last=position, empty=False)

    def _branch(self, options: Any) -> _Part:
        whole = _Part(empty=False)
        for option in options:
            part = self._sequence(option)
            whole.first |= part.first
            whole.last |= part.last
            whole.empty = whole.empty or part.empty
        return whole

    def _repeat(self, low: int, high: int, items: Any) -> _Part:
        whole = _Part()
        for _ in range(low):
            self._append(whole, self._sequence(items))
        if int(high) >= _UNBOUNDED:
            more = self._sequence(items)
            for position in more.last:
                self._follow[position] |= more.first
            more.empty = True
            self._append(whole, more)
            return whole
        for _ in range(int(high) - low):
            more = self._sequence(items)
            more.empty = True
            self._append(whole, more)
        return whole


_NAMES: Final = {
    "ASSERT": "looking around",
    "ASSERT_NOT": "looking around",
    "AT": "a word boundary",
    "ATOMIC_GROUP": "an atomic group",
    "GROUPREF": "a reference back",
    "GROUPREF_EXISTS": "a condition",
    "POSSESSIVE_REPEAT": "a possessive repeat",
    "SUBPATTERN": "flags in a group",
}


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Return the automaton of ``text``, made once; raises ``PatternError``."""
    return Pattern(text)


def _parsed(text: str) -> Any:
    """Return the standard library's parse of ``text``, refused where readers differ."""
    if len(text) > LENGTH_CAP:
        raise PatternError(f"{len(text)} characters, more than {LENGTH_CAP}")
    if text.count("(") > GROUP_CAP:
        raise PatternError(f"more than {GROUP_CAP} groups")
    # The parser has no public name; Hypothesis rests on the same one.
    parse = import_module("re._parser").parse
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # `[[` and `--` will change meaning
            tree = parse(text, re.ASCII)
    except (re.error, FutureWarning, OverflowError) as error:
        raise PatternError(f"no regular expression: {error}") from None
    if tree.state.groupdict:
        raise PatternError("a named group, which not every reader understands")
    if tree.state.flags & ~re.ASCII:
        raise PatternError("flags in the expression, which not every reader understands")
    return tree


def _leaf(name: str, argument: Any) -> Any:
    """Return what one position accepts: (negated, ranges of code points)."""
    if name == "LITERAL":
        return False, ((argument, argument),)
    if name == "NOT_LITERAL":
        return True, ((argument, argument),)
    if name == "ANY":
        return True, ((10, 10), (13, 13), (0x2028, 0x2029))
    negated = str(argument[0][0]) == "NEGATE"
    ranges: list[tuple[int, int]] = []
    for kind, value in argument[1 if negated else 0 :]:
        ranges += _ranges(str(kind), value)
    return negated, tuple(ranges)


def _ranges(kind: str, value: Any) -> tuple[tuple[int, int], ...]:
    if kind == "LITERAL":
        return ((value, value),)
    if kind == "RANGE":
        return (tuple(value),)
    return _CATEGORIES[str(value)]


def _complement(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    gaps, start = [], 0
    for low, high in ranges:
        gaps.append((start, low - 1))
        start = high + 1
    return (*gaps, (start, 0x10FFFF))


_DIGITS: Final = ((48, 57),)
_SPACES: Final = ((9, 13), (32, 32))
_WORDS: Final = ((48, 57), (65, 90), (95, 95), (97, 122))
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": _DIGITS,
    "CATEGORY_NOT_DIGIT": _complement(_DIGITS),
    "CATEGORY_SPACE": _SPACES,
    "CATEGORY_NOT_SPACE": _complement(_SPACES),
    "CATEGORY_WORD": _WORDS,
    "CATEGORY_NOT_WORD": _complement(_WORDS),
}


def _accepts(leaf: Any, code: int) -> bool:
    if code < 0 or isinstance(leaf, int):
        return bool(leaf == code)
    negated, ranges = leaf
    return any(low <= code <= high for low, high in ranges) is not negated
