"""The page on drift: sampled, labelled, drifted, repaired, in one project from top to bottom."""

from __future__ import annotations

import json

from pytest_compiledai.core.place import Place
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.drift import DriftSettings
from pytest_compiledai.gates.drift import policy


def test_the_page_holds_from_top_to_bottom(page, reader):
    """Everything the page shows happens, with the sampler that ships beside artifacts."""
    reader.follow(page("drift.md"), without=("yaml",))

    rows = [json.loads(line) for line in reader.read("specs/zone.jsonl").splitlines()]
    assert [{"zone": "world"}] * 25 == [row["output"] for row in rows[90:]]


def test_the_defaults_on_the_page_are_the_gates(page):
    """The table of settings says what a silent spec gets."""
    text = page("drift.md").text
    settings = DriftSettings.parse(
        {}, AccuracySettings(), lambda *_: Place(path="s"), agreement=0.95
    )

    assert f"{settings.calls} for {settings.threshold}, at most {policy().most_calls} |" in text
    for name in ("errors", "broken", "psi", "new", "nulls"):
        assert f"| `{name}` | {getattr(settings, name):g} |" in text
    assert f"| `abstain` | {settings.abstain:g}, or" in text
