"""Whether a regular expression can match one text in exponentially many ways.

Builds the position automaton of the pattern (one state for each character it names) and looks for a
loop that two different paths can take over the same text. That is exact for plain patterns, over a
sample of characters; look-arounds are judged by themselves and back-references count as empty.
Polynomial backtracking is not looked for.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

_MANY = 16  # a repeat that may go this far counts as endless
# What a pattern may ask of the search, well under a second; beyond, it counts as explosive.
_POSITIONS = 2_000
_EDGES = 300_000
_STEPS = 1_000_000  # from one pair of positions to the next
# Every ASCII character and some beyond, so that classes such as \s and [^a] meet in at least one.
_SAMPLE = frozenset(map(chr, range(9, 127))) | frozenset("é中\u2003")
_OPAQUE = frozenset({"ATOMIC_GROUP", "POSSESSIVE_REPEAT"})  # matched once, never taken back
_ZERO_WIDTH = frozenset({"AT", "GROUPREF", "FAILURE", "SUCCESS"})
_LOOKS = frozenset({"ASSERT", "ASSERT_NOT"})


class _TooLargeError(Exception):
    """The pattern has more positions than can be judged."""


class _Part(NamedTuple):
    """A piece of the pattern: may it be empty, and where can it begin and end."""

    nullable: bool
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()


_EMPTY = _Part(nullable=True)


@functools.lru_cache(maxsize=1_024)  # the library's patterns are in every candidate that uses them
def is_explosive(pattern: str | bytes) -> bool:
    """Whether matching ``pattern`` can take time exponential in the length of the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Only the parser of `re` itself knows what its engine will run.
            parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        return _Automaton(parsed).is_ambiguous()
    except re.error:
        return False  # it matches nothing: compiling it raises
    except (RecursionError, OverflowError, _TooLargeError):
        return True


class _Automaton:
    """States are positions of the pattern; an edge that exists twice is two ways to one place."""

    def __init__(self, parsed: Any) -> None:
        self.chars: list[frozenset[str]] = []
        self.edges: Counter[tuple[int, int]] = Counter()
        self.looks: list[Any] = []
        self.steps = 0
        self._sequence(parsed)

    def is_ambiguous(self) -> bool:
        if any(_Automaton(look).is_ambiguous() for look in self.looks):
            return True
        follow: dict[int, list[int]] = {}
        for left, right in self.edges:
            follow.setdefault(left, []).append(right)
        return any(self._loops_twice(loop, follow) for loop in _loops(follow))

    def _loops_twice(self, loop: frozenset[int], follow: dict[int, list[int]]) -> bool:
        inside = {state: [other for other in follow[state] if other in loop] for state in loop}
        if any(self.edges[state, other] > 1 for state in loop for other in inside[state]):
            return True
        return self._has_twin_paths(loop, inside)

    def _has_twin_paths(self, loop: frozenset[int], inside: dict[int, list[int]]) -> bool:
        """Whether two paths part at one state, read the same text, and meet again."""
        onward: dict[tuple[int, int], list[tuple[int, int]]] = {}
        back: dict[tuple[int, int], list[tuple[int, int]]] = {}
        meeting = {(state, state) for state in loop}
        pending = list(meeting)
        while pending:
            pair = pending.pop()
            if pair in onward:
                continue
            self.steps += len(inside[pair[0]]) * len(inside[pair[1]])
            if self.steps > _STEPS:
                raise _TooLargeError
            onward[pair] = [
                (left, right)
                for left in inside[pair[0]]
                for right in inside[pair[1]]
                if left == right or not self.chars[left].isdisjoint(self.chars[right])
            ]
            for other in onward[pair]:
                back.setdefault(other, []).append(pair)
            pending += onward[pair]
        parted = {pair for pair in onward if pair[0] != pair[1]}
        return not parted.isdisjoint(_reached(meeting, lambda pair: back.get(pair, ())))

    def _sequence(self, items: Iterable[Any]) -> _Part:
        whole = _EMPTY
        for op, argument in items:
            whole = self._join(whole, self._item(str(op), argument))
        return whole

    def _item(self, op: str, argument: Any) -> _Part:  # noqa: PLR0911 - one line for each operator
        if op in _ZERO_WIDTH:
            return _EMPTY
        if op in _LOOKS:
            self.looks.append(argument[1])
            return _EMPTY
        if op == "SUBPATTERN":
            return self._sequence(argument[3])
        if op == "BRANCH":
            return self._choice([self._sequence(branch) for branch in argument[1]])
        if op == "GROUPREF_EXISTS":
            branches = [branch for branch in argument[1:] if branch is not None]
            return self._choice([_EMPTY, *(self._sequence(branch) for branch in branches)])
        if op in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(*argument)
        if op in _OPAQUE:
            body = argument if op == "ATOMIC_GROUP" else argument[2]
            return self._state(_any_of(body))
        return self._state(_chars(op, argument))

    def _state(self, chars: frozenset[str]) -> _Part:
        if len(self.chars) >= _POSITIONS:
            raise _TooLargeError
        self.chars.append(chars)
        state = (len(self.chars) - 1,)
        return _Part(nullable=False, first=state, last=state)

    def _repeat(self, low: int, high: int, body: Any) -> _Part:
        if high >= _MANY:
            part = self._sequence(body)
            self._connect(part.last, part.first)
            return part._replace(nullable=part.nullable or low == 0)
        # From the inside out, a(a(a)?)?: leaving out one round leaves out the later ones too.
        tail = _EMPTY
        for turn in reversed(range(high)):
            tail = self._join(self._sequence(body), tail)
            tail = tail._replace(nullable=tail.nullable or turn >= low)
        return tail

    def _choice(self, parts: list[_Part]) -> _Part:
        return _Part(
            nullable=any(part.nullable for part in parts),
            first=tuple(state for part in parts for state in part.first),
            last=tuple(state for part in parts for state in part.last),
        )

    def _join(self, left: _Part, right: _Part) -> _Part:
        self._connect(left.last, right.first)
        return _Part(
            nullable=left.nullable and right.nullable,
            first=left.first + (right.first if left.nullable else ()),
            last=right.last + (left.last if right.nullable else ()),
        )

    def _connect(self, last: Iterable[int], first: Iterable[int]) -> None:
        ends = tuple(first)
        if len(self.edges) > _EDGES:
            raise _TooLargeError
        self.edges.update((left, right) for left in last for right in ends)


