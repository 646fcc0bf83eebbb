"""The words of JSON Schema that are understood, as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_NUMERIC: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")

#: The keywords that say something of a value of each type.
APPLIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "array": ("items", "minItems", "maxItems", "uniqueItems"),
        "boolean": (),
        "integer": _NUMERIC,
        "null": (),
        "number": _NUMERIC,
        "object": ("properties", "required", "additionalProperties"),
        "string": ("minLength", "maxLength", "pattern", "format"),
    }
)
#: Keywords that only tell; `default` tells too, and may be any value.
ANNOTATIONS: Final[Mapping[str, type]] = MappingProxyType(
    {"title": str, "description": str, "$comment": str, "examples": list, "deprecated": bool}
)
ROOT_ONLY: Final = frozenset({"$schema", "$defs"})
KEYWORDS: Final = frozenset(
    {"type", "enum", "const", "anyOf", "$ref", "default", *ANNOTATIONS, *ROOT_ONLY}
).union(*APPLIES.values())

#: What to write instead of a keyword outside the subset.
INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "$defs": "`$defs` at the root of the schema only",
        "$schema": "`$schema` at the root of the schema only",
        "allOf": "one schema with the keywords of all",
        "definitions": "`$defs`",
        "nullable": '"null" among the types, as in `type: [string, "null"]`',
        "oneOf": "`anyOf`",
        "patternProperties": "`properties`, or a schema under `additionalProperties`",
        "prefixItems": "an object with a property for each position",
    }
)
