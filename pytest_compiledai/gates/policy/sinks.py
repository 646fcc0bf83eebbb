"""Dangerous calls into modules that a capability opened: a grant does not open every use."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.rulebook import Sink
from pytest_compiledai.gates.policy.taint import Taint

_SQL_CALLS = frozenset({"execute", "executemany", "executescript"})
_UNSAFE_VALUES = {"shell": True, "verify": False, "check_hostname": False, "autoescape": False}
_EXPECTED = {
    "shell": "a constant list of arguments",
    "path": "a path from a constant table",
    "url": "a host from a constant list",
    "template": "a constant template",
    "deserialise": "JSON",
}


def check(module: Module, taint: Taint) -> Iterator[Finding]:
    """Yield a finding for each call whose argument hands the caller a way out."""
    for call, name in module.calls():
        for sink in module.policy.sinks:
            if name in sink.calls and any(
                taint.is_tainted(item) for item in _looked_at(call, sink)
            ):
                found = f"{name} with the caller's text"
                yield module.finding(sink.rule, call, found, _EXPECTED[sink.rule])
    for node in module.nodes:
        if isinstance(node, ast.Call):
            yield from _flags(module, node)
            yield from _statement(module, node, taint)


def _looked_at(call: ast.Call, sink: Sink) -> Iterator[ast.expr]:
    for index, argument in enumerate(call.args):
        if str(index) in sink.arguments:
            yield argument
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg in sink.arguments:
            yield keyword.value


def _flags(module: Module, call: ast.Call) -> Iterator[Finding]:
    for keyword in call.keywords:
        unsafe = _UNSAFE_VALUES.get(keyword.arg or "")
        if unsafe is not None and module.constant(keyword.value) is unsafe:
            rule = "shell" if keyword.arg == "shell" else "tls"
            found = f"{keyword.arg}={unsafe}"
            yield module.finding(rule, call, found, f"{keyword.arg}={not unsafe}")


def _statement(module: Module, call: ast.Call, taint: Taint) -> Iterator[Finding]:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method in _SQL_CALLS and call.args and taint.is_tainted(call.args[0]):
        expected = "placeholders and a separate tuple of values"
        yield module.finding("sql", call, "a statement from the caller's text", expected)
