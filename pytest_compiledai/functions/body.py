"""The candidate's own lines in an artifact: without what stands elsewhere, the guard called."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from dataclasses import replace
from typing import Final

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.functions import guard
from pytest_compiledai.functions.docstring import docstring
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.imports import imports_of
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import bindings
from pytest_compiledai.functions.library import first_line
from pytest_compiledai.functions.refusal import TemplateError
from pytest_compiledai.functions.signature import Facts
from pytest_compiledai.functions.signature import signature

#: Names that `typing` has, too: the same things under their old home.
_MOVED: Final = frozenset(
    {
        *("Callable", "Collection", "Container", "Generator", "Hashable", "Iterable", "Iterator"),
        *("Mapping", "MutableMapping", "MutableSequence", "Reversible", "Sequence", "Sized"),
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an artifact."""

    text: str
    origin: int = 0  # its line in the candidate, from 1; 0: a line of ours


def body(facts: Facts, text: str, tree: ast.Module) -> list[Line]:
    """Return the candidate's lines without imports, docstrings and our types, the guard called.

    Raises ``TemplateError`` where there is not one function of the unit's name, or where lines
    cannot be told apart.
    """
    ours = _own_types(facts)
    lines = [Line(line, number) for number, line in enumerate(text.split("\n"), start=1)]
    dropped: set[int] = set()
    for index, node in enumerate(tree.body):
        docstring = index == 0 and _is_docstring(node)
        if docstring or isinstance(node, ast.Import | ast.ImportFrom) or _is_repeated(node, ours):
            dropped |= _lines_only_of(node, tree.body)
    function = _function(facts, tree)
    first = function.body[0]
    start = first_line(first)
    margin = lines[start - 1].text[: first.col_offset]
    if margin.strip():
        _shared(first)
    if _is_docstring(first):
        dropped |= _lines_only_of(first, function.body)
    placed: list[Line] = []
    for line in lines:
        if line.origin == start:
            placed += _opening(facts, function, margin=margin)
        if line.origin not in dropped:
            placed.append(line)
    return _trimmed(placed)


def check_names(facts: Facts, tree: ast.Module) -> None:
    """Raise for a definition under a name that is ours."""
    ours = _own_types(facts)
    for node in tree.body:
        if _is_repeated(node, ours):
            continue
        for name in bindings(ast.Module(body=[node], type_ignores=[])):
            if name in ours or name == "Abstain" or name.startswith(guard.PREFIXES):
                raise TemplateError(
                    "template",
                    found=f"a definition of {name!r}",
                    expected="none: the template defines the types, Abstain and _guard*",
                    line=node.lineno,
                )


def check_imports(ours: list[Import], tree: ast.Module) -> None:
    """Raise where the candidate gives another meaning to a name that we import."""
    wanted = {item.bound: item for item in ours}
    for node in tree.body:
        for name, item in bindings(ast.Module(body=[node], type_ignores=[])).items():
            if name in wanted and wanted[name] != _plain(item):
                told = render([wanted[name]]).strip()
                raise TemplateError(
                    "template",
                    found=f"another meaning of {name!r}",
                    expected=f"what the template has: `{told}`",
                    line=node.lineno,
                )


def their_imports(ours: list[Import], tree: ast.Module) -> list[Import]:
    """Return what the candidate imports beside what we do; its names mean the same as ours."""
    bound = {item.bound for item in ours}
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [item for node in nodes for item in imports_of(node) if item.bound not in bound]


def _plain(item: Import | None) -> Import | None:
    """Return the import under its own home, `collections.abc` where `typing` has it, too."""
    if item is None or item.module != "typing" or item.member not in _MOVED:
        return item
    return replace(item, module="collections.abc")


def _function(facts: Facts, tree: ast.Module) -> ast.FunctionDef:
    named = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == facts.name
    ]
    if len(named) != 1:
        found = "no top-level function" if not named else "two top-level functions"
        raise TemplateError(
            "function", found=f"{found} {facts.name!r}", expected=f"`{signature(facts).text}`"
        )
    return named[0]


def _opening(facts: Facts, function: ast.FunctionDef, *, margin: str) -> list[Line]:
    """Return docstring and guard call, as the first lines of the function."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    if not arguments:
        raise TemplateError(
            "signature",
            found=f"`def {function.name}()` without a parameter",
            expected=f"`{signature(facts).text}`",
            line=function.lineno,
        )
    told = docstring(facts.description, margin=margin)
    return [*lines_of(told), Line(f"{margin}{guard.ROOT}({arguments[0].arg})")]


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _lines_only_of(node: ast.stmt, siblings: list[ast.stmt]) -> set[int]:
    """Return the lines of a statement; raises where another one shares them."""
    lines = set(range(first_line(node), (node.end_lineno or node.lineno) + 1))
    for other in siblings:
        if other is not node and (first_line(other) in lines or other.end_lineno in lines):
            _shared(other)
    return lines


def _shared(node: ast.stmt) -> None:
    raise TemplateError(
        "template",
        found="two statements on one line",
        expected="each statement on lines of its own",
        line=node.lineno,
    )


def _own_types(facts: Facts) -> dict[str, str]:
    """Return the definitions of the types by name, as dumps that say no places."""
    found: dict[str, str] = {}
    for node in parse(facts.types.text).body:
        found |= dict.fromkeys(bindings(ast.Module(body=[node], type_ignores=[])), ast.dump(node))
    return found


def _is_repeated(node: ast.stmt, ours: dict[str, str]) -> bool:
    """Whether a statement defines one of our types just as we do."""
    return ast.dump(node) in ours.values()


def lines_of(text: str) -> list[Line]:
    """Return the lines of a text of ours."""
    return [Line(line) for line in text.removesuffix("\n").split("\n")]


def _trimmed(lines: list[Line]) -> list[Line]:
    first, last = 0, len(lines)
    while first < last and not lines[first].text.strip():
        first += 1
    while last > first and not lines[last - 1].text.strip():
        last -= 1
    return lines[first:last]
