"""Writes YAML that the strict reader of specs takes back as the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from typing import Final

from pytest_compiledai.core.scalar import SurprisingScalar
from pytest_compiledai.core.scalar import plain_scalar

WIDTH: Final = 100
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
#: What YAML does not count as printable, beside what JSON escapes anyway.
_UNPRINTABLE: Final = re.compile(
    "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)


def yaml_mapping(data: Mapping[str, Any]) -> str:
    """Return JSON values as a YAML mapping: short parts on one line, long ones in blocks."""
    return "".join(f"{line}\n" for line in _mapping(data, 0))


def _mapping(data: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        lead = f"{' ' * indent}{_scalar(key)}:"
        lines += _after(lead, value, indent)
    return lines


def _sequence(items: list[Any], indent: int) -> list[str]:
    lines: list[str] = []
    for item in items:
        lines += _after(f"{' ' * indent}-", item, indent)
    return lines


def _after(lead: str, value: Any, indent: int) -> list[str]:
    """Return ``lead`` with its value: beside it where that is short, else below it."""
    if isinstance(value, str) and "\n" in value and _is_block(value):
        below = [f"{' ' * (indent + 2)}{line}".rstrip() for line in value.rstrip("\n").split("\n")]
        return [f"{lead} |{'' if value.endswith(chr(10)) else '-'}", *below]
    flow = f"{lead} {_flow(value)}"
    if len(flow) <= WIDTH or not value or not isinstance(value, Mapping | list):
        return [flow]
    if isinstance(value, Mapping):
        return [lead, *_mapping(value, indent + 2)]
    return [lead, *_sequence(value, indent + 2)]


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    text = json.dumps(value, allow_nan=False)
    # JSON may write 1e+16; readers of YAML differ over a float without a point.
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def _is_plain(text: str) -> bool:
    try:
        return _WORD.fullmatch(text) is not None and plain_scalar(text) == text
    except SurprisingScalar:
        return False


def _is_block(text: str) -> bool:
    """Return whether a literal block holds ``text`` exactly."""
    lines = text.split("\n")
    return (
        not text.endswith("\n\n")
        and not lines[0].startswith(" ")
        and lines[0] != ""
        and all(line == line.rstrip() and line.isprintable() for line in lines)
        and not _UNPRINTABLE.search(text)
    )


def _quoted(text: str) -> str:
    return _UNPRINTABLE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )
