"""The fault campaign in short: a seeded handful of the runs that `python -m bench.faults` makes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("litellm") is None,
    reason="the campaign reads /proc and imports the extra `llm`",
)


def test_a_run_that_is_struck_leaves_a_valid_lock_and_the_next_one_heals(tmp_path):
    """Whatever change of the disk a kill falls on, the next run ends as one without a fault."""
    path = tmp_path / "faults.json"
    command = [sys.executable, "-m", "bench.faults", "--runs", "3", "--jobs", "1", "--seed", "2"]

    done = subprocess.run(
        [*command, "--kind", "kill the controller in", "--json", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    found = json.loads(path.read_text(encoding="utf-8"))
    assert (3, 3, 3, []) == (found["runs"], found["struck"], found["healed"], found["wrong"])
