"""Reading a gate's block of a spec: known keys only, numbers within their range."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeAlias

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place

#: Gives the place of a way of keys inside the block.
At: TypeAlias = "Callable[..., Place]"


def known_keys(block: Mapping[str, Any], keys: Sequence[str], place: At) -> None:
    """Raise ``SpecError`` at the first key of ``block`` that is not understood."""
    for key in block:
        if key not in keys:
            found, expected = f"the key `{key}`", f"one of {', '.join(keys)}"
            raise SpecError(where=place(key), found=found, expected=expected)


def share(block: Mapping[str, Any], key: str, default: float, place: At) -> float:
    """Return the share from 0 to 1 at ``key``."""
    value = block.get(key, default)
    if not _is_number(value) or not 0 <= value <= 1:
        raise _refused(key, value, "a number from 0 to 1", place)
    return float(value)


def bar(block: Mapping[str, Any], key: str, default: float, place: At) -> float:
    """Return the share above 0 at ``key``.

    No answer falls below a bar of 0: that would be a gate switched off which the lock calls asked.
    """
    value = share(block, key, default, place)
    if not value:
        raise _refused(key, block[key], "a number above 0 up to 1, or the gate `off`", place)
    return value


def confidence(block: Mapping[str, Any], default: float | None, place: At) -> float | None:
    """Return the confidence between 0 and 1 at ``confidence``; None where none is asked for."""
    if block.get("confidence") is None:
        return default
    value = share(block, "confidence", 0.0, place)
    if not 0 < value < 1:
        expected = "a number between 0 and 1"
        raise SpecError(where=place("confidence"), found=f"{value:g}", expected=expected)
    return value


def above_zero(block: Mapping[str, Any], key: str, default: float, place: At) -> float:
    """Return the finite number above zero at ``key``."""
    value = block.get(key, default)
    if not _is_number(value) or value <= 0:
        raise _refused(key, value, "a number above 0", place)
    return float(value)


def from_zero(block: Mapping[str, Any], key: str, place: At) -> float:
    """Return the finite number from zero at ``key``, 0 where the key is missing."""
    value = block.get(key, 0)
    if not _is_number(value) or value < 0:
        raise _refused(key, value, "a number from 0", place)
    return float(value)


def whole(
    block: Mapping[str, Any], key: str, default: int, place: At, *, least: int = 0, most: int
) -> int:
    """Return the whole number from ``least`` to ``most`` at ``key``."""
    value = block.get(key, default)
    if type(value) is not int or not least <= value <= most:
        raise _refused(key, value, f"a whole number from {least} to {most}", place)
    return value


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _refused(key: str, value: object, expected: str, place: At) -> SpecError:
    return SpecError(where=place(key), found=f"{key}: {value!r}"[:120], expected=expected)
