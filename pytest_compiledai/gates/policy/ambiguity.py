"""Whether a regular expression can match one text in exponentially many ways.

Builds the position automaton of the pattern (one state for each character it names) and looks for a
loop that two different paths can take over the same text. That is exact for plain patterns, over a
sample of characters. A look-around of one character beside a character narrows what that may be, or
what may stand before it; any other counts as always true, which only adds paths. Each is judged by
itself as well, and so is what an atomic group or a possessive repeat holds. Back-references count
as empty. Polynomial backtracking is not looked for.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

_MANY = 16  # a repeat that may go this far counts as endless
# What a pattern may ask of the search, well under a second; beyond, it counts as explosive.
_POSITIONS = 2_000  # in repeats
_LENGTH = 20_000  # of all
_EDGES = 300_000
_STEPS = 1_000_000  # from one pair of positions to the next
# Every ASCII character and some beyond, so that classes such as \s and [^a] meet in at least one; a
# pattern adds those that it names.
_SAMPLE = frozenset(map(chr, range(9, 127))) | frozenset("é中\u2003")
_OPAQUE = frozenset({"ATOMIC_GROUP", "POSSESSIVE_REPEAT"})  # matched once, never taken back
_ZERO_WIDTH = frozenset({"AT", "GROUPREF", "FAILURE", "SUCCESS"})
_LOOKS = frozenset({"ASSERT", "ASSERT_NOT"})
_ONE = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})  # match one character each
_EXACT = _ONE - {"ANY"}  # by flags, that leaves out the line feed
_BEHIND = -1


class _TooLargeError(Exception):
    """The pattern has more positions than can be judged."""


class _Part(NamedTuple):
    """A piece of the pattern: in how many ways may it be empty, and where can it begin and end.

    Two ways stand for any number above: they double each edge that leads past the piece.
    """

    empty: int
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()


_EMPTY = _Part(empty=1)


@functools.lru_cache(maxsize=1_024)  # the library's patterns are in every candidate that uses them
def is_explosive(pattern: str | bytes, flags: int = 0) -> bool:
    """Whether matching ``pattern`` can take time exponential in the length of the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Only the parser of `re` itself knows what its engine will run.
            parsed = re._parser.parse(pattern, flags)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        sample = _SAMPLE | {other for char in _named(parsed) for other in _cases(char)}
        flags = parsed.state.flags | (re.ASCII if isinstance(pattern, bytes) else 0)
        return _Automaton(parsed, flags, sample).is_ambiguous()
    except (re.error, ValueError):
        return False  # it matches nothing: compiling it raises
    except (RecursionError, OverflowError, _TooLargeError):
        return True


