"""Capabilities made inside the worker: keyword arguments, the same at every call."""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

KINDS = ("clock", "random", "call", "tensors")
#: What the handed-in clock says first; each further question is one second later.
CLOCK_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RANDOM_SEED = 0


def maker(capabilities: Mapping[str, Mapping[str, Any]]) -> Callable[[], dict[str, Any]] | None:
    """Return a function that makes the keyword arguments of one call; None without capabilities.

    They are made anew for each call, so that an answer never depends on the calls before it.
    """
    if not capabilities:
        return None
    parts = [(name, _part(facts)) for name, facts in sorted(capabilities.items())]
    return lambda: {name: part() for name, part in parts}


def _part(facts: Mapping[str, Any]) -> Callable[[], Any]:
    if facts["kind"] == "clock":
        return _clock
    if facts["kind"] == "random":
        return lambda: random.Random(RANDOM_SEED)  # noqa: S311 - repeatable on purpose
    made = _mapped(facts["tensors"]) if facts["kind"] == "tensors" else _recorded(facts["table"])
    return lambda: made


def _mapped(tensors: Mapping[str, str]) -> Mapping[str, bytes]:
    """Return the tensors as the loader hands them in: bytes, in a mapping nobody can change."""
    return MappingProxyType({name: base64.b64decode(text) for name, text in tensors.items()})


def _clock() -> Callable[[], dt.datetime]:
    moments = (CLOCK_START + dt.timedelta(seconds=second) for second in range(10**9))
    return moments.__next__


def _recorded(table: Mapping[str, Any]) -> Callable[[Any], Any]:
    outputs = {key: json.dumps(output) for key, output in table.items()}
    write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
    read = json.loads

    def call(payload: Any) -> Any:
        key = write(payload)
        if key not in outputs:
            raise KeyError(f"no recorded answer for {key[:200]}")
        return read(outputs[key])

    return call
