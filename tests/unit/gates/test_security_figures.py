"""The figures that `bench.security` prints, in short: our own samples, evasions and recordings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from bench import securitysets
from bench.security import DANGERS
from bench.securitysets import Row
from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security

EVASIONS = securitysets.evasions()
#: Only Ruff tells a comparison with a literal by identity.
TOLD_BY_ANALYSERS = frozenset({"web/is-literal"})


def dangers(row: Row) -> set[str]:
    """Return the rules about a danger that refuse a row with all its imports granted."""
    grant = frozenset(f"module:{name}" for name in row.imports)
    found = security.inspect(row.source, capabilities=grant, foreign=row.imports)
    return {item.rule.removeprefix("security.") for item in found} & DANGERS


def test_the_sets_are_as_large_as_they_say() -> None:
    """There are at least 120 vulnerable samples, as many clean ones, and 150 evasions."""
    labels = Counter(row.label for row in securitysets.samples().rows)

    assert min(labels["vulnerable"], labels["clean"]) >= 120
    assert len({row["code"] for row in EVASIONS}) == len(EVASIONS) >= 150
    assert len({row["technique"] for row in EVASIONS}) >= 15


@pytest.mark.parametrize("technique", sorted({row["technique"] for row in EVASIONS}))
def test_no_way_around_the_policy_is_open(technique: str) -> None:
    """Each of our own evasions is refused by the policy alone, without any analyser."""
    codes = [row["code"] for row in EVASIONS if row["technique"] == technique]

    def judged(code: str) -> Any:
        source = Source(data=code.encode(), path="a.py")
        return security.inspect(source, capabilities=frozenset())

    assert [code for code in codes if not judged(code)] == []


def test_what_stays_dangerous_behind_a_grant_is_found() -> None:
    """Each vulnerable sample is refused for its danger though all that it imports is granted."""
    rows = [row for row in securitysets.samples().rows if row.label == "vulnerable"]
    missed = {row.source.path for row in rows if not dangers(row)}

    assert missed - TOLD_BY_ANALYSERS == set()


def test_the_safe_way_with_the_same_modules_is_no_danger() -> None:
    """Hardly any clean counterpart is refused for a danger: at most 2 of 100."""
    rows = [row for row in securitysets.samples().rows if row.label == "clean"]
    flagged = {row.source.path: dangers(row) for row in rows if dangers(row)}

    assert len(flagged) <= len(rows) * 0.02, flagged


def test_no_recorded_artifact_is_refused() -> None:
    """The policy passes what recordings compile to, with the grants of its spec."""
    rows = securitysets.recorded().rows
    refused = {
        row.source.path: found
        for row in rows
        if (found := security.inspect(row.source, capabilities=row.capabilities))
    }

    assert len(rows) > 5
    assert len(refused) <= len(rows) * 0.02, refused
