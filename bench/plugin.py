"""What the plugin costs a run that does not use it: milliseconds of `import`, with and without.

python -m bench.plugin [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WITH: tuple[str, ...] = ()
WITHOUT = ("-p", "no:compiledai")
IMPORT = """
import pytest, time
start = time.perf_counter()
import pytest_compiledai.plugin, pytest_compiledai.hooks
print((time.perf_counter() - start) * 1e3)
"""


def main() -> None:
    """Time imports and whole runs side by side and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    imports = [_import_ms() for _ in range(rounds)]
    runs = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text("def test_one(): pass\n", encoding="utf-8")
        for _ in range(rounds):
            runs["with"].append(_run_ms(folder, WITH))
            runs["without"].append(_run_ms(folder, WITHOUT))
    figures = {
        "import_ms": statistics.median(imports),
        "run_with_ms": statistics.median(runs["with"]),
        "run_without_ms": statistics.median(runs["without"]),
        "difference_ms": statistics.median(
            a - b for a, b in zip(runs["with"], runs["without"], strict=True)
        ),
        "budget_ms": 10,
    }
    print(json.dumps(figures, indent=2))
    print(f"{'figure':<16} {'ms':>8}")
    for name, value in figures.items():
        print(f"{name:<16} {value:>8.1f}")


def _import_ms() -> float:
    """Time the plugin's own import, pytest being there already."""
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True)
    return float(done.stdout)


def _run_ms(folder: str, arguments: tuple[str, ...]) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run([*command, "test_one.py"], cwd=folder, capture_output=True, check=True)
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()
