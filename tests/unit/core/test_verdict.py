"""What a kind's gates found becomes a verdict in one place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.verdict import MOST_TOLD
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of


def test_nothing_found_passes() -> None:
    """Figures are kept, and there is no finding."""
    verdict = verdict_of("cost", [], {"usd": 1}, "specs/x.yaml")

    assert verdict.passed
    assert {"usd": 1} == verdict.figures


def test_what_was_found_is_no_model_s_to_read() -> None:
    """A kind's own findings may rest on any row."""
    (finding,) = verdict_of("cost", [("ratio", "found 1")], {}, "specs/x.yaml").findings

    assert finding == Finding(
        rule="cost.ratio", message="found 1", path="specs/x.yaml", quotable=False
    )


def test_a_finding_of_another_gate_stays_as_it_is() -> None:
    """Its path, line and whether it may be quoted were decided where it was made."""
    made = Finding(rule="security.import", message="found os", path="tool.py", line=3)

    assert [made, "security.files"] == [
        found if found is made else found.rule
        for found in verdict_of("security", [made, ("files", "found x")], {}, "s.yaml").findings
    ]


def test_beyond_twenty_findings_the_rest_is_a_number() -> None:
    """The last told rule carries it, whoever made that finding."""
    made = Finding(rule="security.import", message="found os")

    for found in ([("import", "found os")] * 23, [made] * 23):
        told = verdict_of("security", found, {}, "s.yaml").findings

        assert MOST_TOLD + 1 == len(told)
        assert ("security.import", "and 3 more", False) == (
            told[-1].rule,
            told[-1].message,
            told[-1].quotable,
        )


def test_twenty_findings_are_told_in_full() -> None:
    """The bound is on what comes after."""
    assert MOST_TOLD == len(verdict_of("cost", [("a", "b")] * MOST_TOLD, {}, "s").findings)


class Silent(RuntimeError):
    """What a kind says where nobody could ask."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ToolError(where="x", found="no tool", expected="one"), "unasked"),
        (Silent("nobody"), "unasked"),
        (ValueError("a"), "unreadable"),
        (KeyError("a"), "unreadable"),
        (TypeError("a"), "unreadable"),
        (AttributeError("a"), "unreadable"),
        (FileNotFoundError("a"), "unreadable"),
    ],
)
def test_a_question_that_could_not_be_asked_is_a_finding(error: Exception, told: str) -> None:
    """What was found and measured before stays."""

    def question(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        figures["rows"] = 1
        yield "ratio", "found 1"
        raise error

    figures: dict[str, Any] = {}
    found = found_by(question, figures, unasked=(Silent,))

    assert ["ratio", told] == [rule for rule, _ in found]
    assert str(error).splitlines()[0] in found[1][1]
    assert {"rows": 1} == figures


def test_an_error_of_another_kind_is_raised() -> None:
    """A fault of ours is told as one, and never as a verdict."""

    def question(_figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        raise Silent
        yield

    with pytest.raises(Silent):
        found_by(question, {})
