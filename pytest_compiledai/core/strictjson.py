"""JSON read strictly: one meaning for every reader, or an error."""

from __future__ import annotations

import json
import math
import re
from typing import Any
from typing import Final

DEPTH_CAP: Final = 64  # objects and lists inside one another
#: Digits of an integer: Python's own bound, here whatever its environment says.
DIGITS_CAP: Final = 4300
_SHOWN: Final = 60

# The closing quote is optional, so that no text is looked through twice.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class StrictJSONError(ValueError):
    """A text that is not JSON, or that readers of JSON take for different things."""


def read_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises ``StrictJSONError`` for a key twice, NaN or infinity (also as 1e999), nesting deeper
    than 64, half a surrogate pair, and what is no JSON at all.
    """
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise StrictJSONError(f"no JSON: {error.msg} at column {error.colno}") from None
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise StrictJSONError(f"the key {json.dumps(name[:_SHOWN])} twice")
        found[name] = value
    return found


def _no_constant(text: str) -> Any:
    raise StrictJSONError(f"{text}, which is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise StrictJSONError(f"{text[:_SHOWN]}, which no double can hold")
    return value


def _int(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS_CAP:
        raise StrictJSONError(f"an integer of {len(text)} digits")
    return int(text)


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH_CAP:
        return
    depth = 0
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in "[{":
            depth += 1
        elif piece in "]}":
            depth -= 1
        if depth > DEPTH_CAP:
            raise StrictJSONError(f"nesting deeper than {DEPTH_CAP}")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise StrictJSONError("half a surrogate pair") from None