def _reached(
    starts: Iterable[tuple[int, int]],
    onward: Callable[[tuple[int, int]], Iterable[tuple[int, int]]],
) -> set[tuple[int, int]]:
    seen: set[tuple[int, int]] = set()
    pending = list(starts)
    while pending:
        pair = pending.pop()
        if pair not in seen:
            seen.add(pair)
            pending += onward(pair)
    return seen


def _loops(follow: dict[int, list[int]]) -> list[frozenset[int]]:
    """Return the sets of states that can reach each other, each with at least one edge inside.

    Kosaraju's two passes, without recursion.
    """
    order: list[int] = []
    seen: set[int] = set()
    for start in follow:
        pending = [(start, False)]
        while pending:
            state, done = pending.pop()
            if done:
                order.append(state)
            elif state not in seen:
                seen.add(state)
                pending.append((state, True))
                pending += [(other, False) for other in follow.get(state, ())]
    return _components(order, follow)


def _components(order: list[int], follow: dict[int, list[int]]) -> list[frozenset[int]]:
    back: dict[int, list[int]] = {}
    for state, others in follow.items():
        for other in others:
            back.setdefault(other, []).append(state)
    taken: set[int] = set()
    loops = []
    for start in reversed(order):
        group: set[int] = set()
        pending = [start]
        while pending:
            state = pending.pop()
            if state not in taken:
                taken.add(state)
                group.add(state)
                pending += back.get(state, ())
        if len(group) > 1 or (group and start in follow.get(start, ())):
            loops.append(frozenset(group))
    return loops


def _any_of(items: Any) -> frozenset[str]:
    """Return every character that a closed group could begin or go on with."""
    inner = _Automaton(items)
    return frozenset().union(*inner.chars)


def _chars(op: str, argument: Any) -> frozenset[str]:
    if op == "LITERAL":
        return frozenset({chr(argument)})
    if op == "NOT_LITERAL":
        return _SAMPLE - {chr(argument)}
    if op == "IN":
        return _set_chars(argument)
    return _SAMPLE


def _set_chars(parts: Any) -> frozenset[str]:
    found: set[str] = set()
    negate = False
    for op, argument in parts:
        name = str(op)
        if name == "NEGATE":
            negate = True
        elif name == "LITERAL":
            found.add(chr(argument))
        elif name == "RANGE":
            low, high = argument
            found |= {char for char in _SAMPLE if low <= ord(char) <= high} or {chr(low)}
        else:
            found |= {char for char in _SAMPLE if _in_category(str(argument), char)}
    return _SAMPLE - found if negate else frozenset(found)


def _in_category(name: str, char: str) -> bool:
    plain = name.removeprefix("CATEGORY_")
    tests = {
        "DIGIT": char.isdigit(),
        "SPACE": char.isspace(),
        "WORD": char.isalnum() or char == "_",
    }
    return tests[plain.removeprefix("NOT_")] is not plain.startswith("NOT_")
