"""The recording of a search: how each back end matched and how fast it was, on one machine.

The choice rests on it, so that two compiles choose alike; new weights or new tools do not search
again, for what was chosen is judged anew by every gate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.paths import read_regular

if TYPE_CHECKING:
    from pytest_compiledai.kernels.whole.spec import Bounds
    from pytest_compiledai.kernels.whole.spec import WholeSpec

VERSION: Final = 1
_CAP: Final = 1_000_000  # bytes
Measured = Mapping[str, Mapping[str, Any]]  # by back end


def read(spec: WholeSpec, source: str) -> Measured | None:
    """Return what was measured for this source; None where nothing was. Raises ``SpecError``."""
    try:
        data = read_regular(spec.measured_file, cap=_CAP)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(spec, error.strerror or str(error)) from error
    try:
        value = json.loads(data)
        if value["version"] != VERSION:
            raise _unreadable(spec, f"version {value['version']!r}")
        back_ends = value["back_ends"] if value["source"] == source else None
        if back_ends is not None:
            chosen(back_ends, spec.bounds)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _unreadable(spec, f"{type(error).__name__}: {error}") from error
    return back_ends


def write(spec: WholeSpec, source: str, back_ends: Measured) -> None:
    """Record what was measured."""
    value = {"version": VERSION, "source": source, "back_ends": back_ends}
    spec.measured_file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    atomic_write(spec.measured_file, f"{text}\n".encode())


def chosen(back_ends: Measured, bounds: Bounds) -> str:
    """Return the fastest that matches and beats the framework's own path beyond its interval."""
    best, most = "eager", 1.0
    for name, figures in sorted(back_ends.items()):
        if "refused" in figures or name == "eager":
            continue
        matches = figures["cosine"] >= bounds.cosine and figures["max_error"] <= bounds.max_error
        low, middle, _ = figures["ratio"]
        if matches and low > 1.0 and middle > most:
            best, most = name, float(middle)
    return best


def told(back_ends: Measured, bounds: Bounds) -> dict[str, str]:
    """Return a line for each back end: why it was not taken, or how it did."""
    lines = {}
    for name, figures in sorted(back_ends.items()):
        if "refused" in figures:
            lines[name] = f"refused: {figures['refused']}"
            continue
        off = figures["cosine"] < bounds.cosine or figures["max_error"] > bounds.max_error
        lines[name] = (
            f"{figures['p50_ms']:.3f} ms, {figures['ratio'][1]:.2f} x eager,"
            f" built in {figures['built_s']:.1f} s"
            + (f", in {figures['arithmetic']}" if "arithmetic" in figures else "")
            + (", does not match" if off else "")
        )
    return lines


def compile_s(back_ends: Measured) -> float:
    """Return the seconds in which every back end that could be tried was built."""
    return float(sum(figures.get("built_s", 0.0) for figures in back_ends.values()))


def break_even(back_ends: Measured, name: str) -> int | None:
    """Return after how many calls the seconds of compiling are saved; None for never."""
    eager, own = back_ends["eager"], back_ends[name]
    saved_s = (eager["p50_ms"] - own["p50_ms"]) / 1e3
    return -int(-compile_s(back_ends) // saved_s) if saved_s > 0 else None


def pays_after(calls: int, days: int) -> str:
    """Return a break-even in words, with the predictions a day that reach it in ``days``."""
    daily = -(-calls // days)
    predictions = "prediction" if daily == 1 else "predictions"
    return f"{calls:,} calls: {daily:,} {predictions} a day over {days} days"


def _unreadable(spec: WholeSpec, found: str) -> SpecError:
    return SpecError(
        where=str(spec.measured_file.name),
        found=found,
        expected="the recording of a search",
        next=f"delete it, then pytest --compile {spec.path}",
    )
