"""The expressions of guarded routes: a small grammar, read into values and judged without `eval`.

    expression = "not" expression | expression ("and" | "or") expression | comparison | slot
    comparison = slot ("==" | "!=" | "<" | "<=" | ">" | ">=") literal
               | slot ["not"] "in" "[" literal, ... "]"
    literal    = a whole number | a text in quotes | None

A slot alone holds where it is filled. A missing slot is None; ordering anything but two numbers is
false. `turns` is the number of user turns so far.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: What a slot can hold, and what a guard may name beside it.
Value = str | int | None
TURNS: Final = "turns"

LENGTH_CAP: Final = 500  # characters of one guard
DEPTH_CAP: Final = 20
#: Assignments that are tried before a guard counts as undecided.
TRIED_CAP: Final = 20_000
_FRESH: Final = "\x00another"  # a text that no literal is

_ORDER: Final = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


class GuardError(ValueError):
    """A guard outside the grammar; the text says what was met and what is understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Whether a slot has a value."""

    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A slot against a literal, or against a list of them."""

    slot: str
    order: str
    literal: Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The opposite."""

    of: Guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Several guards, all or any of which have to hold."""

    word: str  # and | or
    of: tuple[Guard, ...]


Guard = Filled | Compared | Not | Joined


def read_guard(text: str) -> Guard:
    """Return the guard that ``text`` states. Raises ``GuardError``."""
    if len(text) > LENGTH_CAP:
        raise GuardError(f"found {len(text)} characters; expected at most {LENGTH_CAP}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise GuardError(f"found {text[:60]!r}; expected an expression of slots") from None
    return _guard(tree.body, 0)


def _guard(node: ast.expr, depth: int) -> Guard:
    if depth > DEPTH_CAP:
        raise GuardError(f"found deeper nesting; expected at most {DEPTH_CAP} levels")
    match node:
        case ast.Name(id=slot):
            return Filled(slot=slot)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return Not(of=_guard(inner, depth + 1))
        case ast.BoolOp(op=op, values=values):
            word = "and" if isinstance(op, ast.And) else "or"
            return Joined(word=word, of=tuple(_guard(value, depth + 1) for value in values))
        case ast.Compare(left=ast.Name(id=slot), ops=[op], comparators=[right]):
            order = _ORDER.get(type(op))
            if order is not None:
                return Compared(slot=slot, order=order, literal=_literal(right, order))
    raise GuardError(
        f"found {ast.unparse(node)[:60]!r}; expected slots, `not`, `and`, `or`, and a slot "
        "compared with a number, a text in quotes, or a list of them"
    )


def _literal(node: ast.expr, order: str) -> Value | tuple[Value, ...]:
    if order in ("in", "not in"):
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            return tuple(_plain(item) for item in node.elts)
        raise GuardError(f"found {ast.unparse(node)[:60]!r}; expected a list after `{order}`")
    return _plain(node)


def _plain(node: ast.expr) -> Value:
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
    if isinstance(inner, ast.Constant):
        value = inner.value
        if type(value) is int:
            return -value if negative else value
        if not negative and (value is None or isinstance(value, str)):
            return value
    raise GuardError(
        f"found {ast.unparse(node)[:60]!r}; expected a whole number, a text in quotes or None"
    )


def holds(guard: Guard, slots: Mapping[str, Value]) -> bool:
    """Return whether ``guard`` holds for ``slots``; a slot that is missing is None."""
    match guard:
        case Filled(slot=slot):
            return slots.get(slot) is not None
        case Not(of=inner):
            return not holds(inner, slots)
        case Joined(word=word, of=parts):
            each = (holds(part, slots) for part in parts)
            return all(each) if word == "and" else any(each)
        case Compared(slot=slot, order=order, literal=literal):
            return _compare(slots.get(slot), order, literal)


def _compare(value: Value, order: str, literal: Value | tuple[Value, ...]) -> bool:
    if isinstance(literal, tuple):
        return (value in literal) is (order == "in")
    if order in ("==", "!="):
        return (value == literal) is (order == "==")
    if not isinstance(value, int) or not isinstance(literal, int):
        return False
    ordered = {"<": value < literal, "<=": value <= literal, ">": value > literal}
    return ordered.get(order, value >= literal)


def names(guard: Guard) -> frozenset[str]:
    """Return the slots that ``guard`` looks at."""
    match guard:
        case Filled(slot=slot) | Compared(slot=slot):
            return frozenset({slot})
        case Not(of=inner):
            return names(inner)
        case Joined(of=parts):
            return frozenset().union(*map(names, parts))


def as_text(guard: Guard) -> str:
    """Return ``guard`` in the grammar; read again it is the same guard, and it is Python too."""
    match guard:
        case Filled(slot=slot):
            return slot
        case Not(of=inner):
            return f"not ({as_text(inner)})"
        case Joined(word=word, of=parts):
            return f" {word} ".join(f"({as_text(part)})" for part in parts)
        case Compared(slot=slot, order=order, literal=literal):
            told = list(literal) if isinstance(literal, tuple) else literal
            return f"{slot} {order} {told!r}"


def assignments(
    guards: Iterable[Guard], values: Mapping[str, Sequence[Value]]
) -> Iterator[dict[str, Value]] | None:
    """Return slot values that together show every way these guards can turn out.

    ``values`` are all values of the slots that have a list of them; of others, the literals they
    are compared with, their neighbours, one more value and None stand for all. None where there are
    more than ``TRIED_CAP``: undecided.
    """
    asked = list(guards)
    slots = sorted(frozenset().union(*map(names, asked))) if asked else []
    choices = [_choices(slot, asked, values) for slot in slots]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > TRIED_CAP:
        return None
    return (dict(zip(slots, chosen, strict=True)) for chosen in itertools.product(*choices))


def _choices(
    slot: str, guards: Iterable[Guard], values: Mapping[str, Sequence[Value]]
) -> list[Value]:
    if slot in values:
        return [None, *values[slot]]
    literals = {literal for guard in guards for literal in _literals(guard, slot)}
    numbers = sorted(value for value in literals if isinstance(value, int))
    around = sorted({near for value in numbers for near in (value - 1, value, value + 1)} or {0})
    if slot == TURNS:
        return [value for value in around if value >= 0]
    texts = sorted(value for value in literals if isinstance(value, str))
    return [None, *around, *texts, _FRESH]


def _literals(guard: Guard, slot: str) -> Iterator[Value]:
    match guard:
        case Compared(slot=named, literal=literal) if named == slot:
            yield from literal if isinstance(literal, tuple) else (literal,)
        case Not(of=inner):
            yield from _literals(inner, slot)
        case Joined(of=parts):
            for part in parts:
                yield from _literals(part, slot)
