"""Rows of a profile that no calls can have given, though each value alone may stand there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from typing import Final

if TYPE_CHECKING:
    import polars as pl

#: From so many problems on, samples that are copies on more than this share of them are none.
LEAST_COPIED: Final = 20
MOST_COPIED: Final = 0.5
_RIGHT: Final = 0.5
_TOLD: Final = ("score", "answer", "tokens_in", "tokens_out", "seconds", "ttft", "cost")


def faults(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield what was found in rows of a profile and what was expected."""
    yield from _of_rows(frame)
    yield from _timeless(frame)
    yield from _copied(frame)


def _of_rows(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    import polars as pl

    for name in ("query", "agent", "setting"):
        if (frame[name] == "").any():
            yield f"an empty `{name}`", "a name in every row"
    empty = (pl.col("score") >= _RIGHT) & pl.col("answer").is_null()
    for bad, found, expected in (
        (empty, "a right answer that is empty", "null only where nothing can be used"),
        (pl.col("ttft") > pl.col("seconds"), "a `ttft` after the end", "at most `seconds`"),
    ):
        for query, agent in frame.filter(bad).select("query", "agent").head(1).iter_rows():
            yield f"{found}, {agent} on {query!r}"[:200], expected


def _timeless(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield settings of models whose calls took no time: it was not measured."""
    import polars as pl

    longest = frame.group_by("agent", "setting").agg(pl.col("seconds").max())
    at = longest.filter(
        pl.col("seconds") <= 0, ~pl.col("setting").str.contains("^(unit|tool):")
    ).sort("agent", "setting")
    for agent, setting, _ in at.head(1).iter_rows():
        yield f"0 seconds in every row of {agent} at {setting}", "measured seconds"


def _copied(frame: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield settings whose further samples are copies of the first ones.

    Copies count as draws that agree, and say falsely that a third would. Seconds that hardly
    differ between problems were not measured, and say nothing of it.
    """
    import polars as pl

    by_problem = (
        frame.group_by("agent", "setting", "state", "query")
        .agg(pl.len().alias("n"), pl.struct(_TOLD).n_unique().alias("kinds"), pl.first("seconds"))
        .filter(pl.col("n") > 1)
    )
    copied = (
        by_problem.group_by("agent", "setting", "state")
        .agg(
            pl.len().alias("problems"),
            (pl.col("kinds") < pl.col("n")).mean().alias("share"),
            pl.col("seconds").n_unique(),
        )
        .filter(
            pl.col("problems") >= LEAST_COPIED,
            pl.col("share") > MOST_COPIED,
            pl.col("seconds") > pl.col("problems") / 4,
        )
        .sort("agent", "setting", "state")
    )
    for agent, setting, _, problems, *_ in copied.head(1).iter_rows():
        found = f"samples of {agent} at {setting} that repeat an earlier one to the last figure"
        expected = "samples drawn apart, or one sample where a call always answers alike"
        yield f"{found}, on most of {problems} problems", expected
