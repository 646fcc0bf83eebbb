"""The dynamic gates over their whole corpus."""

from __future__ import annotations

import dataclasses
import re

import pytest

from pytest_compiledai.assets import asset
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.gates import accuracy
from pytest_compiledai.gates import execution
from pytest_compiledai.gates import fuzz
from pytest_compiledai.gates import latency
from pytest_compiledai.gates import policyfile
from pytest_compiledai.gates import proof
from pytest_compiledai.gates.corpus import samples
from pytest_compiledai.sandbox.native import NativeSandbox

SAMPLES = [item for gate in proof.GATES for item in samples(gate)]


@pytest.fixture(scope="module")
def sandbox():
    made = NativeSandbox()
    yield made
    made.close()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda item: item.source.path)
def test_a_gate_tells_its_samples_apart(sample, sandbox):
    """Every bad sample has the finding of its folder, every good one none."""
    found = {item.rule for item in proof.judged(sample, sandbox).findings}

    if sample.is_good:
        assert found == set()
    else:
        assert sample.rule in found


@pytest.mark.parametrize("gate", proof.GATES)
def test_a_gate_has_good_and_bad_samples(gate):
    """A corpus of one side proves nothing."""
    assert {item.is_good for item in samples(gate)} == {True, False}


def test_the_smoke_part_finds_nothing_wrong(sandbox):
    """The quick proof at the start of a run passes."""
    assert proof.smoke(sandbox) == ()


def test_the_smoke_part_names_what_is_judged_wrongly(sandbox, monkeypatch):
    """A gate that no longer sees memorised rows is found out."""
    monkeypatch.setattr(accuracy, "memorised", lambda *_, **__: ())

    assert any("bad/memorised/" in name for name in proof.smoke(sandbox))


def test_a_missing_sample_is_told(sandbox, monkeypatch):
    """A rule without its quick sample is not proved."""
    monkeypatch.setattr(proof, "samples", lambda _: ())

    assert "fuzz.exception" in proof.smoke(sandbox)


@pytest.mark.parametrize(
    ("gate", "module"),
    [("execution", execution), ("accuracy", accuracy), ("latency", latency), ("fuzz", fuzz)],
)
def test_a_policy_is_read_whole(gate, module):
    """Every constant of the file is a field of the policy and the other way round."""
    text = asset("gates", gate, "policy.toml").read_text(encoding="utf-8")
    stated = set(re.findall(r"^(\w+) =", text, re.MULTILINE))

    assert stated == {item.name for item in dataclasses.fields(module.policy())}


@pytest.mark.parametrize("change", [{"extra": 1}, {"version": "1"}, {"version": None}])
def test_a_policy_that_is_not_whole_stops_the_gate(change, monkeypatch):
    """An unknown, missing or mistyped constant is an error, never a default."""
    stated = dataclasses.asdict(latency.policy()) | change
    stated = {key: value for key, value in stated.items() if value is not None}
    monkeypatch.setattr(policyfile, "_load", lambda _: stated)

    with pytest.raises(ToolError):
        latency.policy()
