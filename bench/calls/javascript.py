"""JavaScript source code of a value, as the leaderboard's checker reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from typing import Final

TYPES: Final[Mapping[str, type]] = {
    "String": str,
    "integer": int,
    "float": float,
    "Bigint": int,
    "Boolean": bool,
    "dict": dict,
    "array": list,
    "any": str,
}
_WHOLE = re.compile(r"^-?\d+$")
_FLOAT = re.compile(r"^-?\d+(\.\d+)?$")
_BIG = re.compile(r"^-?\d+n$")
_NESTED = re.compile(
    r"\[\s*\[.*?\]\s*(,\s*\[.*?\]\s*)*\]|\bnew\s+Array\(\s*\[.*?\]\s*(,\s*\[.*?\]\s*)*\)"
)
_INNER = re.compile(r"\[(.*?)\]")
_ARRAY = re.compile(r"\[(.*?)\]|\bnew\s+Array\((.*?)\)")
_DICT = re.compile(r"\{(.*?)\}")
_PAIR = re.compile(r"([^:]+):\s*(.*?)(?:,\s*(?=[^,]+:)|$)")


def converted(text: str, stated: str, nested: str | None = None) -> Any:
    """Return the value that source code says; the text itself where it is not of the type."""
    if stated == "dict":
        return _dict(text.strip())
    return _array(text.strip(), nested) if stated == "array" else _scalar(text, stated)


def _scalar(text: str, stated: str) -> Any:
    if stated == "String":
        return text[1:-1] if _is_quoted(text) else text
    if stated == "integer":
        return int(text) if _WHOLE.match(text) else text
    if stated == "float":
        return float(text) if _FLOAT.match(text) else text
    if stated == "Bigint":
        return int(text[:-1]) if _BIG.match(text) else text
    if stated == "Boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _is_quoted(text: str) -> bool:
    return any(text.startswith(quote) and text.endswith(quote) for quote in "\"'")


def _array(text: str, nested: str | None) -> Any:
    if found := _NESTED.match(text):
        inner = [part.strip().removeprefix("[") for part in _INNER.findall(found[0])]
        return [[unknown(item) for item in part.split(",")] for part in inner]
    found = _ARRAY.match(text)
    if not found:
        return text
    inside = (found[1] if found[1] is not None else found[2]).strip()
    items = [item.strip() for item in inside.split(",")] if inside else []
    return [converted(item, nested) if nested else unknown(item) for item in items]


def _dict(text: str) -> Any:
    found = _DICT.match(text)
    if not found:
        return text
    pairs = _PAIR.findall(found[1])
    return {key.strip().strip("'\""): _member(value.strip()) for key, value in pairs}


def _member(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return _array(text, None)
    if text.startswith("{") and text.endswith("}"):
        return _dict(text)
    return unknown(text.strip("'\""))


def unknown(text: str) -> Any:
    """Return the value of source code whose type nobody states."""
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _is_quoted(text):
        return text[1:-1]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
