"""Why a file could not be collected, on one line."""

from __future__ import annotations

import pytest

from pytest_compiledai.failure import collect_fault

OURS = "specs/x.yaml:3: found a tab; expected spaces; next: mend it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OURS, OURS),
        (f"header\n  {OURS}\nfooter", OURS),
        (
            "bad/test_a.py:1: in <module>\nE   ImportError: no\n",
            "bad: found ImportError: no; expected a file pytest can read",
        ),
        ("", "bad: found nothing; expected a file pytest can read"),
    ],
)
def test_the_reason_is_one_line(text, expected):
    """A message of ours is taken as it is; of anything else, the last line."""
    assert expected == collect_fault("bad", text)
