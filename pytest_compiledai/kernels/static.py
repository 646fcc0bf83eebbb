"""The security gate of Triton candidates: an allow-list over the syntax tree.

A module may hold imports of Triton, the launch data, numbers, and functions under ``@triton.jit``;
a function may compute with its arguments and the listed names of ``triton.language``. There is no
form in which a wrapper, a cache, a thread, a patch or a look at the harness could be written.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.policy import policy
from pytest_compiledai.kernels.policy import reason

_HEAD = ("LAUNCH", "SCRATCH", "REQUIRES")
#: Statements and expressions a kernel may contain; names, attributes, calls are looked at closer.
_FORMS = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Expr,
    ast.For,
    ast.While,
    ast.If,
    ast.Return,
    ast.Pass,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.Call,
    ast.IfExp,
    ast.Constant,
    ast.Attribute,
    ast.Name,
    ast.Subscript,
    ast.Slice,
    ast.Tuple,
    ast.keyword,
    ast.expr_context,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
)
#: What says how many bits of its operands a product keeps, and what keeps them.
_PRECISION = ("input_precision", "allow_tf32")
_MOST_OF_DOT = 3  # operands and sum; what follows by position says how many bits are kept
_PRECISE = (["input_precision='ieee'"], ["input_precision='tf32x3'"], ["allow_tf32=False"])
_ALIASES = {"triton": "triton", "triton.language": "tl"}


def findings(candidate: Candidate) -> list[Finding]:
    """Return everything that is not allowed, in the order of the text."""
    source = candidate.source
    if len(source.encode()) > policy()["most_bytes"]:
        return [_finding("security.text", 0, f"{len(source)} characters", "a kernel's size")]
    tree = parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    constants = {name for node in tree.body for name in _constants(node)}
    found = [finding for node in tree.body for finding in _top(node)]
    for function in functions.values():
        found += _Function(function, {*functions, *constants}).findings()
    found += _launched(candidate, functions)
    return sorted(set(found), key=lambda finding: (finding.line, finding.rule, finding.message))


def _constants(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) if name not in _HEAD:
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _top(node: ast.stmt) -> Iterator[Finding]:
    match node:
        case ast.Import(names=names):
            yield from _imports(node, names)
        case ast.ImportFrom(module=module):
            rule = reason((module or "").partition(".")[0], "security.import")
            yield _finding(rule, node.lineno, f"import from {module}", "import triton")
        case ast.Expr(value=ast.Constant(value=str())):
            return
        case ast.Assign(targets=[ast.Name(id=name)]) if name in _HEAD or _is_number(node.value):
            return
        case ast.AnnAssign(annotation=kind, value=value) if value and _is_number(value):
            if ast.unparse(kind) != "tl.constexpr":
                yield _finding("security.state", node.lineno, _text(node), "tl.constexpr")
        case ast.FunctionDef():
            return
        case _:
            expected = "imports of triton, LAUNCH, numbers, functions under @triton.jit"
            yield _finding(_form(node), node.lineno, _text(node), expected)


def _imports(node: ast.Import, names: list[ast.alias]) -> Iterator[Finding]:
    for alias in names:
        if _ALIASES.get(alias.name) != (alias.asname or alias.name):
            rule = reason(alias.name.partition(".")[0], "security.import")
            expected = "import triton, import triton.language as tl"
            yield _finding(rule, node.lineno, f"import {alias.name}", expected)


def _is_number(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() | int() | float()):
            return True
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="tl"), attr="constexpr"), args=[argument]
        ):
            return _is_number(argument)
    return False


class _Function:
    """One jitted function and the names it may read."""

    def __init__(self, node: ast.FunctionDef, known: set[str]) -> None:
        self._node = node
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self._arguments = arguments
        stored = {
            inner.id
            for inner in ast.walk(node)
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        }
        self._shadowed = (stored | {a.arg for a in arguments}) & (known | {"tl", "triton"})
        self._names = known | stored | {argument.arg for argument in arguments}

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with the head, then with the body."""
        node = self._node
        if [ast.unparse(item) for item in node.decorator_list] != ["triton.jit"]:
            found = ", ".join(ast.unparse(item) for item in node.decorator_list) or "no decorator"
            yield _finding("security.decorator", node.lineno, found, "@triton.jit alone")
        preset = [value for value in (*node.args.defaults, *node.args.kw_defaults) if value]
        if node.args.vararg or node.args.kwarg or not all(map(_is_number, preset)):
            yield _finding("security.signature", node.lineno, node.name, "plain parameters")
        for argument in self._arguments:
            if argument.annotation and ast.unparse(argument.annotation) != "tl.constexpr":
                yield _finding("security.signature", node.lineno, argument.arg, "tl.constexpr")
        for name in sorted(self._shadowed):
            yield _finding("security.name", node.lineno, f"a new {name}", "a name of its own")
        for statement in node.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring
            yield from self._walk(statement)

    def _walk(self, node: ast.AST) -> Iterator[Finding]:
        if not isinstance(node, _FORMS):
            line = getattr(node, "lineno", self._node.lineno)
            yield _finding(_form(node), line, _text(node), "statements of a kernel")
            return
        yield from self._look(node)
        if isinstance(node, ast.Attribute) and _dotted(node):
            return  # judged as a whole
        for child in ast.iter_child_nodes(node):
            yield from self._walk(child)

    def _look(self, node: ast.AST) -> Iterator[Finding]:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if not self._is_known(name):
                rule = reason(name, "security.name")
                yield _finding(rule, node.lineno, f"name {name}", "a parameter or a name of tl")
            case ast.Attribute():
                yield from self._attribute(node)
            case ast.Constant() if not _is_plain(node):
                yield _finding("security.string", node.lineno, _text(node), "a number")
            case ast.Assign(targets=targets):
                yield from self._targets(node, targets)
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                yield from self._targets(node, [target])
            case ast.Call():
                yield from self._call(node)

    def _is_known(self, name: str) -> bool:
        return name in self._names or name in ("tl", "triton", *policy()["triton"]["builtins"])

    def _attribute(self, node: ast.Attribute) -> Iterator[Finding]:
        dotted = _dotted(node)
        allowed = policy()["triton"]
        if dotted and dotted[0] == "tl":
            if ".".join(dotted[1:]) in allowed["language"]:
                return
            names = reversed(dotted[1:])
            rule = next((r for n in names if (r := reason(n, ""))), "security.attribute")
            yield _finding(rule, node.lineno, ".".join(dotted), "a name that only computes")
        elif dotted and dotted[0] == "triton":
            if dotted[2:] or dotted[1] not in allowed["host"]:
                rule = reason(dotted[1], "security.attribute")
                yield _finding(rule, node.lineno, ".".join(dotted), "triton.cdiv")
        elif dotted:
            if not self._is_known(dotted[0]):
                rule = reason(dotted[0], "security.name")
                yield _finding(rule, node.lineno, ".".join(dotted), "a parameter or a name of tl")
            elif ".".join(dotted[1:]) not in allowed["methods"]:
                yield _finding("security.attribute", node.lineno, ".".join(dotted), "value.to")
        elif node.attr not in allowed["methods"]:
            yield _finding("security.attribute", node.lineno, f".{node.attr}", "value.to")

    def _targets(self, node: ast.stmt, targets: list[ast.expr]) -> Iterator[Finding]:
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            if not all(isinstance(name, ast.Name) for name in names):
                yield _finding("security.assign", node.lineno, _text(node), "a local name")

    def _call(self, node: ast.Call) -> Iterator[Finding]:
        if any(keyword.arg is None for keyword in node.keywords):
            yield _finding("security.statement", node.lineno, "**", "arguments by name")
        if ast.unparse(node.func) != "tl.dot":
            return
        stated = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg in _PRECISION}
        said = [f"{name}={value}" for name, value in sorted(stated.items())]
        if said not in _PRECISE:
            found = f"tl.dot with {said[0] if said else 'the default'} precision"
            yield _finding("security.precision", node.lineno, found, 'input_precision="ieee"')
        # The interpreter adds in float32, whatever stands here; a device would not.
        others = [str(k.arg) for k in node.keywords if k.arg not in (*_PRECISION, "acc")]
        others += [ast.unparse(value) for value in node.args[_MOST_OF_DOT:]]
        if others:
            found = f"tl.dot with {others[0]}"
            yield _finding("security.precision", node.lineno, found, "a sum in float32")


