"""One module text that is many: the same code with some of its literals changed, chosen by numbers.

The text becomes the body of a function that is run once for each number, so that all variants of a
program share one worker. Only syntax is read here; the text runs in the sandbox.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.gates.literals import CONTAINERS
from pytest_compiledai.gates.literals import DOCUMENTED
from pytest_compiledai.gates.literals import Scalar
from pytest_compiledai.gates.literals import docstring

#: The function of the variants' text: `{"variant": [number, ...], "input": ...}` to an answer.
ENTRY: Final = "answer_of_variant"
_WHOLE: Final = 24  # characters up to which a text is changed as a whole, and by its parts
#: Characters, or digits, from which a literal has room for two rows; a part of it is changed too.
_ROOM: Final = 7
_PART: Final = 3  # digits of one part
_WORDS: Final = r"\\.|([^\W_]+)"  # of a pattern, too: what stands behind a backslash is none
#: Of a longer one; each character of what is no word, such as a table written as one number.
_PIECE: Final = r"(?<![^\W_])[^\W_]{1,16}(?![^\W_])|[^\W_]"
_SHIFTED: Final = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ")
_HINTS: Final = frozenset({"annotation", "returns"})
_CHANGED: Final = "_changed_literal"
_CHOSEN: Final = "_chosen_variant"
_PATTERNS: Final = "_VariantPatterns"
_MODULE: Final = "_module_of_variant"
# Runs inside the worker, around the candidate's text; standard library only.
_AROUND: Final = f"""
import re as _re_of_variants

_format_of_variants, _CONVERTED = format, {{115: str, 114: repr, 97: ascii}}
_MADE_VARIANTS = {{}}
_NEXT_LETTER = str.maketrans({"".join(_SHIFTED)!r}, {"".join(s[1:] + s[0] for s in _SHIFTED)!r})
_PIECE_OF_TEXT = _re_of_variants.compile({_PIECE!r})


def _other_text(text, start, end):
    part = text[start:end]
    changed = part[::-1] if end - start == 2 < len(text) else part.translate(_NEXT_LETTER)
    changed = changed + "~" if changed == part else changed
    return text[:start] + changed + text[end:]


def _other_number(value, start, end):
    if start == end:
        return 2 * value + 17
    if start < 0:
        return value ^ (21 << 8 * end)
    return type(value)(_other_text(repr(value), start, end))


def {_CHANGED}(chosen, first, pieces, value):
    count = pieces if isinstance(pieces, int) else len(pieces)
    found = [at for at in range(count) if first + at in chosen]
    if not found:
        return value
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(pieces, int):
        pieces = [piece.span() for piece in _PIECE_OF_TEXT.finditer(text)]
    if not isinstance(text, str):
        return _other_number(value, *pieces[found[0]])
    for at in reversed(found):
        text = _other_text(text, *pieces[at])
    return text.encode("latin-1") if isinstance(value, bytes) else text


