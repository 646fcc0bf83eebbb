"""A draft from a Python function: its annotations become schemas. The file is read, never run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.drafts.draft import Draft
from pytest_compiledai.drafts.draft import unit_name
from pytest_compiledai.drafts.schemas import ANYTHING

_SCALARS = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
    "UUID": {"type": "string", "format": "uuid"},
    "Decimal": {"type": "string"},
}
_LISTS = {"list", "List", "tuple", "Tuple", "Sequence", "Iterable", "set", "Set", "frozenset"}
_WRAPPERS = {"Annotated", "Required", "NotRequired", "Final"}
_MAPPINGS = {"dict", "Dict", "Mapping"}


def from_signature(text: str, path: str, name: str) -> Draft:
    """Return the draft of the function ``name``; raises ``SpecError`` where there is none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        where = Place(path=path, line=line)
        raise SpecError(where=where, found=str(error), expected="Python") from None
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    if not name and len(functions) == 1:
        (name,) = functions
    if name not in functions:
        there = ", ".join(functions) or "none"
        raise SpecError(
            where=Place(path=path),
            found=f"no function {name!r} among {there}" if name else f"several functions: {there}",
            expected="FILE.py#FUNCTION",
            next=f"compiledai init --from {path}#{next(iter(functions), 'FUNCTION')}",
        )
    return _Signature(tree).draft(functions[name])


class _Signature:
    def __init__(self, tree: ast.Module) -> None:
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._following: tuple[str, ...] = ()
        self._notes: list[str] = []

    def draft(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Draft:
        """Return the draft; one parameter that is an object stands for the whole input."""
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named = [item for item in named if item.arg not in ("self", "cls")]
        first_default = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
        optional = {item.arg for item in [*arguments.posonlyargs, *arguments.args][first_default:]}
        optional |= {
            item.arg
            for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        }
        properties = {item.arg: self._schema(item.annotation, item.arg) for item in named}
        required = [item.arg for item in named if item.arg not in optional]
        taken = {"type": "object", "properties": properties, "required": required}
        if len(named) == 1 and "properties" in properties[named[0].arg]:
            taken = properties[named[0].arg]
        returned = self._schema(function.returns, "return")
        if "properties" not in returned:
            returned = {
                "type": "object",
                "properties": {"result": returned},
                "required": ["result"],
            }
        doc = ast.get_docstring(function) or f"Say here what {function.name} decides, and how."
        return Draft(
            name=unit_name(function.name),
            description=doc,
            input=taken,
            output=returned,
            notes=tuple(self._notes),
        )

    def _schema(self, node: ast.expr | None, way: str) -> dict[str, Any]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body  # a quoted annotation
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _union([self._schema(node.left, way), self._schema(node.right, way)])
        if isinstance(node, ast.Subscript):
            return self._generic(_last(node.value), _parts(node.slice), way)
        return self._named("None" if _is_none(node) else _last(node), way)

    def _named(self, name: str, way: str) -> dict[str, Any]:
        if name in _SCALARS:
            return dict(_SCALARS[name])
        if name in self._classes and name not in self._following:
            return self._class(self._classes[name])
        if name in _LISTS:
            return {"type": "array", "items": self._open(f"{way}[]")}
        if name in _MAPPINGS:
            return {"type": "object", "additionalProperties": {"type": "string"}}
        return self._open(way)

    def _generic(self, name: str, parts: list[ast.expr], way: str) -> dict[str, Any]:
        if name == "Literal":
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            return {"enum": values}
        if name in ("Optional", "Union"):
            options: list[Mapping[str, Any]] = [self._schema(part, way) for part in parts]
            return _union([*options, {"type": "null"}] if name == "Optional" else options)
        if name in _WRAPPERS:
            return self._schema(parts[0], way)
        if name in _LISTS:
            return {"type": "array", "items": self._schema(parts[0], f"{way}[]")}
        if name in _MAPPINGS and len(parts) == 2:  # noqa: PLR2004 - key and value
            return {"type": "object", "additionalProperties": self._schema(parts[1], f"{way}.*")}
        return self._open(way)

    def _class(self, node: ast.ClassDef) -> dict[str, Any]:
        """Return the schema of a TypedDict, a dataclass or a model with annotated fields."""
        outer, self._following = self._following, (*self._following, node.name)
        fields = [
            item
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]
        properties = {}
        required = []
        for item in fields:
            assert isinstance(item.target, ast.Name)
            name = item.target.id
            properties[name] = self._schema(item.annotation, f"{node.name}.{name}")
            generic = item.annotation if isinstance(item.annotation, ast.Subscript) else None
            if item.value is None and not (generic and _last(generic.value) == "NotRequired"):
                required.append(name)
        self._following = outer
        return {"type": "object", "properties": properties, "required": required}

    def _open(self, way: str) -> dict[str, Any]:
        self._notes.append(f"{way}: no annotation that is understood, drafted as any scalar")
        return dict(ANYTHING)


def _union(options: list[Mapping[str, Any]]) -> dict[str, Any]:
    flat: list[dict[str, Any]] = []
    for option in options:
        flat += option["anyOf"] if "anyOf" in option else [dict(option)]
    plain = [option["type"] for option in flat if set(option) == {"type"}]
    if len(plain) == len(flat) and all(isinstance(name, str) for name in plain):
        return {"type": list(dict.fromkeys(plain))}
    return {"anyOf": flat}


def _parts(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _last(node: ast.expr | None) -> str:
    """Return the last word of a name: `dt.date` is a `date`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
