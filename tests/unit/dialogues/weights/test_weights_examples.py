"""The larger example flow as weights: trained, frozen, opened and attacked, on a small budget."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.dialogues.weights import data
from pytest_compiledai.dialogues.weights import questions
from pytest_compiledai.dialogues.weights.building import build
from pytest_compiledai.dialogues.weights.judging import Judging
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.teaching import read

pytestmark = pytest.mark.skipif(
    find_spec("torch") is None, reason="the extra `weights` is not installed"
)

ROOT = Path(__file__).parents[4]
NAMES = ("travel", "insurance")
#: Enough to be judged, not enough to be right: `python -m bench.weights` has the full budget.
SMALL = {"width": 32, "layers": 1, "heads": 2, "steps": 12, "examples": 4000, "batch": 32}


def test_a_large_flow_is_trained_for_longer_where_its_spec_does_not_say() -> None:
    """The defaults are those that each example was measured with."""
    specs = [read(ROOT / "examples" / "dialogue" / f"{name}.yaml", ROOT) for name in NAMES]
    found = [settings_of(replace(spec, target="weights", weights={})) for spec in specs]

    assert [settings.steps for settings in found] == [700, 1600]
    assert [settings.examples for settings in found] == [67_200, 153_600]


def test_an_example_keeps_to_its_flow_however_little_it_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files are safe and agree, and no user leads weights of twelve steps off the graph."""
    monkeypatch.setitem(questions._COUNT, Phase.ACCEPT, 4)
    monkeypatch.setattr(questions, "CANARY_RIVALS", 3)  # memory is not asked about here
    monkeypatch.setattr(data, "CALIBRATION", 24)
    spec = read(ROOT / "examples" / "dialogue" / "insurance.yaml", ROOT)
    fuzz = replace(spec.fuzz, conversations=10, steps=10)
    spec = replace(spec, target="weights", weights=SMALL, fuzz=fuzz)
    candidate = Candidate(files=build(spec, settings_of(spec)), proposer="test", attempt=1)
    judging = Judging(spec, candidate, Phase.ACCEPT)
    figures: dict[str, Any] = {}

    found = {gate: list(judging.questions[gate](figures)) for gate in ("syntax", "fuzz")}

    assert found == {"syntax": [], "fuzz": []}
    assert figures["hostile turns"] > 10
    assert "path-action" in {rule for rule, _ in judging.questions["accuracy"](figures)}
