"""What differs between a stated trade-off set and the one that its profile gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from typing import Final

Found = tuple[str, str]  # rule, message

_SAME: Final = 2e-5  # figures are kept to six digits


def differences(stated: Any, again: Any, way: str = "", key: str = "") -> Iterator[Found]:
    """Yield where a set differs from what was made again; figures are kept to six digits."""
    if isinstance(stated, dict) and isinstance(again, dict) and list(stated) == list(again):
        for name in again:
            yield from differences(stated[name], again[name], f"{way}.{name}".lstrip("."), name)
    elif isinstance(stated, list) and isinstance(again, list) and len(stated) == len(again):
        for number, (one, other) in enumerate(zip(stated, again, strict=True)):
            yield from differences(one, other, f"{way}[{number}]", key)
    elif isinstance(again, float) and type(stated) in (int, float):
        # What rests on resampling may move a little with another release of NumPy.
        loose = 5e-3 if key == "new_problems" else 1e-9
        if not math.isclose(stated, again, rel_tol=_SAME, abs_tol=loose):
            yield "figures", f"{way}: found {stated:.6g}; expected {again:.6g}, as replayed"
    elif type(stated) is not type(again) or stated != again:  # True equals 1
        yield "set", f"{way}: found {_short(stated)}; expected {_short(again)}, as made again"


def _short(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{len(value)} of them"
    return repr(value)[:80]
