"""Dangerous uses of modules that may be imported: a grant opens a door, not every use of it.

What is dangerous stands as data in ``gates/security/dangers.toml``; this finds the calls, reads and
assignments that it names. A use that no entry names passes.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections.abc import Iterable
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.injection import fixed_start
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.rulebook import Danger
from pytest_compiledai.gates.policy.rulebook import Policy
from pytest_compiledai.gates.policy.taint import Taint

_Table = dict[str, list[Danger]]
# Programs that run what their arguments say.
_INTERPRETERS = re.compile(
    r"(^|/)(ba|z|k|da|c|fi)?sh$|(^|/)(python|perl|ruby|node|php|env|xargs|ssh|sudo|su|awk|find|eval|cmd"
    r"|powershell)([\d.]*|\.exe)$"
)
_PLAIN = re.compile(
    r"(http|ws|ftp)://(?!(localhost|127\.|\[::1\]|0\.0\.0\.0))|(file|local_file):", re.IGNORECASE
)
_FIXED = {
    "url": re.compile(r"^(\x01|[a-z]+://[^/\x00]+)/", re.IGNORECASE),
    "redirect": re.compile(r"^(\x01|([a-z]+:/)?/[^/\x00])", re.IGNORECASE),
}


def check(module: Module, taint: Taint) -> Iterator[Finding]:  # noqa: C901 - a node a case
    """Yield a finding for each use that an entry of the table names."""
    calls, reads, targets = _tables(module.policy)
    for node in module.of(ast.Call, ast.Attribute, ast.Name, ast.Assign):
        match node:
            case ast.Call():
                for danger in _named(calls, _names(module, node.func)):
                    if _applies(module, taint, node, danger):
                        yield _finding(module, node, danger, node.func)
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()) if reads:
                for danger in reads.get(_plain_name(module.dotted(node) or ""), ()):
                    yield _finding(module, node, danger, node)
            case ast.Assign(value=value):
                for target in node.targets:
                    for danger in _named(targets, _targets(module, target)):
                        if _is_assigned(module, taint, value, danger) and (
                            danger.fixed or not _is_plain_data(module, target)
                        ):
                            yield _finding(module, target, danger, target)


@functools.cache
def _tables(policy: Policy) -> tuple[_Table, _Table, _Table]:
    """Return the entries by the names of calls, of reads and of what is assigned."""
    calls: _Table = {}
    reads: _Table = {}
    targets: _Table = {}
    for danger in policy.dangers:
        for table, names in (
            (calls, danger.calls),
            (reads, danger.reads),
            (targets, danger.targets),
        ):
            for name in names:
                table.setdefault(name, []).append(danger)
    return calls, reads, targets


def _names(module: Module, function: ast.expr) -> Iterator[str]:
    """Yield the names the table may know a call by: exact, `module.*`, `*.method`."""
    made = module.described(function)
    if made is not None:
        made = _plain_name(made)
        yield made
        head = made
        while "." in head:
            head = head.rpartition(".")[0]
            yield f"{head}.*"
        # `Connection().cursor().execute`, however the connection was made.
        if "()" in made:
            yield f"*{made[made.rindex('()') :]}"
    if isinstance(function, ast.Attribute):
        yield f"*.{function.attr}"
    yield "*"


def _plain_name(made: str) -> str:
    """Return a name as the table spells it; a module that nobody imported is still that module."""
    inner = made.removeprefix("builtins.")
    if inner != made and not hasattr(builtins, inner.partition(".")[0].partition("(")[0]):
        made = inner
    return made.replace("Cryptodome.", "Crypto.", 1)


def _named(table: _Table, names: Iterable[str]) -> list[Danger]:
    found: dict[int, Danger] = {}
    for name in names:
        for danger in table.get(name, ()):
            found[id(danger)] = danger
    return list(found.values())


def _applies(module: Module, taint: Taint, call: ast.Call, danger: Danger) -> bool:
    return (
        (not danger.tainted or _is_handed(module, taint, call, danger))
        and (not danger.receiver or _is_from_caller(taint, call, danger))
        and (not danger.fixed or any(_is_fixed(module, a) for a in arguments(call, danger.fixed)))
        and (not danger.plain or any(_is_plain(module, a) for a in arguments(call, danger.plain)))
        and (not danger.missing or _lacks(call, danger.missing))
        and (not danger.values or _has_value(module, call, danger))
        and all(_is_below(module, call, name, n) for name, n in danger.below.items())
        and not (danger.unless and _mentions(call, danger.unless))
    )


def arguments(call: ast.Call, wanted: frozenset[str]) -> Iterator[ast.expr]:
    """Yield the arguments of ``call`` at the wanted positions and keywords, spread ones too."""
    for index, argument in enumerate(call.args):
        if str(index) in wanted or "any" in wanted:
            yield argument
    for keyword in call.keywords:
        if keyword.arg in wanted or "any" in wanted or (keyword.arg is None and wanted):
            yield keyword.value


def _is_handed(module: Module, taint: Taint, call: ast.Call, danger: Danger) -> bool:
    return any(
        taint.is_tainted(item, danger.rule) and not _is_harmless(module, taint, item, danger)
        for item in arguments(call, danger.tainted)
    )


def _is_harmless(module: Module, taint: Taint, item: ast.expr, danger: Danger) -> bool:
    """Whether the constant part of a tainted value already decides what matters."""
    if danger.rule == "shell":
        return _is_plain_command(module, taint, item)
    shape = _FIXED.get(danger.rule)
    return shape is not None and bool(shape.match(fixed_start(module, taint, item)))


def _is_plain_command(module: Module, taint: Taint, item: ast.expr) -> bool:
    """Whether a list of arguments begins with a constant program that runs none of them."""
    if isinstance(item, ast.Name):
        for found in module.bindings(item)[:1]:
            if isinstance(found.value, ast.List | ast.Tuple):
                return _is_plain_command(module, taint, found.value)
        return False
    if isinstance(item, ast.BinOp) and isinstance(item.op, ast.Add):
        return _is_plain_command(module, taint, item.left)
    if not isinstance(item, ast.List | ast.Tuple) or not item.elts:
        return False
    first = item.elts[0]
    program = module.constant(first)
    if isinstance(program, str):
        return not _INTERPRETERS.search(program)
    return not taint.is_tainted(first, "shell")


def _is_from_caller(taint: Taint, call: ast.Call, danger: Danger) -> bool:
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    return taint.is_tainted(value, danger.rule)


def _is_fixed(module: Module, node: ast.expr, depth: int = 0) -> bool:  # noqa: PLR0911 - a case each
    """Whether a value is written down in the code: a literal, a sum or repeat of literals."""
    if depth > 5:  # noqa: PLR2004 - a longer way to a literal is not written by hand
        return False
    match node:
        case ast.Constant(value=str() | bytes() as value):
            return bool(value)
        case ast.BinOp(left=left, right=right):
            sides = (left, right)
            return any(_is_fixed(module, s, depth + 1) for s in sides) and all(
                isinstance(s, ast.Constant) or _is_fixed(module, s, depth + 1) for s in sides
            )
        case ast.Call(
            func=ast.Attribute(value=value, attr="encode" | "ljust" | "fromhex"), args=args
        ):
            return _is_fixed(module, value, depth + 1) or any(
                _is_fixed(module, item, depth + 1) for item in args[:1]
            )
        case ast.Call(func=ast.Name(id="bytes" | "bytearray"), args=[ast.Constant()]):
            return True
        case ast.Name():
            found = module.bindings(node)
            plain = len(found) == 1 and found[0].kind == "assign" and found[0].value is not None
            return plain and _is_fixed(module, found[0].value, depth + 1)  # type: ignore[arg-type]
    return False


def _is_plain(module: Module, node: ast.expr) -> bool:
    value = module.constant(node)
    return isinstance(value, str) and bool(_PLAIN.match(value))


def _lacks(call: ast.Call, missing: frozenset[str]) -> bool:
    given = {keyword.arg for keyword in call.keywords}
    placed = {str(index) for index in range(len(call.args))}
    return None not in given and not (given | placed) & missing


def _has_value(module: Module, call: ast.Call, danger: Danger) -> bool:
    return any(
        is_one_of(module, item, allowed)
        for name, allowed in danger.values.items()
        for item in arguments(call, frozenset({name}))
    )


def is_one_of(module: Module, node: ast.expr, wanted: tuple[object, ...]) -> bool:
    """Whether ``node`` has one of the values; text that begins with `=` is a dotted name."""
    value = module.constant(node)
    name = module.described(node)
    for item in wanted:
        if isinstance(item, str) and item.startswith("="):
            if (name is not None and item == f"={name}") or (item == "=None" and _is_none(node)):
                return True
        elif isinstance(node, ast.List | ast.Tuple):
            if any(module.constant(inner) == item for inner in node.elts):
                return True
        elif isinstance(node, ast.Dict):
            if any(_entry(module, key, inner) == item for key, inner in _pairs(node)):
                return True
        elif value == item and type(value) is type(item):
            return True
    return False


def _pairs(node: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(node.keys, node.values, strict=True)


def _entry(module: Module, key: ast.expr | None, value: ast.expr) -> str:
    return f"{module.constant(key)}: {module.constant(value)}"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_below(module: Module, call: ast.Call, name: str, limit: int) -> bool:
    for item in arguments(call, frozenset({name})):
        value = module.constant(item)
        if isinstance(value, int) and not isinstance(value, bool) and value < limit:
            return True
    return False


def _mentions(call: ast.Call, words: frozenset[str]) -> bool:
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(call)}
    return bool(names & words)


def _is_assigned(module: Module, taint: Taint, value: ast.expr, danger: Danger) -> bool:
    return (
        (bool(danger.values) and is_one_of(module, value, danger.values.get("value", ())))
        or (bool(danger.tainted) and taint.is_tainted(value, danger.rule))
        or (bool(danger.fixed) and _is_fixed(module, value))
    )


def _is_plain_data(module: Module, target: ast.expr) -> bool:
    """Whether a key is set in a mapping that a module without a grant can only return.

    `arguments["location"]` is an answer; no such module has a response or a message to change.
    """
    return (
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and not module.granted
    )


def _targets(module: Module, target: ast.expr) -> Iterator[str]:
    """Yield `.attribute`, `[key]` and `.attribute[]` for what an assignment changes."""
    match target:
        case ast.Attribute(attr=name):
            yield f".{name}"
        case ast.Subscript(value=value, slice=key):
            text = module.constant(key)
            if isinstance(text, str):
                yield f"[{text.lower()}]"
            if isinstance(value, ast.Attribute):
                yield f".{value.attr}[]"


def _finding(module: Module, node: ast.AST, danger: Danger, name: ast.AST) -> Finding:
    shown = module.dotted(name) or ast.unparse(name)[:60]
    found = f"{shown}: {danger.found}" if danger.found else f"{shown} with the caller's text"
    return module.finding(danger.rule, node, found, danger.expected)
