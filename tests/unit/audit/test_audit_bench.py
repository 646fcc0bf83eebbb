"""The short form of `python -m bench.audit`: a generated log whose truth is known."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SITES = 20
SEED = 7


@pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="needs a checkout with bench/")
def test_most_sites_of_a_generated_log_are_told_right(monkeypatch):
    """In all formats, with names and without, sites are found and their truth is told."""
    monkeypatch.syspath_prepend(str(ROOT))
    bench = importlib.import_module("bench.audit")

    judged, run = bench.judge(SEED, SITES, 0.4)

    right = sum(each.decision == each.truth.made.truth for each in judged)
    assert 0 == run["unreadable"]
    assert (SITES, 1.0) == (len(judged), min(each.gathered for each in judged))
    assert right >= 0.85 * SITES
