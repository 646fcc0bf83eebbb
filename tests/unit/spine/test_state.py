"""Where a unit stands against its entry."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.state import State
from pytest_compiledai.core.state import standing

NOW = "c" * 64


def test_without_an_entry_a_unit_is_new(unit_of):
    """Nothing was frozen yet."""
    assert standing(unit_of(), None, evidence=NOW).state is State.NEW


def test_an_entry_of_the_spec_as_it_stands_is_fresh(unit_of, entry_of):
    """Equal facts, nothing changed."""
    found = standing(unit_of(), entry_of(), evidence=NOW)

    assert (found.state, found.changed) == (State.FRESH, ())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"source": "0" * 64}, "source"),
        ({"evidence": "0" * 64}, "evidence"),
        ({"spec": "specs/other.yaml"}, "spec path"),
        ({"kind": "workflow"}, "kind"),
        ({"gates": ("security@1",)}, "gates"),
        ({"gates": ("security@0", "syntax@1")}, "gates"),
        ({"off": ("fuzz",)}, "gates switched off"),
        ({"capabilities": ("clock",)}, "capabilities"),
        ({"target": "x"}, "target"),
    ],
)
def test_each_fact_makes_an_entry_stale_and_is_named(unit_of, entry_of, changes, named):
    """What changed is told, so that nobody has to guess."""
    found = standing(unit_of(), entry_of(**changes), evidence=NOW)

    assert found.state is State.STALE
    (changed,) = found.changed
    assert changed.startswith(named)


@pytest.mark.parametrize("changes", [{"proposer": "another"}, {"attempts": 9}, {"files": {}}])
def test_provenance_never_makes_an_entry_stale(unit_of, entry_of, changes):
    """Who proposed it, and in how many attempts, is no reason to judge it again."""
    assert standing(unit_of(), entry_of(**changes), evidence=NOW).state is State.FRESH
