"""Programs of others as candidates: what is read, and how refusals count."""

from __future__ import annotations

from bench import candidates


def test_the_programs_are_of_many_styles():
    """Sixty programs or more, each with golden rows of its task and a name of its own."""
    found = candidates.read(candidates.HERE)

    assert len(found) >= 60
    assert len({item.name for item in found}) == len(found)
    assert all(len(item.rows) >= 4 for item in found)
    assert all(f"def {candidates.function_of(item)}(" in item.text for item in found)


def test_the_gate_that_refused_is_told():
    """Frozen is no refusal; a unit that no report names is one."""
    failed = {"outcome": "failed", "findings": [{"message": "found eval"}]}
    unit = {"outcome": "rejected", "gates": {"security": failed, "fuzz": {"outcome": "skipped"}}}

    assert candidates.refusal(unit) == "security: found eval"
    assert candidates.refusal({"outcome": "frozen", "gates": {}}) == ""
    assert candidates.refusal(None) == "error: no report"
    assert candidates.refusal({"outcome": "error", "gates": {}}) == "error: error"
