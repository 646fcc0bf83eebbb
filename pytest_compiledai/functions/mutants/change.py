"""One small mistake, as replacements in a source text; offsets count bytes of its UTF-8 form."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pytest_compiledai.core.parsing import parse


class Piece(NamedTuple):
    """Bytes ``start`` to ``end`` become ``new``."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A mistake of one kind; ``pieces`` do not overlap."""

    kind: str
    pieces: tuple[Piece, ...]
    #: Whether ``new`` is an expression that may need parentheses where it comes to stand.
    is_expression: bool = False


class Text:
    """A source with its tree and the byte offsets of its nodes. Raises ``SyntaxError``."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8")
        self.tree = parse(text)
        self._lines = [0]
        for line in self.data.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of a node."""
        start, end = self.span(node)
        return self.data[start:end].decode("utf-8")

    def whole_lines(self, node: ast.stmt) -> tuple[int, int]:
        """Return the bytes of all lines that a statement stands on."""
        decorated = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(item.lineno for item in decorated)])
        return self._lines[first - 1], self._lines[node.end_lineno or node.lineno]

    def replace(self, kind: str, node: ast.expr, new: str) -> Change:
        """Return the change of one expression."""
        return Change(kind=kind, pieces=(Piece(*self.span(node), new),), is_expression=True)

    def applied(self, change: Change) -> str | None:
        """Return the changed source; None where it is no Python, or means what it meant."""
        text = _spliced(self.data, change.pieces)
        if change.is_expression:
            # Parentheses never change what the new expression means in itself; without them the
            # text is nearer to what is written by hand, so they stay only where they matter.
            inside = tuple(Piece(p.start, p.end, f"({p.new})") for p in change.pieces)
            sure = _spliced(self.data, inside)
            text = text if meaning(text) == meaning(sure) else sure
        told = meaning(text)
        return None if told is None or told == meaning(self.data.decode("utf-8")) else text


def meaning(text: str) -> str | None:
    """Return the normal form of a source: equal for texts that differ in layout alone."""
    try:
        return ast.dump(parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _spliced(data: bytes, pieces: tuple[Piece, ...]) -> str:
    for piece in sorted(pieces, reverse=True):
        data = data[: piece.start] + piece.new.encode("utf-8") + data[piece.end :]
    return data.decode("utf-8")


def is_docstring(node: ast.stmt) -> bool:
    """Return whether a statement is a text that stands alone."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that are executed: no annotations, no docstrings, no f-strings."""
    skipped: list[ast.AST | None] = [
        getattr(node, "annotation", None),
        getattr(node, "returns", None),
    ]
    for child in ast.iter_child_nodes(node):
        if child in skipped or isinstance(child, ast.JoinedStr):
            continue
        if isinstance(child, ast.stmt) and is_docstring(child):
            continue
        yield child
