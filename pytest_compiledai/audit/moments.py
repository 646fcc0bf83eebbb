"""Points in time as logs write them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from typing import Final

#: Above these a number counts milliseconds, microseconds, nanoseconds.
_DIGITS: Final = 20  # of a count of nanoseconds, at most; a longer number is no time
_SCALES: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def seconds(value: Any) -> float | None:
    """Return seconds since 1970 of a number (s, ms, µs, ns) or an ISO 8601 text; else None."""
    if isinstance(value, str):
        return seconds(int(value)) if value.isdigit() and len(value) <= _DIGITS else _iso(value)
    if type(value) not in (int, float) or not 0 < value < 10**_DIGITS:
        return None
    for least, scale in _SCALES:
        if value >= least:
            return float(value / scale)
    return float(value)


def span_s(start: float | None, end: float | None) -> float | None:
    """Return the seconds from start to end, where both are known and in order."""
    return end - start if start is not None and end is not None and end >= start else None


def _iso(text: str) -> float | None:
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    return when.timestamp()