def {ENTRY}(asked, **given):
    chosen = frozenset(asked["variant"])
    if chosen not in _MADE_VARIANTS:
        _MADE_VARIANTS[chosen] = {_MODULE}(chosen)
    return _MADE_VARIANTS[chosen](asked["input"], **given)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A literal, or a piece of a long text, that one variant changes."""

    variant: int
    value: Scalar
    table: int  # number of the outermost list, set, tuple or dict around it; 0 for none
    is_part: bool = False  # of a literal that another site changes as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """The text of all variants, and what each of them changes."""

    source: bytes
    sites: tuple[Site, ...]


def variants(text: str, function: str, is_told: Callable[[Scalar], bool]) -> Variants:
    """Return the variants of the module ``text``, which parses.

    A literal that ``is_told`` is left as it is, and so are hints and docstrings that the code does
    not read.
    """
    tree = parse(text)
    # Under this import hints are texts: whoever reads them must not read what they said.
    future = [node for node in tree.body if _is_future(node)]
    hints = frozenset() if ".type" in text and not future else _HINTS
    documented = () if "__doc__" in text else DOCUMENTED
    marking = _Marking(is_told, are_documented=documented, hints=hints)
    body = [marking.visit(node) for node in tree.body if node not in future]
    patterns = parse(f"class {_PATTERNS}: pass\n" + "".join(marking.patterns)).body
    inside = [*patterns, *body]
    made = parse(f"{_AROUND}\ndef {_MODULE}({_CHOSEN}):\n    return {function}")
    (around,) = (n for n in made.body if isinstance(n, ast.FunctionDef) and n.name == _MODULE)
    around.body[:0] = inside
    made.body[:0] = future
    source = ast.unparse(ast.fix_missing_locations(made)) + "\n"
    return Variants(source=source.encode("utf-8", "surrogatepass"), sites=tuple(marking.sites))


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


class _Marking(ast.NodeTransformer):
    """Puts a call around each literal, and keeps what the literals are."""

    def __init__(
        self,
        is_told: Callable[[Scalar], bool],
        are_documented: tuple[type[ast.AST], ...],
        hints: frozenset[str],
    ) -> None:
        self.is_told = is_told
        self.are_documented = are_documented
        self.hints = hints
        self.sites: list[Site] = []
        self.patterns: list[str] = []  # a line for each value that a pattern compares with
        self.table = 0
        self.tables = 0

    def visit(self, node: ast.AST) -> Any:
        """Return ``node`` with its literals marked."""
        skipped = docstring(node) if isinstance(node, self.are_documented) else None
        outer = self.table
        if isinstance(node, CONTAINERS) and not outer:
            self.tables += 1
            self.table = self.tables
        made: ast.AST = node
        match node:
            case ast.Constant():
                made = self._constant(node)
            case ast.JoinedStr():
                made = self._written(node)
            case ast.MatchValue():
                node.value = self._pattern(node.value)
            case ast.MatchMapping():
                node.keys = [self._pattern(key) for key in node.keys]
                node.patterns = [self.visit(pattern) for pattern in node.patterns]
            case ast.arg():
                pass
            case _:
                self._below(node, skipped)
        self.table = outer
        return made

    def _below(self, node: ast.AST, skipped: ast.AST | None) -> None:
        for name, old in ast.iter_fields(node):
            if name in self.hints:
                if isinstance(old, ast.AST):
                    _Garbling(self.is_told).visit(old)
                continue
            if isinstance(old, list):
                old[:] = [
                    self.visit(item) if isinstance(item, ast.AST) and item is not skipped else item
                    for item in old
                ]
            elif isinstance(old, ast.AST):
                setattr(node, name, self.visit(old))

    def _written(self, node: ast.JoinedStr) -> ast.expr:
        """Return an f-string as the parts that it joins: a text in it can be changed then."""
        parts = [
            self._formatted(part) if isinstance(part, ast.FormattedValue) else self.visit(part)
            for part in node.values
        ]
        join = ast.Attribute(ast.Constant(""), "join", ast.Load())
        return ast.Call(join, [ast.Tuple(parts, ast.Load())], [])

    def _formatted(self, part: ast.FormattedValue) -> ast.expr:
        value = self.visit(part.value)
        if part.conversion >= 0:
            which = ast.Constant(part.conversion)
            name = ast.Subscript(ast.Name("_CONVERTED", ast.Load()), which, ast.Load())
            value = ast.Call(name, [value], [])
        given = [value, self.visit(part.format_spec)] if part.format_spec else [value]
        return ast.Call(ast.Name("_format_of_variants", ast.Load()), given, [])

    def _constant(self, node: ast.Constant) -> ast.expr:
        first = len(self.sites)
        pieces = self._marked(node.value)
        if not pieces:
            return node
        (stated,) = parse(repr(pieces)).body
        assert isinstance(stated, ast.Expr)
        given = [ast.Name(_CHOSEN, ast.Load()), ast.Constant(first), stated.value, node]
        return ast.Call(ast.Name(_CHANGED, ast.Load()), given, [])

    def _pattern(self, value: ast.expr) -> ast.expr:
        """Return what a pattern compares with: a name, where a literal in it can be changed."""
        first = len(self.sites)
        made: ast.expr = self.visit(value)
        if len(self.sites) == first:
            return made
        self.patterns.append(
            f"{_PATTERNS}.v{first} = {ast.unparse(ast.fix_missing_locations(made))}\n"
        )
        return ast.Attribute(ast.Name(_PATTERNS, ast.Load()), f"v{first}", ast.Load())

    def _marked(self, value: object) -> int | tuple[tuple[int, int], ...]:
        """Return what of ``value`` is changed, a site each; none of what was told.

        Of a long text that is how many pieces it has, else where the parts begin and end.
        """
        if isinstance(value, complex):
            self._note(repr(value))
            return ((0, 0),)
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if isinstance(text, bool) or not isinstance(text, int | float | str) or self.is_told(text):
            return 0
        if isinstance(text, str) and len(text) > _WHOLE:
            pieces: list[Scalar] = list(re.findall(_PIECE, text))
            for piece in pieces:
                self._note(piece)
            return len(pieces)
        parts = _parts_of_text(text) if isinstance(text, str) else _parts_of_number(text)
        parts = [part for part in parts if part[1] == text or not self.is_told(part[1])]
        for number, (_, shown) in enumerate(parts):
            self._note(shown, is_part=number > 0)
        return tuple(span for span, _ in parts)

    def _note(self, value: Scalar, *, is_part: bool = False) -> None:
        number = len(self.sites)
        self.sites.append(Site(variant=number, value=value, table=self.table, is_part=is_part))


class _Garbling(ast.NodeTransformer):
    """Replaces the literals of a hint, whatever they are: they mean nothing to an answer."""

    def __init__(self, is_told: Callable[[Scalar], bool]) -> None:
        self.is_told = is_told

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Return ``node`` with another value, where nobody was told of it."""
        match node.value:
            case str() as text if not self.is_told(text):
                node.value = text[::-1] + "_"
            case bool():
                pass
            case int() | float() as number if not self.is_told(number):
                node.value = 2 * number + 17
        return node


#: Where a part begins and ends, and the text or number that an input would show of it.
_Part = tuple[tuple[int, int], Scalar]


def _parts_of_text(text: str) -> list[_Part]:
    """Return a short text whole, and each two neighbours of a word, which change places.

    Whatever decodes the text knows both, so that it fails for no other row.
    """
    whole: _Part = ((0, len(text)), text)
    if len(text) < _ROOM:
        return [whole]
    words = [found for found in re.finditer(_WORDS, text) if found[1]]
    return [
        whole,
        *(
            ((at, at + 2), word[1])
            for word in words
            for at in range(word.start(), word.end() - 1)
            if text[at] != text[at + 1]
        ),
    ]


def _parts_of_number(number: float) -> list[_Part]:
    """Return a number whole; of a long one its digits, and of a whole number its bytes, too."""
    digits = repr(number)
    whole: _Part = ((0, 0), number)
    if len(digits) < _ROOM or not re.fullmatch(r"[0-9.]+", digits):
        return [whole]
    runs = [found.span() for found in re.finditer(rf"[0-9]{{1,{_PART}}}", digits)]
    size = (number.bit_length() + 7) // 8 if isinstance(number, int) else 0
    return [(span, number) for span in ((0, 0), *runs, *((-1, byte) for byte in range(size)))]
