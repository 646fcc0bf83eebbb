"""A JSON value with one place in it changed."""

from __future__ import annotations

import copy
from typing import Any


def replaced(base: Any, way: tuple[str | int, ...], value: Any) -> Any:
    """Return a copy of ``base`` with ``value`` at ``way``; no way at all is the value itself."""
    if not way:
        return value
    result = copy.deepcopy(base)
    inner = result
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    return result
