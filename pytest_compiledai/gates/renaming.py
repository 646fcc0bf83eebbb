"""Names that code can read back as texts, and the same code with some of them changed.

Fields, members of enumerations, keywords and the names of functions are texts to whoever asks for
them. A name is changed wherever it stands, so that only code that reads it answers otherwise.
"""

from __future__ import annotations

import ast
import datetime as dt
import decimal
import enum
import keyword
import re
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import Final

from pytest_compiledai.core.parsing import parse

#: Attributes of what code is given and makes: under such a name it may mean the library's.
_COMMON: Final = frozenset(
    name
    for kind in (str, bytes, int, float, list, dict, set, re.Match, re.Pattern, enum.Enum,
                 dt.datetime, dt.timedelta, decimal.Decimal)
    for name in (*dir(kind), "name", "value")
)  # fmt: skip
#: What takes any keyword and hands it out as a text.
_OPEN: Final = frozenset(
    {"dict", "update", "partial", "SimpleNamespace", "Counter", "OrderedDict", "defaultdict",
     "ChainMap", "UserDict"}
)  # fmt: skip
#: As of literals: characters from which a name has room for two rows, and those of one part.
_ROOM: Final = 7
_PART: Final = 3


def readable_names(text: str) -> dict[str, int]:
    """Return the names of the module ``text`` that it may read as texts, in order.

    With each the number of the class or the call that holds it; 0 for a name of its own.
    """
    tree = parse(text)
    spread = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.args.kwarg}
    found: dict[str, int] = {}
    for number, node in enumerate(ast.walk(tree), start=1):
        for name, is_held in _named_by(node, spread | _OPEN):
            if name.strip("_") and not name.endswith("__") and name not in _COMMON:
                found.setdefault(name, number if is_held else 0)
    return found


def _named_by(node: ast.AST, spread: set[str] | frozenset[str]) -> Iterator[tuple[str, bool]]:
    match node:
        case ast.FunctionDef(name=name):
            yield name, False
        case ast.ClassDef(name=name, body=body):
            yield name, False
            yield from ((target.id, True) for target in _targets(body))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in spread:
            yield from ((word.arg, True) for word in node.keywords if word.arg)


def _targets(body: list[ast.stmt]) -> Iterator[ast.Name]:
    for statement in body:
        if isinstance(statement, ast.Assign):
            yield from (each for each in statement.targets if isinstance(each, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target


def spans(name: str) -> list[tuple[int, int]]:
    """Return where a name is changed: as a whole first, and in parts where it has room for two."""
    whole = (0, len(name))
    if len(name) < _ROOM:
        return [whole]
    return [whole, *((at, min(at + _PART, len(name))) for at in range(0, len(name), _PART))]


def other_name(name: str, span: tuple[int, int], taken: frozenset[str]) -> str:
    """Return ``name`` with the characters of ``span`` moved on by one; none that is ``taken``."""
    start, end = span
    made = name[:start] + name[start:end].translate(_NEXT) + name[end:]
    while made in taken or keyword.iskeyword(made):
        made += "x"
    return made


def identifiers(text: str) -> frozenset[str]:
    """Return every name in ``text``, whatever it means there."""
    return frozenset(re.findall(r"\w+", text))


def renamed(text: str, others: Mapping[str, str]) -> bytes:
    """Return the module ``text`` with each name in ``others`` replaced wherever it stands."""
    tree = _Renaming(others).visit(parse(text))
    return (ast.unparse(tree) + "\n").encode("utf-8", "surrogatepass")


_LETTERS: Final = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NEXT: Final = str.maketrans("".join(_LETTERS), "".join(s[1:] + s[0] for s in _LETTERS))
_FIELDS: Final = frozenset({"id", "attr", "arg", "name", "rest", "kwd_attrs", "names"})


class _Renaming(ast.NodeTransformer):
    def __init__(self, others: Mapping[str, str]) -> None:
        self.others = others

    def visit(self, node: ast.AST) -> Any:
        """Return ``node`` with its names replaced; those of imported modules stay."""
        if isinstance(node, ast.alias):
            return node
        for field in _FIELDS.intersection(node._fields):
            value = getattr(node, field)
            if isinstance(value, str):
                setattr(node, field, self.others.get(value, value))
            elif isinstance(value, list) and not isinstance(node, ast.Import | ast.ImportFrom):
                value[:] = [self.others.get(v, v) if isinstance(v, str) else v for v in value]
        return self.generic_visit(node)
