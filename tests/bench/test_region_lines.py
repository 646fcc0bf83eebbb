"""A campaign over regions goes on where it was killed, and takes no line that is stale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import regions
from bench.kept_lines import Kept
from pytest_compiledai.kernels import families


def asked():
    family = families.family("softmax")
    contract = family.contract({"N": 64, "R": 2})
    place = {"model": "tiny", "region": "softmax", "dtype": "float32", "family": "softmax"}
    candidate = family.candidates(contract, language="triton")[0]
    return regions.Asked(**place, contract=contract, candidate=candidate)


@pytest.fixture
def judged(monkeypatch):
    """Return the candidates that were judged, in place of judging them."""
    seen = []

    def one(asked, targets, *, runs):
        seen.append(asked)
        return {"asked": True, "refused": "by nobody"}

    monkeypatch.setattr(regions, "_judged", one)
    return seen


def test_a_kept_line_is_not_judged_again(tmp_path, judged):
    """The second run prints the first one's line, a refusal included."""
    path = tmp_path / "lines.jsonl"
    (first,) = regions.judged([asked()], ["sm_90"], 0, Kept(path))
    (second,) = regions.judged([asked()], ["sm_90"], 0, Kept(path))

    assert first == second
    assert len(judged) == 1


def test_a_line_of_another_kernel_or_gate_is_stale(monkeypatch):
    """Text, contract, targets and the version of the gates each change what a line stands for."""
    one = asked()
    key = regions.key_of(one, ["sm_90"], runs=True)
    edited = replace(one, candidate=replace(one.candidate, source=one.candidate.source + "\n"))
    cut = replace(one, contract=replace(one.contract, cut={"R": 1}))
    others = {regions.key_of(other, ["sm_90"], runs=True) for other in (edited, cut)}
    others.add(regions.key_of(one, [], runs=True))
    monkeypatch.setattr(regions, "GATE_VERSION", regions.GATE_VERSION + 1)
    others.add(regions.key_of(one, ["sm_90"], runs=True))

    assert len(others) == 4
    assert key not in others


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path):
    """The next line begins on a line of its own."""
    path = tmp_path / "lines.jsonl"
    path.write_text('{"key": "a", "row": {}}\n{"key": "b", "ro', encoding="utf-8")
    Kept(path).add("c", {"asked": True})

    held = Kept(path)
    assert (held.get("a"), held.get("b"), held.get("c")) == ({}, None, {"asked": True})


def test_a_file_of_something_else_is_refused(tmp_path):
    """Its lines are told from a campaign's, and it stays as it is."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "input": {}}\n', encoding="utf-8")

    with pytest.raises(ValueError, match=r"rows\.jsonl:1: found no line of a campaign"):
        Kept(path)
    assert path.read_text(encoding="utf-8") == '{"id": "a", "input": {}}\n'
