"""Java source code of a value, as the leaderboard's checker reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from typing import Final

TYPES: Final[Mapping[str, type]] = {
    "byte": int,
    "short": int,
    "integer": int,
    "float": float,
    "double": float,
    "long": int,
    "boolean": bool,
    "char": str,
    "Array": list,
    "ArrayList": list,
    "Set": set,
    "HashMap": dict,
    "Hashtable": dict,
    "Queue": list,
    "Stack": list,
    "String": str,
    "any": str,
}
_WHOLE = re.compile(r"^-?\d+$")
_LONG = re.compile(r"^-?\d+[lL]$")
_FLOAT = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?[fF]$")
_DOUBLE = re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$")
_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)")
_ADDED = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{\s*(.+?)\s*\}\}", re.DOTALL)
_ADD = re.compile(r"add\((.+?)\)")
_NO_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{(.*?)\}")
_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*(.*?)\s*\}?\s*\}", re.DOTALL)
_PUT = re.compile(r"put\(\"(.*?)\",\s*(.*?)\)")
_NO_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)")


def converted(text: str, stated: str, nested: str | None = None) -> Any:
    """Return the value that source code says; the text itself where it is not of the type.

    Raises ``NotImplementedError`` for the collections that the checker does not read.
    """
    if stated in ("Set", "Hashtable", "Queue", "Stack"):
        raise NotImplementedError(stated)
    if stated == "ArrayList":
        return _array_list(text, nested)
    if stated == "Array":
        found = _ARRAY.search(text)
        return _items(found[1], nested) if found else text
    if stated == "HashMap":
        return _hash_map(text)
    return _scalar(text, stated)


def _scalar(text: str, stated: str) -> Any:
    if stated in ("byte", "short", "integer"):
        return int(text) if _WHOLE.match(text) else text
    if stated == "float":
        return float(text[:-1]) if _FLOAT.match(text) else text
    if stated == "double":
        return float(text) if _DOUBLE.match(text) else text
    if stated == "long":
        return int(text[:-1]) if _LONG.match(text) else text
    if stated == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _array_list(text: str, nested: str | None) -> Any:
    if found := _AS_LIST.search(text):
        return [_element(part.strip(), nested) for part in found[1].split(",")]
    if found := _ADDED.search(text):
        return [_element(part.strip(), nested) for part in _ADD.findall(found[1])]
    return [] if _NO_LIST.search(text) else text


def _element(text: str, nested: str | None) -> Any:
    if nested in ("char", "String"):
        return text[1:-1]
    return converted(text, nested) if nested else unknown(text)


def _items(text: str, nested: str | None) -> list[Any]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return [converted(part, nested) if nested else unknown(part) for part in parts]


def _hash_map(text: str) -> Any:
    if found := _MAP.search(text):
        return {key: unknown(value.strip()) for key, value in _PUT.findall(found[1])}
    return {} if _NO_MAP.search(text) else text


def unknown(text: str) -> Any:
    """Return the value of source code whose type nobody states."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    if _LONG.match(text):
        return int(text[:-1])
    if _FLOAT.match(text):
        return float(text[:-1])
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
