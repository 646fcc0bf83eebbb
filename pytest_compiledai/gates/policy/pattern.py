"""Regular expressions: none from the caller, none whose matching can take exponential time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.ambiguity import is_explosive
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.taint import Taint

_FUNCTIONS = frozenset(
    f"re.{name}"
    for name in (
        "compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"
    )
)  # fmt: skip


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
        elif taint.is_tainted(pattern, "pattern"):
            expected = "a constant pattern, or re.escape() around the value"
            yield module.finding("pattern", call, "a pattern from the caller", expected)


def _pattern(call: ast.Call) -> ast.expr | None:
    named = (keyword.value for keyword in call.keywords if keyword.arg == "pattern")
    return call.args[0] if call.args else next(named, None)
