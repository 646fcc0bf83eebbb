"""The graph lint tells each planted fault, and says nothing of a sound flow."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable

import pytest

from pytest_compiledai.assets import asset
from pytest_compiledai.dialogues import lint as lint_module
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.lint import lint
from pytest_compiledai.dialogues.spec import DialogueSpec

CORPUS = asset("gates", "dialogue", "corpus")
SAMPLES = tomllib.loads((CORPUS / "table.toml").read_text(encoding="utf-8"))


def test_a_sound_flow_has_no_fault(table: DialogueSpec) -> None:
    """Nothing is told of a flow without faults."""
    assert [] == list(lint(table.flow))


@pytest.mark.parametrize("rule", sorted({sample["rule"] for sample in SAMPLES["bad"]}))
def test_a_planted_fault_is_told(
    read: Callable[[str], DialogueSpec], table_text: str, rule: str
) -> None:
    """Each rule finds the flows of the corpus in which its fault was planted."""
    for sample in SAMPLES["bad"]:
        if sample["rule"] == rule:
            flow = read(edited(table_text, sample["edits"])).flow
            assert rule in {fault.rule for fault in lint(flow)}


@pytest.mark.parametrize("rule", sorted({sample["rule"] for sample in SAMPLES["good"]}))
def test_a_flow_near_a_fault_is_sound(
    read: Callable[[str], DialogueSpec], table_text: str, rule: str
) -> None:
    """Nothing is told of the flows of the corpus that only come near a rule."""
    for sample in SAMPLES["good"]:
        if sample["rule"] == rule:
            assert [] == list(lint(read(edited(table_text, sample["edits"])).flow))


def test_every_rule_has_samples() -> None:
    """What the lint can tell has a bad and a good sample, but for the size of a flow."""
    rules = set(re.findall(r'Fault\("([a-z-]+)"', inspect.getsource(lint_module))) - {"size"}

    assert {sample["rule"] for sample in SAMPLES["bad"]} == rules
    assert {sample["rule"] for sample in SAMPLES["good"]} == rules


def edited(text: str, edits: list[dict[str, str]]) -> str:
    """Return the text after the edits, each of which finds its place."""
    for edit in edits:
        assert edit["old"] in text
        text = text.replace(edit["old"], edit["new"], 1)
    return text


def test_walks_cover_every_edge(table: DialogueSpec) -> None:
    """Walks to terminals take every edge that can be taken."""
    explored = Explored(table.flow)

    assert len(explored.edges) == 6
    assert set(explored.terminal_walks()) == {"done", "human", "bye"}
    taken = {move.intent for walk in explored.edge_walks() for move in walk}
    assert taken == set(table.flow.intents)
