"""Regular expressions: none from the caller, none whose matching can take exponential time.

Parses a pattern with the standard library and looks for a repeat inside a repeat and for two ways to
match the same text. Polynomial patterns of one unbounded repeat after another are refused only where
both repeats can match the same characters without anything between them.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.taint import Taint

_FUNCTIONS = frozenset(
    f"re.{name}"
    for name in (
        "compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"
    )
)  # fmt: skip
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT"})
_MANY = 16  # a repeat that may go this far counts as unbounded
_SAMPLE = tuple(chr(code) for code in range(9, 127)) + ("é", "中", "\u2003")


def check(module: Module, taint: Taint) -> Iterator[Finding]:
    """Yield a finding for each pattern that the caller writes or that can run for ever."""
    for call, name in module.calls():
        if name not in _FUNCTIONS:
            continue
        pattern = _pattern(call)
        text = module.constant(pattern)
        if isinstance(text, str | bytes):
            if is_explosive(text):
                found = "a pattern that can take exponential time"
                yield module.finding("backtracking", call, found, "no repeat inside a repeat")
        elif taint.is_tainted(pattern):
            expected = "a constant pattern, or re.escape() around the value"
            yield module.finding("pattern", call, "a pattern from the caller", expected)


def _pattern(call: ast.Call) -> ast.expr | None:
    named = (keyword.value for keyword in call.keywords if keyword.arg == "pattern")
    return call.args[0] if call.args else next(named, None)


def is_explosive(pattern: str | bytes) -> bool:
    """Whether matching ``pattern`` can take time exponential in the length of the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The parser of `re` is the only one that knows what the engine will run.
            parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    except (re.error, RecursionError, OverflowError):
        return False
    return any(_explodes(body) for body in _repeated(parsed))


def _repeated(items: Any) -> Iterator[Any]:
    """Yield the body of every unbounded repeat, however deep."""
    for op, argument in items:
        if str(op) in _REPEATS and argument[1] >= _MANY:
            yield argument[2]
        for inner in _inside(argument):
            yield from _repeated(inner)


def _inside(argument: Any) -> Iterator[Any]:
    if hasattr(argument, "data"):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _inside(part)


def _explodes(body: Any) -> bool:
    """Whether repeating ``body`` gives more than one way to match one text."""
    items = _flat(body)
    for op, argument in items:
        if str(op) == "BRANCH" and _overlap_of_branches(argument[1]):
            return True
    unbounded = [_chars(item) for item in items if _is_unbounded(item)]
    if not unbounded:
        return False
    # (a+)+ has two ways; (a+b)+ has one, because every round must pass a `b`.
    for chars in unbounded:
        others = [item for item in items if not _is_unbounded(item)]
        required = [item for item in others if not _is_optional(item) and _has_width(item)]
        if not any(_chars(item).isdisjoint(chars) for item in required):
            return True
    return False


def _flat(items: Any) -> list[Any]:
    """Return the items of a sequence with groups opened and bounded repeats left as they are."""
    flat: list[Any] = []
    for op, argument in items:
        if str(op) == "SUBPATTERN":
            flat += _flat(argument[3])
        else:
            flat.append((op, argument))
    return flat


def _is_unbounded(item: Any) -> bool:
    op, argument = item
    return str(op) in _REPEATS and argument[1] >= _MANY


def _is_optional(item: Any) -> bool:
    op, argument = item
    return str(op) in _REPEATS and argument[0] == 0


def _has_width(item: Any) -> bool:
    return str(item[0]) not in {"AT", "ASSERT", "ASSERT_NOT"}


def _overlap_of_branches(branches: Any) -> bool:
    firsts = [_first(branch) for branch in branches]
    bare = [len(_flat(branch)) == 1 and _has_width(_flat(branch)[0]) for branch in branches]
    return any(
        not firsts[left].isdisjoint(firsts[right]) and bare[left] and bare[right]
        for left in range(len(firsts))
        for right in range(left + 1, len(firsts))
    )


def _first(branch: Any) -> frozenset[str]:
    items = _flat(branch)
    return _chars(items[0]) if items else frozenset()


def _chars(item: Any) -> frozenset[str]:
    """Return which of the sample characters an item can match."""
    op, argument = item
    name = str(op)
    if name in _REPEATS | {"POSSESSIVE_REPEAT"}:
        return frozenset().union(*(_chars(inner) for inner in _flat(argument[2])))
    if name == "BRANCH":
        return frozenset().union(*(_chars(i) for branch in argument[1] for i in _flat(branch)))
    if name == "ANY":
        return frozenset(_SAMPLE)
    if name == "LITERAL":
        return frozenset({chr(argument)})
    if name == "NOT_LITERAL":
        return frozenset(_SAMPLE) - {chr(argument)}
    if name == "IN":
        return _set_chars(argument)
    return frozenset()


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
            found |= {char for char in _SAMPLE if argument[0] <= ord(char) <= argument[1]}
        elif name == "CATEGORY":
            found |= {char for char in _SAMPLE if _in_category(str(argument), char)}
    return frozenset(_SAMPLE) - found if negate else frozenset(found)


def _in_category(name: str, char: str) -> bool:
    tests = {
        "DIGIT": char.isdigit(),
        "SPACE": char.isspace(),
        "WORD": char.isalnum() or char == "_",
    }
    plain = name.removeprefix("CATEGORY_")
    wanted = not plain.startswith("NOT_")
    return tests.get(plain.removeprefix("NOT_"), True) is wanted
