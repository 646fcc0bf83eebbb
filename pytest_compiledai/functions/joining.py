"""Several programs for one unit in one module: equal names told apart, a last function over them.

Nothing here is judged or run: what is joined is a candidate like any other. A program that cannot
be renamed without doubt is not joined at all.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.imports import imports_of
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import bindings
from pytest_compiledai.functions.library import free_names

LETTERS: Final = "abcdefghijklmnop"  # a letter a program
_FORMATTED: Final = re.compile(r"^[rR]?[fF][rR]?[\"']")
_WORD: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_IMPORTS: Final = (ast.Import, ast.ImportFrom)


class NotJoined(ValueError):
    """Programs that cannot stand in one module without doubt; the text says why."""


def joined(programs: Sequence[str], last: str) -> str:
    """Return one module of ``programs``, which define a function of one name, and a last function.

    ``last`` is the text of the function of that name over them; it calls `<name>_a`, `<name>_b` and
    so on, in their order. Raises ``NotJoined``.
    """
    trees = [parse(text) for text in programs]
    imports = _imports(trees)
    shared = [bindings(tree).keys() | free_names(tree) for tree in trees]
    parts = []
    for index, (text, tree) in enumerate(zip(programs, trees, strict=True)):
        others = set().union(*(words for n, words in enumerate(shared) if n != index))
        names = _renaming(tree, others, index)
        if others & set(names.values()):
            raise NotJoined("a new name that another program has")
        parts.append(_without_imports(_renamed(text, tree, names)))
    return (
        "\n\n\n".join([render(imports).strip("\n"), *parts, last.strip("\n")]).lstrip("\n") + "\n"
    )


def _imports(trees: Sequence[ast.Module]) -> list[Import]:
    """Return what the programs import; raises where one name means two things."""
    nodes = [node for tree in trees for node in tree.body if isinstance(node, _IMPORTS)]
    found: dict[str, Import] = {}
    for item in (item for node in nodes for item in imports_of(node)):
        if found.setdefault(item.bound, item) != item:
            raise NotJoined(f"two meanings of {item.bound!r}")
    return list(found.values())


def _renaming(tree: ast.Module, others: set[str], index: int) -> dict[str, str]:
    """Return the new name of each definition whose name another program has, too."""
    own = {name for name, imported in bindings(tree).items() if imported is None}
    return {name: _marked(name, index) for name in sorted(own & others)}


def _marked(name: str, index: int) -> str:
    letter = LETTERS[index]
    if name.isupper():
        return f"{name}_{letter.upper()}"
    return f"{name}{letter.upper()}" if name.lstrip("_")[:1].isupper() else f"{name}_{letter}"


def _renamed(text: str, tree: ast.Module, names: Mapping[str, str]) -> str:
    """Return a program under other names, as sure as two readings of it can be.

    Tokens are replaced, so that layout and comments stay; the tree of the result must be the tree
    with its names replaced.
    """
    taken = set(names.values()) & set(_WORD.findall(text))
    hidden = taken or names.keys() & set(_local(tree))
    if hidden:
        raise NotJoined(f"{min(hidden)!r} has two meanings in one program")
    made = _replaced(text, tree, names)
    try:
        same = ast.dump(parse(made)) == ast.dump(_Renamer(names).visit(parse(text)))
    except SyntaxError:
        same = False
    if not same:
        raise NotJoined("a name in a place where it cannot be told from a text")
    return made


class _Renamer(ast.NodeTransformer):
    """Renames what a module defines at its top; nothing else has these names (``_local``)."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)


def _local(tree: ast.Module) -> Iterator[str]:
    """Yield every name that is bound below the top: in a function, a class, a comprehension."""
    for top in tree.body:
        inner = ast.iter_child_nodes(top) if isinstance(top, ast.FunctionDef | ast.ClassDef) else ()
        for node in (found for child in inner for found in ast.walk(child)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.alias):
                yield node.asname or node.name
            elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
                yield node.name or ""
            elif isinstance(node, ast.MatchMapping):
                yield node.rest or ""
        yield from (node.arg for node in ast.walk(top) if isinstance(node, ast.arg))
        for node in ast.walk(top):
            if isinstance(node, ast.comprehension | ast.Lambda):
                yield from _stored(node)


def _stored(node: ast.AST) -> Iterator[str]:
    for found in ast.walk(node):
        if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store):
            yield found.id


def _replaced(text: str, tree: ast.Module, names: Mapping[str, str]) -> str:
    lines = text.split("\n")
    keywords = {(n.lineno, n.col_offset) for n in ast.walk(tree) if isinstance(n, ast.keyword)}
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    edits = []
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        row, start = token.start
        at = (row, len(lines[row - 1][:start].encode("utf-8"))) if token.string else (0, 0)
        if token.type == tokenize.NAME and before.string != "." and at not in keywords:
            edits.append((token, names.get(token.string, token.string)))
        elif token.type == tokenize.STRING and _FORMATTED.match(token.string):
            # Before Python 3.12 a formatted text is one token.
            edits.append((token, _WORD.sub(lambda m: names.get(m[0], m[0]), token.string)))
    for token, new in reversed(edits):
        if new != token.string and token.start[0] == token.end[0]:
            line = lines[token.start[0] - 1]
            lines[token.start[0] - 1] = line[: token.start[1]] + new + line[token.end[1] :]
    return "\n".join(lines)


def _without_imports(text: str) -> str:
    """Return a program without its import statements and its docstring."""
    tree = parse(text)
    dropped: set[int] = set()
    for index, node in enumerate(tree.body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, _IMPORTS) or (index == 0 and is_text):
            dropped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    kept = [line for n, line in enumerate(text.split("\n"), start=1) if n not in dropped]
    return "\n".join(kept).strip("\n")
