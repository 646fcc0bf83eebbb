"""Turns schemas of other dialects into the declared subset, and says what it left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.formats import FORMATS
from pytest_compiledai.core.keywords import ANNOTATIONS
from pytest_compiledai.core.keywords import APPLIES
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import NODE_CAP
from pytest_compiledai.core.schema import Schema

#: Names of types in tool definitions that were written by hand or made from Python.
TYPES = {
    "dict": "object",
    "float": "number",
    "double": "number",
    "int": "integer",
    "long": "integer",
    "str": "string",
    "String": "string",
    "char": "string",
    "bool": "boolean",
    "Boolean": "boolean",
    "list": "array",
    "tuple": "array",
    "Array": "array",
    "ArrayList": "array",
    "None": "null",
}
_DEPTH = 32
#: Stands where a source allows anything: a spec has to say what it takes.
ANYTHING = {"type": ["string", "number", "boolean", "null"]}
_OBJECT_OF_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}

Lookup = Callable[[str], Mapping[str, Any]]


class Conversion:
    """Converts schemas of one source; ``notes`` gather what a spec cannot say."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._following: tuple[str, ...] = ()
        self._count = 0
        self.notes: list[str] = []

    def root(self, data: Any, way: str, *, wrapped: str) -> dict[str, Any]:
        """Return an object's schema; one of another type becomes the property ``wrapped``.

        Raises ``SpecError`` for what the strict reader would still refuse.
        """
        found = self.convert(data, way)
        if found.get("type") != "object":
            found = {"type": "object", "properties": {wrapped: found}, "required": [wrapped]}
        Schema.parse(found, lambda *keys: Place(path=".".join([way, *map(str, keys)])))
        return found

    def convert(self, data: Any, way: str) -> dict[str, Any]:
        """Return one schema in the subset; raises ``SpecError`` for one too large to be meant."""
        self._count += 1
        if self._count > NODE_CAP:
            raise SpecError(where=way, found="more schemas", expected=f"at most {NODE_CAP}")
        if not isinstance(data, Mapping):
            return self._anything(way)
        if "$ref" in data:
            return self._reference(str(data["$ref"]), way)
        if "allOf" in data:
            data = self._merged(data, way)
        options = data.get("anyOf") or data.get("oneOf")
        if isinstance(options, list) and options:
            return self._union(options, data, way)
        return self._plain(data, way)

    def _plain(self, data: Mapping[str, Any], way: str) -> dict[str, Any]:
        if "enum" in data or "const" in data:
            found = self._enum(data, way)
        else:
            names = _types(data)
            if not names:
                return self._anything(way)
            found = {"type": names if len(names) > 1 else names[0]}
            usable = set().union(*(APPLIES[name] for name in names))
            for keyword in data:
                self._keyword(keyword, data, found, usable, way)
            self._completed(found, names, way)
        annotations = {
            key: data[key] for key, kind in ANNOTATIONS.items() if isinstance(data.get(key), kind)
        }
        annotations.pop("examples", None)  # they need not conform in other dialects
        return found | annotations

    def _keyword(
        self,
        keyword: str,
        data: Mapping[str, Any],
        found: dict[str, Any],
        usable: set[str],
        way: str,
    ) -> None:
        value = data[keyword]
        if keyword == "properties" and keyword in usable and isinstance(value, Mapping):
            found[keyword] = {
                str(name): self.convert(child, f"{way}.{name}") for name, child in value.items()
            }
        elif keyword == "required" and keyword in usable and isinstance(value, list):
            known = data.get("properties", {})
            found[keyword] = [name for name in dict.fromkeys(value) if name in known]
        elif keyword == "items" and keyword in usable:
            found[keyword] = self.convert(value, f"{way}[]")
        elif keyword == "additionalProperties" and keyword in usable:
            taken = value if isinstance(value, bool) else self.convert(value, f"{way}.*")
            found[keyword] = taken
        elif keyword == "format" and value not in FORMATS:
            self.notes.append(f"{way}: format {value}")
        elif keyword in usable:
            self._checked(keyword, value, found, way)
        elif keyword not in {"type", "nullable", "default", *ANNOTATIONS}:
            self.notes.append(f"{way}: {keyword}")

    def _checked(self, keyword: str, value: Any, found: dict[str, Any], way: str) -> None:
        """Take a keyword over where the strict reader understands its value."""
        kind = next(name for name, words in APPLIES.items() if keyword in words)
        if isinstance(value, float) and kind in ("integer", "number") and value.is_integer():
            value = int(value)
        probe: dict[str, Any] = {"type": kind, keyword: value}
        if kind == "array":
            probe["items"] = {"type": "null"}
        probe = {"type": "object", "properties": {"x": probe}}
        try:
            Schema.parse(probe, lambda *_: Place(path=way))
        except SpecError:
            self.notes.append(f"{way}: {keyword} {value!r}")
        else:
            found[keyword] = value

    def _completed(self, found: dict[str, Any], names: list[str], way: str) -> None:
        """Say what an open list or object holds, which a spec must."""
        if "array" in names and "items" not in found:
            found["items"] = self._anything(f"{way}[]")
        if "object" in names and "properties" not in found:
            if not isinstance(found.get("additionalProperties"), Mapping):
                self.notes.append(f"{way}: an object of anything, drafted as one of texts")
                found["additionalProperties"] = _OBJECT_OF_TEXTS["additionalProperties"]
            found.pop("required", None)

    def _enum(self, data: Mapping[str, Any], way: str) -> dict[str, Any]:
        values = data["enum"] if isinstance(data.get("enum"), list) else [data.get("const")]
        usable = [value for value in dict.fromkeys(map(_hashable, values)) if value is not _BAD]
        if len(usable) < len(values):
            self.notes.append(f"{way}: values of enum that are no scalars, or twice there")
        if data.get("nullable") and None not in usable:
            usable.append(None)
        return {"enum": usable} if usable else self._anything(way)

    def _union(self, options: list[Any], data: Mapping[str, Any], way: str) -> dict[str, Any]:
        nodes: list[dict[str, Any]] = []
        for index, option in enumerate(options):
            node = self.convert(option, f"{way}|{index}")
            if node not in nodes:
                nodes.append(node)
        if data.get("nullable") and {"type": "null"} not in nodes:
            nodes.append({"type": "null"})
        if "oneOf" in data:
            self.notes.append(f"{way}: oneOf, drafted as anyOf")
        return nodes[0] if len(nodes) == 1 else {"anyOf": nodes}

    def _reference(self, target: str, way: str) -> dict[str, Any]:
        """Write a reference out where it stands; one that leads back to itself is cut."""
        if target in self._following or len(self._following) > _DEPTH:
            self.notes.append(f"{way}: {target}, which refers to itself")
            return dict(ANYTHING)
        outer, self._following = self._following, (*self._following, target)
        try:
            return self.convert(self._lookup(target), way)
        finally:
            self._following = outer

    def _merged(self, data: Mapping[str, Any], way: str) -> dict[str, Any]:
        """Return one schema with the keywords of all; objects join their properties."""
        parts = [{key: value for key, value in data.items() if key != "allOf"}]
        for part in data["allOf"]:
            taken = self._lookup(part["$ref"]) if "$ref" in part else part
            parts.append(self._merged(taken, way) if "allOf" in taken else dict(taken))
        merged: dict[str, Any] = {}
        for part in parts:
            for key, value in part.items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def _anything(self, way: str) -> dict[str, Any]:
        self.notes.append(f"{way}: says no type, drafted as any scalar")
        return dict(ANYTHING)


_BAD = object()


def _hashable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return _BAD
    return value if value is None or isinstance(value, str | int | float | bool) else _BAD


def _types(data: Mapping[str, Any]) -> list[str]:
    """Return the types that a schema states, or shows by its other keywords."""
    stated = data.get("type")
    names = stated if isinstance(stated, list) else [stated] if stated is not None else []
    known = [TYPES.get(str(name), str(name)) for name in names]
    known = [name for name in dict.fromkeys(known) if name in APPLIES]
    if not known:
        known = [kind for kind in ("object", "array") if set(APPLIES[kind]) & set(data)][:1]
    if data.get("nullable") and known and "null" not in known:
        known.append("null")
    if {"integer", "number"} <= set(known):
        known.remove("integer")
    return known
