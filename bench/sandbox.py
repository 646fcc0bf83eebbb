"""What each sandbox costs: cold start, fresh processes and warm calls, side by side.

    python -m bench.sandbox [--rounds N] [--json PATH]

Cold start is the time from nothing to the first answer, with the image made already; a fresh call
is one in a process of its own; a warm one goes to a loaded program, in a batch as gates ask, or
alone. Figures are the best of a few rounds, because other work of the machine only adds to them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.docker import DockerSandbox
from pytest_compiledai.sandbox.native import NativeSandbox

ECHO = Program(source=b"def f(data): return data", function="f")
MAKE: dict[str, Callable[[], Any]] = {"native": NativeSandbox, "docker": DockerSandbox}
FRESH, BATCH, ALONE = 100, 10_000, 500


def rate(count: int, act: Callable[[], Any]) -> float:
    """Return how many a second ``act`` does, which does ``count``."""
    start = time.perf_counter()
    act()
    return count / (time.perf_counter() - start)


def measure(make: Callable[[], Any]) -> dict[str, float]:
    """Return the figures of one round."""
    start = time.perf_counter()
    with contextlib.closing(make()) as sandbox, sandbox.open(ECHO) as session:
        session.call([b"1"])
        cold = (time.perf_counter() - start) * 1000
        session.call([b"1"] * 100)
        return {
            "cold_start_ms": cold,
            "fresh_per_s": rate(FRESH, lambda: sandbox.call_fresh(ECHO, [b"1"] * FRESH)),
            "warm_per_s": rate(BATCH, lambda: session.call([b"1"] * BATCH)),
            "alone_per_s": rate(ALONE, lambda: [session.call([b"1"]) for _ in range(ALONE)]),
        }


def best(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the least time and the highest rates."""
    return {
        name: (min if name.endswith("_ms") else max)(item[name] for item in rounds)
        for name in rounds[0]
    }


def main() -> None:
    """Measure every backend that is there and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for name, make in MAKE.items():
        try:
            with contextlib.closing(make()) as sandbox:
                sandbox.open(ECHO).close()  # makes the image where the engine lacks it
            figures[name] = best([measure(make) for _ in range(options.rounds)])
        except SandboxError as error:
            absent[name] = str(error)
    print(f"{'':<8} {'cold start':>12} {'fresh calls':>14} {'warm calls':>14} {'one by one':>14}")
    for name, row in figures.items():
        print(
            f"{name:<8} {row['cold_start_ms']:>9.0f} ms {row['fresh_per_s']:>12,.0f}/s "
            f"{row['warm_per_s']:>12,.0f}/s {row['alone_per_s']:>12,.0f}/s"
        )
    for name, reason in absent.items():
        print(f"{name} was not measured: {reason}")
    if options.json:
        text = json.dumps({"figures": figures, "absent": absent}, indent=2)
        options.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
