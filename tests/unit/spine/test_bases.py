"""What the lock says of the seconds behind a pass."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.frozen import claims_another_basis

GATES = ("security", "latency")


@pytest.fixture
def entry(entry_of):
    """Return the maker of entries that claim a basis."""
    gates = tuple(f"{gate}@1" for gate in GATES)
    return lambda basis: entry_of(gates=gates, basis=basis)


@pytest.mark.parametrize("claimed", ["measured", "modelled"])
@pytest.mark.parametrize("true", ["measured", "modelled"])
def test_the_lock_cannot_claim_another_basis(entry, claimed, true) -> None:
    """A pass on modelled seconds is none on measured ones, whatever an edit of the lock says."""
    verdicts = [Verdict(gate=gate, figures={"basis": true}) for gate in GATES]

    assert claims_another_basis(entry(claimed), verdicts) is (claimed != true)


def test_a_part_of_the_verdicts_says_nothing(entry) -> None:
    """The gate that models may not have been asked."""
    assert not claims_another_basis(entry("modelled"), [Verdict(gate="security")])
