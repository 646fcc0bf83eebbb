"""The page on security: every test it names is there, and says what it is named for."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_row_names_tests_that_exist(page):
    """A defence without a test would be a claim."""
    rows = re.findall(r"^\| (?!threat|---)(.+) \|$", page("security.md").text, re.MULTILINE)
    named = [re.findall(r"`(tests/[\w/.]+)`", row) for row in rows]

    assert len(rows) > 20
    assert [row for row, paths in zip(rows, named, strict=True) if not paths] == []
    assert [path for paths in named for path in paths if not (ROOT / path).is_file()] == []


def test_every_campaign_of_trust_can_be_run(monkeypatch):
    """What the command runs is there to be run: modules of `bench/`, and files of tests."""
    monkeypatch.syspath_prepend(str(ROOT))
    trust = importlib.import_module("bench.trust")

    bench = ROOT / "bench"
    files = [path for paths in trust.TESTED.values() for path in paths]
    modules = [campaign.module for campaign in trust.CAMPAIGNS.values()]

    assert sorted(trust.ORDER) == sorted([*trust.CAMPAIGNS, *trust.TESTED])
    assert [path for path in files if not (ROOT / path).is_file()] == []
    assert [
        name
        for name in modules
        if not (bench / f"{name}.py").is_file() and not (bench / name / "__main__.py").is_file()
    ] == []
