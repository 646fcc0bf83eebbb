"""Reading a profile: what is in it, and what is refused."""

from __future__ import annotations

import io

import pytest

polars = pytest.importorskip("polars", reason="the extra `workflows` is not installed")

from pytest_compiledai.core.errors import SpecError  # noqa: E402
from pytest_compiledai.workflows.profile import read_profile  # noqa: E402
from pytest_compiledai.workflows.profile import write_profile  # noqa: E402


def stored(frame) -> bytes:
    """Return a frame as Parquet, whatever its columns."""
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def test_rows_survive_the_file(frame):
    """What was written is read, by agent, setting and state, sorted by query."""
    rows = frame({"query": "q2", "score": 0.5}, {"query": "q1"}, {"query": "q1", "state": "wrong"})

    found = read_profile(write_profile(rows), "p.parquet")

    assert ("q1", "q2") == found.queries
    assert [1.0, 0.5] == found.cell("a", "s").score.tolist()
    assert [0] == found.cell("a", "s", "wrong").query.tolist()
    assert found.cell("a", "t") is None


def test_equal_rows_have_an_equal_digest(frame):
    """The digest is that of the rows, whatever their order, and one value changes it."""
    one, two = {"query": "q1"}, {"query": "q2", "score": 0.25}

    digests = [
        read_profile(stored(frame(*rows)), "p").digest
        for rows in ((one, two), (two, one), (one, two | {"score": 0.5}))
    ]

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"score": 1.5}, "`score` from 1.0 to 1.5"),
        ({"score": float("nan")}, "not finite"),
        ({"seconds": -1.0}, "`seconds` from -1.0 to 1.0"),
        ({"cost": float("inf")}, "not finite"),
        ({"state": "maybe"}, "the state 'maybe'"),
        ({"state": "3/2"}, "the state '3/2'"),
        ({"agent": None}, "an empty `agent`"),
        ({}, "two rows of agent 'a'"),
    ],
)
def test_what_a_row_may_not_say(frame, row, expected):
    """Each value out of its range is refused with its name."""
    with pytest.raises(SpecError, match=r"p\.parquet: found") as caught:
        read_profile(stored(frame({}, row)), "p.parquet")

    assert expected in caught.value.found


def test_a_missing_column_is_refused(frame):
    """A profile without costs is no profile."""
    with pytest.raises(SpecError, match="cost: Float64"):
        read_profile(stored(frame({}).drop("cost")), "p")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"no parquet"])
def test_what_is_no_parquet_is_refused(data):
    """Bytes that are no Parquet end in an error with the file's name."""
    with pytest.raises(SpecError, match="p: found no Parquet"):
        read_profile(data, "p")


def test_a_file_that_unfolds_is_refused_by_its_footer(frame, monkeypatch):
    """The number of rows is looked at before any row is read."""
    monkeypatch.setattr("pytest_compiledai.workflows.parquet.MOST_ROWS", 1)

    with pytest.raises(SpecError, match=r"2 rows; expected .* 1 rows"):
        read_profile(stored(frame({"query": "a"}, {"query": "b"})), "p")


def test_an_empty_profile_is_refused(frame):
    """A profile without a row says nothing."""
    with pytest.raises(SpecError, match="no row"):
        read_profile(stored(frame({}).clear()), "p")


def test_part_of_the_queries(frame):
    """A part of a profile holds the rows of its queries only."""
    whole = read_profile(stored(frame({"query": "q1"}, {"query": "q2", "score": 0.0})), "p")

    part = whole.only(polars.Series([False, True]).to_numpy())

    assert (("q2",), [0.0]) == (part.queries, part.cell("a", "s").score.tolist())


def test_answers_that_production_counts_as_one_are_one(profile):
    """A vote replayed counts as a vote that runs: by value, not by spelling; nothing stays nothing."""
    answers = ["1,000", "1000.0", "Yes.", "yes", "", None]

    of = profile(
        *({"query": f"q{n}", "answer": text, "score": 0.0} for n, text in enumerate(answers))
    )

    codes = of.cell("a", "s").answer.tolist()
    assert (codes[0], codes[2], codes[5]) == (codes[1], codes[3], -1)
    assert len(set(codes)) == 4
