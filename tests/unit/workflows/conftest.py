"""Small profiles, made of rows."""

from __future__ import annotations

import pytest

polars = pytest.importorskip("polars", reason="the extra `workflows` is not installed")

ROW = {
    "query": "q",
    "agent": "a",
    "setting": "s",
    "sample": 0,
    "state": "correct",
    "score": 1.0,
    "answer": "x",
    "tokens_in": 10,
    "tokens_out": 5,
    "seconds": 1.0,
    "ttft": None,
    "cost": 0.01,
}


@pytest.fixture
def frame():
    """Return rows as a frame; each is what differs from a right answer of one second."""
    from pytest_compiledai.workflows.profile import COLUMNS

    def make(*rows: dict):
        schema = {name: getattr(polars, dtype) for name, dtype in COLUMNS.items()}
        return polars.DataFrame([ROW | row for row in rows], schema=schema)

    return make


@pytest.fixture
def profile(frame):
    """Return the profile of rows."""
    from pytest_compiledai.workflows.profile import profile_of

    return lambda *rows: profile_of(frame(*rows))
