"""A JSON Schema for observed values, inside the subset that a spec may use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from typing import Final

DEPTH_CAP: Final = 12
NAME_CAP: Final = 60  # properties of one object
ENUM_CAP: Final = 60  # values of a closed set
_RARE: Final = 0.02  # share of values below which a type or a property counts as a slip
_ALWAYS: Final = 0.99  # share of objects that have a property, for it to be required
_REPEATS: Final = 4  # values for each distinct one, for a text to be a closed set
_ENUM_TEXT: Final = 80  # characters of a closed set's value


def infer(values: Sequence[Any], depth: int = 0) -> dict[str, Any]:
    """Return the schema of ``values``; what only a few of them do is left out of it."""
    groups = {name: [value for value in values if _type(value) == name] for name in _TYPES}
    least = _RARE * len(values)
    kept = {name: group for name, group in groups.items() if len(group) > least}
    if "integer" in kept and "number" in kept:
        kept["number"] = [value for value in values if _type(value) in ("integer", "number")]
        del kept["integer"]
    options = [_one(name, group, depth) for name, group in kept.items()]
    if not options:
        return {"type": "string"}
    if len(options) == 1:
        return options[0]
    if len(options) == 2 and "null" in kept:  # noqa: PLR2004 - one type, or null
        return _nullable(next(each for each in options if each != {"type": "null"}))
    return {"anyOf": options}


def closed_values(values: Sequence[Any]) -> list[Any] | None:
    """Return the distinct texts where they are few and repeat, in order; else None."""
    counts = Counter(values)
    common = sorted(value for value, count in counts.items() if count > 1)
    once = len(counts) - len(common)
    few = 0 < len(common) <= ENUM_CAP and len(values) >= _REPEATS * len(common)
    slips = once <= _RARE * len(values)
    short = all(value and len(value) <= _ENUM_TEXT and value.isprintable() for value in common)
    return common if few and slips and short else None


_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return kinds.get(type(value), "null")


def _one(name: str, values: Sequence[Any], depth: int) -> dict[str, Any]:
    if name == "object":
        return _object(values, depth)
    if name == "array":
        items = [item for value in values for item in value[:64]]
        return {
            "type": "array",
            "items": infer(items, depth + 1) if depth < DEPTH_CAP else {"type": "string"},
        }
    if name == "string" and (closed := closed_values(values)):
        return {"enum": closed}
    return {"type": name}


def _object(values: Sequence[dict[str, Any]], depth: int) -> dict[str, Any]:
    counts = Counter(name for value in values for name in value)
    common = [name for name, count in counts.most_common(NAME_CAP) if count > _RARE * len(values)]
    names = sorted(common) if depth < DEPTH_CAP else []
    found: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: infer([value[name] for value in values if name in value], depth + 1)
            for name in names
        },
    }
    required = [name for name in names if counts[name] >= _ALWAYS * len(values)]
    return found | ({"required": required} if required else {})


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    return {"anyOf": [schema, {"type": "null"}]}