class _Automaton:
    """States are positions of the pattern; an edge that exists twice is two ways to one place."""

    def __init__(self, parsed: Any, flags: int, sample: frozenset[str]) -> None:
        self.flags = flags
        self.sample = sample
        self.chars: list[frozenset[str]] = []
        self.before: dict[int, frozenset[str]] = {}  # by state: what may stand before it
        self.edges: Counter[tuple[int, int]] = Counter()
        self.looks: list[tuple[Any, int]] = []
        self.steps = 0
        self.depth = 0  # of repeats around what is read; no loop passes what stands outside
        self.repeated = 0  # positions inside
        self._sequence(parsed)

    def is_ambiguous(self) -> bool:
        inner = (_Automaton(body, flags, self.sample) for body, flags in self.looks)
        if any(look.is_ambiguous() for look in inner):
            return True
        follow: dict[int, list[int]] = {}
        for left, right in self.edges:
            if not self.chars[left].isdisjoint(self.before.get(right, self.sample)):
                follow.setdefault(left, []).append(right)
        return any(self._loops_twice(loop, follow) for loop in _loops(follow))

    def _loops_twice(self, loop: frozenset[int], follow: dict[int, list[int]]) -> bool:
        inside = {s: [other for other in follow.get(s, ()) if other in loop] for s in loop}
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
                if left == right or self._may_part(pair, left, right)
            ]
            for other in onward[pair]:
                back.setdefault(other, []).append(pair)
            pending += onward[pair]
        parted = {pair for pair in onward if pair[0] != pair[1]}
        return not parted.isdisjoint(_reached(meeting, lambda pair: back.get(pair, ())))

    def _may_part(self, pair: tuple[int, int], left: int, right: int) -> bool:
        """Whether two paths at ``pair``, which read one text, can go on to two states."""
        if self.chars[left].isdisjoint(self.chars[right]):
            return False
        if left not in self.before and right not in self.before:
            return True
        last = self.chars[pair[0]] & self.chars[pair[1]]
        return bool(last & self.before.get(left, self.sample) & self.before.get(right, self.sample))

    def _sequence(self, items: Iterable[Any]) -> _Part:
        whole = _EMPTY
        named = [(str(op), argument) for op, argument in items]
        for at, (op, argument) in enumerate(named):
            part = self._item(op, argument)
            if op in _ONE:
                self._narrow(part.first[0], named, at)
            whole = self._join(whole, part)
        return whole

    def _narrow(self, state: int, items: list[tuple[str, Any]], at: int) -> None:
        """Let the look-arounds that touch a character say which ones it, or that before it, may be.

        Whoever enters a state that one is written before, or leaves one it is written after, has
        gone through it.
        """
        for way, step in (("before", -1), ("after", 1)):
            near = at + step
            while 0 <= near < len(items) and items[near][0] in _LOOKS | {"AT"}:
                op, argument = items[near]
                near += step
                if op == "AT" or len(argument[1]) != 1 or str(argument[1][0][0]) not in _EXACT:
                    continue
                chars = self._chars(str(argument[1][0][0]), argument[1][0][1])
                allowed = chars if op == "ASSERT" else self.sample - chars
                if (argument[0] == _BEHIND) == (way == "after"):
                    self.chars[state] &= allowed
                elif way == "before":
                    self.before[state] = self.before.get(state, self.sample) & allowed

    def _item(self, op: str, argument: Any) -> _Part:  # noqa: PLR0911 - one line for each operator
        if op in _ZERO_WIDTH:
            return _EMPTY
        if op in _LOOKS:
            self.looks.append((argument[1], self.flags))
            return _EMPTY
        if op == "SUBPATTERN":
            return self._group(*argument)
        if op == "BRANCH":
            return self._choice([self._sequence(branch) for branch in argument[1]])
        if op == "GROUPREF_EXISTS":
            ways = [self._sequence(branch) if branch else _EMPTY for branch in argument[1:]]
            part = self._choice(ways)  # of which the group leaves one
            return part._replace(empty=min(part.empty, 1))
        if op in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self._repeat(*argument)
        if op in _OPAQUE:
            body = argument if op == "ATOMIC_GROUP" else argument[2]
            self.looks.append((body, self.flags))  # within, it is taken back like any other
            inner = _Automaton(body, self.flags, self.sample)
            return self._state(frozenset().union(*inner.chars))
        return self._state(self._chars(op, argument))

    def _group(self, _: Any, added: int, taken: int, body: Any) -> _Part:
        outside, self.flags = self.flags, (self.flags | added) & ~taken
        part = self._sequence(body)
        self.flags = outside
        return part

    def _chars(self, op: str, argument: Any) -> frozenset[str]:
        if op == "LITERAL":
            return self._cased({chr(argument)})
        if op == "NOT_LITERAL":
            return self.sample - self._cased({chr(argument)})
        return self._set_chars(argument) if op == "IN" else self.sample

    def _cased(self, chars: set[str]) -> frozenset[str]:
        if self.flags & re.IGNORECASE:
            chars = {other for char in chars for other in _cases(char)}
        return frozenset(chars)

    def _set_chars(self, parts: Any) -> frozenset[str]:
        found: set[str] = set()
        for op, argument in parts:
            match str(op):
                case "LITERAL":
                    found.add(chr(argument))
                case "RANGE":
                    low, high = argument
                    found |= {char for char in self.sample if low <= ord(char) <= high}
                case "CATEGORY":
                    name = str(argument)
                    found |= {c for c in self.sample if _in_category(name, c, self.flags)}
        chars = self._cased(found)
        return self.sample - chars if str(parts[0][0]) == "NEGATE" else chars

    def _state(self, chars: frozenset[str]) -> _Part:
        self.repeated += self.depth > 0
        if self.repeated > _POSITIONS or len(self.chars) >= _LENGTH:
            raise _TooLargeError
        self.chars.append(chars)
        state = (len(self.chars) - 1,)
        return _Part(empty=0, first=state, last=state)

    def _repeat(self, low: int, high: int, body: Any) -> _Part:
        self.depth += high > 1
        part = self._rounds(low, high, body)
        self.depth -= high > 1
        return part

    def _rounds(self, low: int, high: int, body: Any) -> _Part:
        if high >= _MANY:
            part = self._sequence(body)
            self._connect(part.last, part.first)
            # No round at all, or one that is empty; after an empty one the engine tries another.
            return part._replace(empty=2 if part.empty else int(low == 0))
        # From the inside out, a(a(a)?)?: leaving out one round leaves out the later ones too.
        tail = _EMPTY
        for turn in reversed(range(high)):
            tail = self._join(self._sequence(body), tail)
            tail = tail._replace(empty=min(tail.empty + (turn >= low), 2))
        return tail

    def _choice(self, parts: list[_Part]) -> _Part:
        return _Part(
            empty=min(sum(part.empty for part in parts), 2),
            first=tuple(state for part in parts for state in part.first),
            last=tuple(state for part in parts for state in part.last),
        )

    def _join(self, left: _Part, right: _Part) -> _Part:
        self._connect(left.last, right.first)
        return _Part(
            empty=min(left.empty * right.empty, 2),
            first=left.first + right.first * left.empty,
            last=right.last + left.last * right.empty,
        )

    def _connect(self, last: Iterable[int], first: Iterable[int]) -> None:
        if not self.depth:
            return
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


def _named(item: Any) -> Iterator[str]:
    """Yield the characters that a parsed pattern names, the ends of ranges too."""
    match item:
        case (op, int() as code) if str(op) in {"LITERAL", "NOT_LITERAL"}:
            yield chr(code)
        case (op, (int() as low, int() as high)) if str(op) == "RANGE":
            yield from (chr(low), chr(high))
        case tuple() | list():
            for part in item:
                yield from _named(part)
        case _ if hasattr(item, "data"):
            yield from _named(item.data)


def _cases(char: str) -> set[str]:
    return {form for form in (char, char.lower(), char.upper()) if len(form) == 1}


def _in_category(name: str, char: str, flags: int) -> bool:
    plain = name.removeprefix("CATEGORY_")
    known = char.isascii() or not flags & re.ASCII
    tests = {
        "DIGIT": known and char.isdigit(),
        "SPACE": known and char.isspace(),
        "WORD": known and (char.isalnum() or char == "_"),
    }
    return tests[plain.removeprefix("NOT_")] is not plain.startswith("NOT_")
