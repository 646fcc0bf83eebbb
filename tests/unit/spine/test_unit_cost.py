"""What a unit cost and when it pays: from recordings, in money only where a price is known."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_compiledai.audit.rules import rules
from pytest_compiledai.commands.cost import cost_lines
from pytest_compiledai.commands.cost import cost_of
from pytest_compiledai.commands.units import spec_of
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.functions.proposing import direct_tokens
from pytest_compiledai.summary import break_even

FIRST = Path(__file__).parents[3] / "pytest_compiledai" / "commands" / "first"
NAME = "parse_duration"
PRICED = "gpt-4o-mini"


class Entry:
    """As much of an entry as costs rest on."""

    def __init__(self, proposer: str, attempts: int = 1) -> None:
        self.proposer = proposer
        self.attempts = attempts
        self.off = ()


@pytest.fixture
def root(tmp_path):
    """A project of the first spec with its recordings."""
    shutil.copytree(FIRST, tmp_path / "specs")
    return tmp_path


def of_model(root: Path, model: str) -> None:
    """Let the recordings be those of another model, as its own run would have named them."""
    for path in (root / "specs" / "recordings").glob("*.bridge+llm.json"):
        told = json.loads(path.read_text(encoding="utf-8")) | {"model": model}
        renamed = path.with_name(f"{path.name.partition('.')[0]}.{model}.json")
        renamed.write_text(json.dumps(told), encoding="utf-8")
        path.unlink()


@pytest.fixture
def cost(root):
    """Return the costs of the unit for an entry, and the tokens that its recordings hold."""

    def told(entry: Entry) -> dict:
        spec = spec_of(root, f"specs/{NAME}.yaml", NAME)
        result = Result(
            unit=NAME, kind="function", spec=spec.path, line=1, outcome=Outcome.UNCHANGED
        )
        return cost_of(spec, entry, result, root / "specs" / "recordings")

    return told


def recorded(root: Path) -> Cost:
    """Return the tokens of every recording."""
    replies = [
        json.loads(path.read_text(encoding="utf-8"))["reply"]
        for path in (root / "specs" / "recordings").glob("*.*.json")
        if not path.name.endswith(".reference.json")
    ]
    return Cost(
        tokens_in=sum(reply["tokens_in"] for reply in replies),
        tokens_out=sum(reply["tokens_out"] for reply in replies),
    )


def test_tokens_of_the_compile_are_those_of_the_recordings(root, cost):
    """Proposals and reference answers are counted, and the break-even is that of the summary."""
    found = cost(Entry("bridge/llm"))

    spent = recorded(root)
    spec = spec_of(root, f"specs/{NAME}.yaml", NAME)
    result = Result(unit=NAME, kind="function", spec="", line=1, outcome=Outcome.FROZEN)
    paid = replace(result, cost=spent, reference_tokens=direct_tokens(spec))
    assert {"tokens_in": spent.tokens_in, "tokens_out": spent.tokens_out} == found["compile"]
    assert break_even(paid) == found["pays_after_calls"]
    assert 2 == found["exchanges"]


def test_a_model_without_a_price_gives_no_money(cost):
    """A bridge has no price: tokens are told, dollars are not guessed."""
    found = cost(Entry("bridge/llm"))

    assert found["usd"] is None
    assert found["call"]["usd"] is None
    assert "  dollars   not known: no price known of bridge/llm, or no recorded call" in cost_lines(
        found
    )


def test_no_model_is_not_called_one_without_a_price(cost):
    """Where no model was asked, the reason is that, not a price."""
    found = cost(Entry("bridge/llm")) | {"models": [], "unknown": ""}

    assert "  dollars   not known: no call of a model is recorded" in cost_lines(found)


@pytest.mark.skipif(not importlib.util.find_spec("litellm"), reason="needs LiteLLM's price table")
def test_money_is_reckoned_as_the_audit_does(root, cost):
    """With a known price the break-even is the audit's formula over the recorded tokens."""
    of_model(root, PRICED)

    found = cost(Entry(PRICED))

    spent, call = recorded(root), found["call"]
    once = spent.tokens_in * 1.5e-7 + spent.tokens_out * 6e-7
    each = call["tokens_in"] * 1.5e-7 + call["tokens_out"] * 6e-7
    rule = rules()["cost"]["code"]
    saved = each * (1 - rule["fallback"])
    assert once == pytest.approx(found["usd"]["compile_usd"])
    assert once / saved == pytest.approx(found["usd"]["break_even_calls"])
    assert rule["recompiles_month"] * once / saved == pytest.approx(
        found["usd"]["least_calls_month"]
    )
    assert any("paid back after" in line for line in cost_lines(found))


def test_missing_proposals_are_said(root, cost):
    """An artifact whose proposals are not all recorded has no known cost, and no break-even."""
    found = cost(Entry("bridge/llm", attempts=3))

    assert found["compile"] is None
    assert found["pays_after_calls"] is None
    assert found["usd"] is None
    assert found["unknown"].startswith("1 of 3 proposals of bridge/llm recorded")
    assert any("not known: 1 of 3" in line for line in cost_lines(found))


def test_another_models_recordings_are_not_counted(cost):
    """What a model other than the artifact's own was paid is not the artifact's cost."""
    found = cost(Entry("bridge/other"))

    assert found["unknown"].startswith("0 of 1 proposals of bridge/other recorded")


def test_a_broken_recording_makes_the_cost_unknown(root, cost):
    """A file that cannot be read is named instead of being left out of the sum."""
    path = min((root / "specs" / "recordings").glob("*.bridge+llm.json"))
    path.write_text("{", encoding="utf-8")

    found = cost(Entry("bridge/llm"))

    assert found["compile"] is None
    assert path.name in found["unknown"]
