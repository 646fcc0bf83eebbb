"""The parts of synthesised programs as texts: what a program uses is copied into it."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from importlib.resources import files

from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import Definition
from pytest_compiledai.functions.library import Library
from pytest_compiledai.functions.library import NameClash
from pytest_compiledai.functions.library import first_line
from pytest_compiledai.functions.library import laid_out

#: In the order in which parts are copied.
PARTS = (
    "ops",
    "tokens",
    "units",
    "stopwords",
    "days",
    "fields",
    "deciding",
    "choices",
    "pairs",
    "quantities",
    "spans",
    "regions",
    "texts",
    "doubts",
    "reading",
    "several",
    "giving",
    "linear",
    "documents",
)
_OWN = "pytest_compiledai."
_WITH_MORE = 2  # statements: a docstring and something else


@cache
def parts() -> Library:
    """Return the parts of this package."""
    folder = files("pytest_compiledai.functions.synth").joinpath("parts")
    return Library(
        folder.joinpath(f"{name}.py").read_text(encoding="utf-8").replace("\r\n", "\n")
        for name in PARTS
    )


def with_parts(text: str, imports: tuple[Import, ...] = ()) -> str | None:
    """Return a program with the parts it uses; None where it takes a name of theirs."""
    try:
        needed = parts().needed(text)
    except NameClash:
        return None
    wanted = [*imports]
    for part in needed:
        wanted += [item for item in part.imports if not item.module.startswith(_OWN)]
    wanted = [item for item in wanted if item.module != "__future__"]
    blocks = [render(wanted)] if wanted else []
    blocks += [laid_out(map(_bare, part.definitions)) + "\n" for part in needed]
    return "\n\n".join([*blocks, text])


def _bare(item: Definition) -> Definition:
    """Return a definition without its docstring, which is read in the part, and half as indented.

    Programs have to stay below the security gate's bound on bytes.
    """
    lines = item.text.split("\n")
    node = item.node
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and len(node.body) >= _WITH_MORE:
        told = node.body[0]
        if isinstance(told, ast.Expr) and isinstance(told.value, ast.Constant):
            start = told.lineno - first_line(node)
            end = node.body[1].lineno - first_line(node)  # with the blank line behind a class's
            del lines[start:end]
    return replace(item, text="\n".join(map(_half_indented, lines)))


def _half_indented(line: str) -> str:
    plain = line.lstrip(" ")
    return " " * ((len(line) - len(plain)) // 2) + plain
