"""The page on security: every test it names is there, and says what it is named for."""

from __future__ import annotations

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


def test_every_campaign_of_trust_is_a_command():
    """What the command runs is there to be run."""
    text = (ROOT / "bench" / "trust.py").read_text(encoding="utf-8")

    found = re.findall(r'Campaign\(\s*"(\w+)"(.*?)\n?\)', text, re.DOTALL)
    modules = [name for name, _ in found if name != "planted"]

    assert ["planted"] == [name for name, _ in found if name not in modules]
    assert 'module="faults"' in text  # of the planted breaks
    assert len(modules) == 6
    assert [
        name
        for name in modules
        if not (ROOT / "bench" / f"{name}.py").is_file()
        and not (ROOT / "bench" / name / "__main__.py").is_file()
    ] == []
