"""What an answer is: JSON where it reads as JSON, else text; and its parts."""

from __future__ import annotations

import json
import re
from typing import Any
from typing import Final

from pytest_compiledai.audit.call import squeezed

FENCE: Final = re.compile(r"\A\s*```[\w-]*\n(.*?)\n?```\s*\Z", re.DOTALL)
DEPTH_CAP: Final = 20  # objects and lists inside one another that are taken apart
LIST_CAP: Final = 64  # items of a list that are looked at

Scalar = str | int | float | bool | None
Leaf = Scalar | tuple[Scalar, ...]


def read_value(text: str) -> Any:
    """Return the value of an answer: JSON, also in a code fence, else the text without its ends."""
    body = text.strip()
    if body.startswith("```") and (match := FENCE.match(body)):
        body = match.group(1).strip()
    if body[:1] in '{["-0123456789tfn':
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
    return text.strip()


def canonical(text: str) -> str:
    """Return what is equal for answers that say the same: spacing and order of keys aside."""
    value = read_value(text)
    if isinstance(value, str):
        return squeezed(value)
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    except RecursionError:  # nested about as deep as the reader can follow
        return squeezed(text)


def leaves(value: Any) -> dict[str, Leaf]:
    """Return the scalars of a value by their paths; a list of scalars is one leaf, the root ``""``.

    A list of objects counts as one leaf too: its scalars in order.
    """
    found: dict[str, Leaf] = {}
    _walk(value, "", found, 0)
    return found


def scalars(leaf: Leaf) -> tuple[Scalar, ...]:
    """Return the scalars of a leaf."""
    return leaf if isinstance(leaf, tuple) else (leaf,)


def _walk(value: Any, path: str, found: dict[str, Leaf], depth: int) -> None:
    if isinstance(value, dict) and depth < DEPTH_CAP:
        for name, child in value.items():
            _walk(child, f"{path}.{name}" if path else str(name), found, depth + 1)
    elif isinstance(value, list):
        found[path] = tuple(_inside(value, depth))
    elif value is None or isinstance(value, str | int | float):
        found[path] = value


def _inside(items: list[Any], depth: int) -> list[Scalar]:
    flat: list[Scalar] = []
    for item in items[:LIST_CAP]:
        if isinstance(item, dict) and depth < DEPTH_CAP:
            flat += _inside(list(item.values()), depth + 1)
        elif isinstance(item, list) and depth < DEPTH_CAP:
            flat += _inside(item, depth + 1)
        elif item is None or isinstance(item, str | int | float):
            flat.append(item)
    return flat
