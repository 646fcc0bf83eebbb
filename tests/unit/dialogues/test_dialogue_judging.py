"""The static gates of a frozen machine tell each planted change of its files."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("numpy", reason="the extra `linear` is not installed")

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.dialogues.costing import conversation
from pytest_compiledai.dialogues.costing import costs
from pytest_compiledai.dialogues.costing import faults
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.frozen import judging
from pytest_compiledai.dialogues.frozen.target import TARGET
from pytest_compiledai.dialogues.spec import CostBounds
from pytest_compiledai.dialogues.spec import DialogueSpec

CODE, MODEL = "table.py", "table/intents.safetensors"


class NoScans:
    """A bench whose analysers have nothing to say."""

    def scans(self, sources: Any) -> dict[str, Any]:
        """Return no report."""
        del sources
        return {}


@pytest.fixture(scope="module")
def files(table: DialogueSpec) -> dict[str, bytes]:
    """The files of the frozen flow."""
    return dict(TARGET.build(table))


def rules(gate: str, spec: DialogueSpec, files: dict[str, bytes]) -> set[str]:
    """Return the rules that a gate finds, those of missing analysers apart."""
    candidate = Candidate(files=files, proposer="builtin/machine", attempt=1)
    verdict = judging.judge(gate, spec, candidate, Phase.SELECT, NoScans())  # type: ignore[arg-type]
    return {finding.rule for finding in verdict.findings} - {"security.tool"}


def test_what_was_built_is_found_sound(table: DialogueSpec, files: dict[str, bytes]) -> None:
    """Nothing is told of files as they were made."""
    assert (set(), set()) == (rules("security", table, files), rules("syntax", table, files))


@pytest.mark.parametrize(
    ("gate", "rule", "changed"),
    [
        ("security", "security.files", {"table/run.pkl": b"\x80\x04."}),
        ("security", "security.files", {MODEL: None}),
        ("security", "security.files", {CODE: None}),
        ("security", "security.tensors", {MODEL: b"\x80\x04.pickle"}),
        (
            "security",
            "security.import",
            {CODE: b"import os\n\n\ndef table(data):\n    return os\n"},
        ),
        ("syntax", "syntax.code", {CODE: b"def table(data):\n    return data\n"}),
        ("syntax", "syntax.unreadable", {CODE: None}),
        ("syntax", "syntax.unreadable", {MODEL: b"\x00" * 8}),
    ],
)
def test_a_planted_change_is_told(
    table: DialogueSpec,
    files: dict[str, bytes],
    gate: str,
    rule: str,
    changed: dict[str, bytes | None],
) -> None:
    """A file more, one less, a pickle, an import and other code are findings."""
    kept = {path: data for path, data in (files | changed).items() if data is not None}

    assert rule in rules(gate, table, kept)


BOUNDS = {
    "usd_in": 3.0,
    "usd_out": 15.0,
    "authoring_usd": 100.0,
    "fixed_usd": 1_825.0,
    "volume": 15_000.0,
    "recompiles": 2.0,
    "recompile_usd": 5.0,
    "breakeven": None,
    "ratio": 1.0,
}


def test_costs_follow_the_formulas(table: DialogueSpec) -> None:
    """N*, V_min and S(V) are what the cheaper baseline, fixed cost and fallback make of them."""
    bounds = CostBounds(**BOUNDS)
    mean = conversation(table, list(Explored(table.flow).terminal_walks().values()))

    found = costs(bounds, mean, turn_s=0.001, abstained=0.1)

    saved = min(found.in_context, found.orchestrator) - found.artifact
    assert found.breakeven == pytest.approx(100 / saved)
    assert found.least_volume == pytest.approx(1_825 / saved)
    assert found.saving == pytest.approx(15_000 * saved - 1_825 - 10)


def test_too_late_a_breakeven_is_told(table: DialogueSpec) -> None:
    """A bound on conversations, and one on the ratio, that are not reached are faults."""
    bounds = CostBounds(**BOUNDS | {"breakeven": 1.0, "ratio": 1e9})
    mean = conversation(table, list(Explored(table.flow).terminal_walks().values()))

    found = costs(bounds, mean, turn_s=0.001, abstained=0.1)

    assert ["ratio", "breakeven"] == [rule for rule, _ in faults(bounds, found)]
