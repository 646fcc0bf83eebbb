"""The rows of `python -m bench.trust`: what did not run, or did not end well, is never ok."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
ESCAPES = {
    "backend": "native", "programs": 80, "held": 80, "through": [], "controls": 9,
    "controls_passed": 9,
}  # fmt: skip
REPORT = """\
<testsuites><testsuite>
<testcase classname="tests.unit.test_locks"/>
<testcase classname="tests.unit.test_names"><skipped message="no engine"/></testcase>
<testcase classname="tests.unit.test_links"/>
<testcase classname="tests.unit.test_links"><failure message="no"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("bench.trust")


def ends(rows) -> list[str]:
    """Return how each row ended."""
    return [row.ends for row in rows]


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({}, "ok"),
        ({"programs": 79, "held": 79}, "short"),
        ({"held": 79, "through": ["x"]}, "short"),
        ({"held": 79}, "short"),
        ({"controls_passed": 8}, "short"),
    ],
)
def test_a_backend_is_ok_only_where_all_is_held_and_proved(trust, change, end):
    """Too few programs, one through, one held otherwise, one control that failed: short."""
    assert [end] == ends(trust.trust_rows.escapes({"rows": [ESCAPES | change], "absent": {}}))


def test_a_backend_that_is_not_there_was_not_run(trust):
    """A machine without an engine says so, in a row of its own."""
    found = {"rows": [ESCAPES], "absent": {"docker": "no engine answers"}}

    rows = list(trust.trust_rows.escapes(found))

    assert ["ok", "not run"] == ends(rows)
    assert "no engine answers" == rows[1].found


def test_sets_that_are_not_there_were_not_run(trust):
    """Without the foreign sets no figure of theirs is claimed, and too few artifacts are short."""
    rows = list(trust.trust_rows.security([]))

    assert ["not run", "not run", "not run", "short"] == ends(rows)


def test_skipped_tests_are_no_passed_ones(trust):
    """A file whose tests were all skipped is not ok, and each skip is a row with its reason."""
    rows = list(trust.trust_rows.tests(REPORT))

    assert ["ok", "short", "not run", "short"] == ends(rows)
    assert "no engine" in rows[2].found


@pytest.mark.parametrize(("code", "end"), [(0, "ok"), (1, "short")])
def test_a_campaign_that_ends_badly_is_short_whatever_its_figures_say(trust, tmp_path, code, end):
    """The exit code counts beside the figures."""
    path = tmp_path / "found"
    path.write_text(json.dumps({"rows": [ESCAPES], "absent": {}}))

    assert end == ends(trust._rows("escapes", path, code))[-1]


def test_a_campaign_that_wrote_no_figures_is_short(trust, tmp_path):
    """One that broke before it measured anything is not ok, whatever its exit code."""
    assert ["short"] == ends(trust._rows("escapes", tmp_path / "found", 0))


def test_a_reader_that_no_input_came_to_was_not_run(trust):
    """Too few inputs are said, reader by reader."""
    found = {
        "inputs": 9,
        "findings": 0,
        "readers": {"lock": {"inputs": 9, "slowest_s": 0.1}},
        "unasked": ["yaml"],
    }

    rows = list(trust.trust_rows.readers(found))

    assert ["ok", "not run"] == ends(rows)
    assert "reader yaml" == rows[1].asks


def test_a_kind_of_fault_that_cannot_strike_here_was_not_run(trust):
    """Where no engine answers, no container was killed, and nothing claims it."""
    found = {"runs": 2, "asked": 2, "struck": 2, "healed": 2, "violations": 0, "kinds": {"a": {}}}

    rows = list(trust.trust_rows.faults(found | {"known": 2, "cannot": {"b": "no engine"}}))

    assert ["ok", "not run"] == ends(rows)
    assert ["short"] == ends(trust.trust_rows.faults(found | {"runs": 1, "known": 2, "cannot": {}}))
