"""The syntax gate: does the text hold the function that was asked for, without visible mistakes.

Ruff and mypy look for mistakes; complexity has a cap. What the function answers is another gate's.
"""

from __future__ import annotations

import ast
import functools
import tomllib
import warnings
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_compiledai.assets import asset
from pytest_compiledai.core.parsing import parse
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.trees import children
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates.complexity import complexities
from pytest_compiledai.gates.tools import Mypy
from pytest_compiledai.gates.tools import ToolReport
from pytest_compiledai.gates.tools import opinions

GATE = "syntax"
_SHOWN = 200  # characters of a signature that a finding quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter as it must be written."""

    name: str
    annotation: str | None = None  # None: any


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSignature:
    """The parameters and the result that a function must have, no more and no fewer."""

    positional: tuple[Parameter, ...]
    keyword_only: tuple[Parameter, ...] = ()
    returns: str | None = None  # None: any


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxSettings:
    """What a spec may change about this gate."""

    mypy: Mypy = "strict"
    complexity: int = 15  # paths through one function


def version() -> int:
    """Return the version of this gate's policy, as it stands in the lock."""
    number: int = _policy()["version"]
    return number


@functools.cache
def _policy() -> dict[str, int]:
    path = asset("gates", GATE, "policy.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def judge(
    source: Source,
    *,
    function: str,
    signature: ExpectedSignature,
    settings: SyntaxSettings,
    scans: Mapping[str, ToolReport],
) -> Verdict:
    """Return the verdict on ``source``: its function, its complexity, and what the analysers say.

    ``scans`` is what ``tools.scan`` returned; a source or a tool that it lacks is a finding.
    """
    if settings.mypy == "off":
        signature = _unannotated(signature)
    return _judged(source, (function, signature), settings, scans)


def _unannotated(signature: ExpectedSignature) -> ExpectedSignature:
    """Return a signature without its annotations: nothing reads them where no types are checked."""
    return ExpectedSignature(
        positional=tuple(Parameter(name=item.name) for item in signature.positional),
        keyword_only=tuple(Parameter(name=item.name) for item in signature.keyword_only),
    )


def _judged(
    source: Source,
    wanted: tuple[str, ExpectedSignature] | None,
    settings: SyntaxSettings,
    scans: Mapping[str, ToolReport],
) -> Verdict:
    try:
        found, figures = _inspect(source, wanted, settings)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Verdict(gate=GATE, findings=(_unparsed(source, error),))
    tools = ("ruff-syntax", *((f"mypy-{settings.mypy}",) if settings.mypy != "off" else ()))
    found += opinions(source, scans, gate=GATE, tools=tools)
    ordered = sorted(dict.fromkeys(found), key=lambda item: (item.line, item.rule, item.message))
    return Verdict(gate=GATE, findings=tuple(ordered), figures=figures)


def judge_file(
    source: Source, *, settings: SyntaxSettings, scans: Mapping[str, ToolReport]
) -> Verdict:
    """Return the verdict on a file of which no signature is known; all else is asked as usual."""
    return _judged(source, None, settings, scans)


def _inspect(
    source: Source, wanted: tuple[str, ExpectedSignature] | None, settings: SyntaxSettings
) -> tuple[list[Finding], dict[str, int]]:
    text = source.data.decode("utf-8")
    with warnings.catch_warnings():
        # An odd escape in generated text is no warning of the run.
        warnings.simplefilter("ignore")
        tree = parse(text)
    found = [*_shape(source, tree, *wanted)] if wanted else []
    paths = list(complexities(tree))
    expected = f"at most {settings.complexity}; split it or use a table"
    for item in paths:
        if item.paths > settings.complexity:
            fact = f"{item.paths} paths through {item.name!r}"
            found.append(_finding(source, "complexity", item.line, fact, expected))
    figures = {
        "lines": len(text.splitlines()),
        "complexity": max((item.paths for item in paths), default=0),
    }
    return found, figures


def _finding(source: Source, name: str, line: int, found: str, expected: str) -> Finding:
    message = f"line {line}: found {found}; expected {expected}"
    return Finding(rule=f"{GATE}.{name}", message=message, path=source.path, line=line)


def _unparsed(source: Source, error: Exception) -> Finding:
    line = getattr(error, "lineno", None) or 0
    reason = getattr(error, "msg", None) or f"{type(error).__name__} of the parser"
    return _finding(source, "parse", line, reason, "Python that parses")


def _shape(
    source: Source, tree: ast.Module, name: str, signature: ExpectedSignature
) -> Iterator[Finding]:
    functions = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    if not functions:
        found = f"no top-level function {name!r}"
        yield _finding(source, "function", 0, found, f"`def {name}(...)` at module level")
        return
    for again in functions[1:]:
        found = f"{name!r} defined again"
        yield _finding(source, "function", again.lineno, found, "one definition")
    node = functions[0]
    yield from _plainness(source, node)
    yield from _signature(source, node, signature)


def _plainness(source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
    if isinstance(node, ast.AsyncFunctionDef):
        yield _finding(source, "function", node.lineno, "an async function", "a plain `def`")
    for decorator in node.decorator_list:
        line = decorator.lineno
        yield _finding(source, "function", line, "a decorator", f"a bare `def {node.name}`")
    if _yields(node):
        yield _finding(source, "function", node.lineno, "a generator", "a function that returns")


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    pending: list[ast.AST] = list(node.body)
    while pending:
        inner = pending.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += children(inner)
    return False


def _signature(
    source: Source,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    expected: ExpectedSignature,
) -> Iterator[Finding]:
    arguments = node.args
    has_more = bool(arguments.vararg or arguments.kwarg or arguments.defaults)
    has_more = has_more or any(item is not None for item in arguments.kw_defaults)
    positional = [*arguments.posonlyargs, *arguments.args]
    fits = _fit(positional, expected.positional)
    # Keyword-only parameters are passed by name, so their order means nothing.
    given = sorted(arguments.kwonlyargs, key=lambda item: item.arg)
    wanted = sorted(expected.keyword_only, key=lambda item: item.name)
    returns = expected.returns is None or _text(node.returns) == _normal(expected.returns)
    if has_more or not fits or not _fit(given, tuple(wanted)) or not returns:
        arrow = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        found = f"`def {node.name}({ast.unparse(arguments)}){arrow}`"
        found = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}...`"
        yield _finding(source, "signature", node.lineno, found, _rendered(node.name, expected))


def _fit(given: list[ast.arg], wanted: tuple[Parameter, ...] | list[Parameter]) -> bool:
    return len(given) == len(wanted) and all(
        have.arg == want.name
        and (want.annotation is None or _text(have.annotation) == _normal(want.annotation))
        for have, want in zip(given, wanted, strict=True)
    )


def _text(annotation: ast.expr | None) -> str | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _normal(annotation.value)
    return ast.unparse(annotation) if annotation is not None else None


def _normal(annotation: str) -> str | None:
    try:
        return ast.unparse(ast.parse(annotation, mode="eval"))
    except (SyntaxError, ValueError):
        return None


def _rendered(name: str, expected: ExpectedSignature) -> str:
    parts = [_one(item) for item in expected.positional]
    parts += ["*", *(_one(item) for item in expected.keyword_only)] if expected.keyword_only else []
    arrow = f" -> {expected.returns}" if expected.returns else ""
    return f"`def {name}({', '.join(parts)}){arrow}`"


def _one(item: Parameter) -> str:
    return f"{item.name}: {item.annotation}" if item.annotation else item.name
