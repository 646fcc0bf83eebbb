"""Regular expressions: none from the caller, none whose matching can take exponential time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.ambiguity import is_explosive
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.taint import Taint

#: Function -> where its flags may stand.
_FUNCTIONS = {
    "re.compile": 1, "re.match": 2, "re.fullmatch": 2, "re.search": 2, "re.findall": 2,
    "re.finditer": 2, "re.split": 3, "re.sub": 4, "re.subn": 4,
}  # fmt: skip
#: Flags by which the engine reads another pattern than the one that is written down.
_TELLING = (0, re.IGNORECASE, re.VERBOSE, re.IGNORECASE | re.VERBOSE)


def check(module: Module, taint: Taint) -> Iterator[Finding]:
    """Yield a finding for each pattern that the caller writes or that can run for ever."""
    for call, name in module.calls():
        if name not in _FUNCTIONS:
            continue
        pattern = _pattern(call)
        text = module.constant(pattern)
        if isinstance(text, str | bytes):
            if any(is_explosive(text, flags) for flags in _flags(module, call, _FUNCTIONS[name])):
                found = "a pattern that can take exponential time"
                yield module.finding("backtracking", call, found, "no repeat inside a repeat")
        elif taint.is_tainted(pattern, "pattern"):
            expected = "a constant pattern, or re.escape() around the value"
            yield module.finding("pattern", call, "a pattern from the caller", expected)


def _flags(module: Module, call: ast.Call, position: int) -> tuple[int, ...]:
    """Return the flags of a call; where they cannot be read, each that matters."""
    named = [keyword.value for keyword in call.keywords if keyword.arg in {"flags", None}]
    given = [*call.args[position : position + 1], *named]
    if not given:
        return (0,)
    total = 0
    for part in _parts(given[0]):
        name = (module.dotted(part) or "").removeprefix("re.")
        flag = getattr(re, name, None) if name.isupper() else module.constant(part)
        if not isinstance(flag, int) or len(given) > 1:
            return _TELLING
        total |= int(flag)
    return (total,)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


def _pattern(call: ast.Call) -> ast.expr | None:
    named = (keyword.value for keyword in call.keywords if keyword.arg == "pattern")
    return call.args[0] if call.args else next(named, None)