def _is_plain(node: ast.Constant) -> bool:
    if isinstance(node.value, str):
        return node.value in policy()["triton"]["words"]
    return node.value is None or isinstance(node.value, (bool, int, float))


def _dotted(node: ast.Attribute) -> tuple[str, ...]:
    """Return the names of ``a.b.c``; empty where it does not start from a name."""
    parts: list[str] = []
    at: ast.expr = node
    while isinstance(at, ast.Attribute):
        parts.append(at.attr)
        at = at.value
    return (at.id, *reversed(parts)) if isinstance(at, ast.Name) else ()


def _launched(candidate: Candidate, functions: dict[str, ast.FunctionDef]) -> Iterator[Finding]:
    reached: set[str] = set()
    ahead = [launch.kernel for launch in candidate.launches]
    for launch in candidate.launches:
        if launch.kernel not in functions:
            yield _finding("security.launch", 0, f"kernel {launch.kernel}", "one of this file")
            continue
        node = functions[launch.kernel].args
        parameters = [argument.arg for argument in (*node.posonlyargs, *node.args)]
        given = len(launch.arguments)
        if parameters[given:] != list(launch.constants) or given > len(parameters):
            found = f"{given} arguments and {', '.join(launch.constants) or 'no constants'}"
            expected = f"the parameters {', '.join(parameters)} in order"
            yield _finding("security.launch", functions[launch.kernel].lineno, found, expected)
    while ahead:
        name = ahead.pop()
        if name in functions and name not in reached:
            reached.add(name)
            inner = (item for item in ast.walk(functions[name]) if isinstance(item, ast.Name))
            ahead += [item.id for item in inner]
    for name in sorted(set(functions) - reached):
        yield _finding("security.unused", functions[name].lineno, f"{name}", "a kernel in use")


def _form(node: ast.AST) -> str:
    """Return the rule for a form that is not allowed."""
    if isinstance(node, (ast.Try, ast.TryStar, ast.Raise, ast.Assert)):
        return "security.fallback"
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return "security.state"
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.Lambda, ast.AsyncFunctionDef)):
        return "security.wrapper"
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return "security.import"
    if isinstance(node, ast.Assign) and any(_mutates(target) for target in node.targets):
        return "security.patch"
    if isinstance(node, ast.Assign):
        return "security.state"
    return "security.statement"


def _mutates(node: ast.expr) -> bool:
    return isinstance(node, (ast.Attribute, ast.Subscript))


def _text(node: ast.AST) -> str:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return f"{type(node).__name__} {node.name}"
    lines = ast.unparse(node).splitlines()
    return lines[0][:80] if lines else type(node).__name__


def _finding(rule: str, line: int, found: str, expected: str) -> Finding:
    where = f"line {line}: " if line else ""
    return Finding(rule=rule, message=f"{where}found {found}; expected {expected}", line=line)
