"""The per-query profile: what each agent did, at each setting, on each problem.

One row is one measured call. The file is Parquet; equal rows give an equal digest, in any order.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.workflows.parquet import read_parquet
from pytest_compiledai.workflows.saying import normal
from pytest_compiledai.workflows.sense import faults

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: column -> dtype as polars names it; the order is that of the file.
COLUMNS: Final = {
    "query": "String",
    "agent": "String",
    "setting": "String",
    "sample": "Int64",
    "state": "String",  # of the call's input: correct, wrong, malformed; a judge's: right/all
    "score": "Float64",  # 0 to 1
    "answer": "String",  # null: malformed, nothing that could be used
    "tokens_in": "Int64",
    "tokens_out": "Int64",
    "seconds": "Float64",
    "ttft": "Float64",  # seconds to the first token; null: not measured
    "cost": "Float64",  # USD
}
STATES: Final = ("correct", "wrong", "malformed")
RIGHT: Final = 0.5  # a score from which an answer counts as right
MALFORMED: Final = -1  # code of a missing answer

_NULLABLE = ("answer", "ttft")
_KEY = ["agent", "setting", "state", "query", "sample"]
_FROM_ZERO = ("sample", "tokens_in", "tokens_out", "seconds", "ttft", "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The rows of one agent at one setting on inputs in one state, sorted by query and sample."""

    query: Ints  # index into the profile's queries
    score: Floats
    answer: Ints  # code of the answer's text; equal texts, equal codes
    seconds: Floats
    cost: Floats
    tokens: Ints  # in and out together

    def counts(self, queries: int) -> Ints:
        """Return how many rows each query has."""
        return np.bincount(self.query, minlength=queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Rows of a profile by agent, setting and state."""

    queries: tuple[str, ...]
    cells: dict[tuple[str, str, str], Cell]
    answers: tuple[str, ...]  # the text of each code, as votes are counted
    digest: str  # of the rows, whatever their order in the file

    def settings(self, agent: str) -> tuple[str, ...]:
        """Return the settings at which ``agent`` was profiled, sorted."""
        return tuple(sorted({setting for name, setting, _ in self.cells if name == agent}))

    def cell(self, agent: str, setting: str, state: str = "correct") -> Cell | None:
        """Return the rows of ``agent`` at ``setting`` on inputs in ``state``; None without any."""
        return self.cells.get((agent, setting, state))

    def only(self, wanted: NDArray[np.bool_]) -> Profile:
        """Return the profile of the queries where ``wanted`` [Q] holds."""
        new = np.cumsum(wanted) - 1
        kept = tuple(q for q, keep in zip(self.queries, wanted, strict=True) if keep)
        cells = {}
        for key, cell in self.cells.items():
            rows = wanted[cell.query]
            if rows.any():
                cells[key] = Cell(
                    query=new[cell.query[rows]],
                    **{
                        name: getattr(cell, name)[rows]
                        for name in ("score", "answer", "seconds", "cost", "tokens")
                    },
                )
        return Profile(queries=kept, cells=cells, answers=self.answers, digest=self.digest)


def read_profile(data: bytes, path: str) -> Profile:
    """Return the profile in a Parquet file. Raises ``SpecError`` for anything not as written."""
    frame = read_parquet(data, path, "Profile")
    _check(frame, path)
    return profile_of(frame)


def profile_of(frame: pl.DataFrame) -> Profile:
    """Return the profile of rows that hold what ``COLUMNS`` says.

    Answers that production counts as one, ``saying.normal``, have one code.
    """
    import polars as pl

    frame = frame.select(list(COLUMNS)).sort(_KEY)
    queries = frame["query"].unique().sort()
    spelled = frame["answer"].drop_nulls().unique().to_list()
    texts = pl.Series(sorted({normal(text) for text in spelled}), dtype=pl.String)
    plain = {text: normal(text) for text in spelled}
    coded = frame.with_columns(
        pl.col("answer").replace_strict(plain, default=None, return_dtype=pl.String)
    ).with_columns(
        pl.col("query").cast(pl.Enum(queries)).to_physical().cast(pl.Int64),
        pl.col("answer").cast(pl.Enum(texts)).to_physical().cast(pl.Int64)
        .fill_null(MALFORMED),
    )  # fmt: skip
    cells = {
        (str(key[0]), str(key[1]), str(key[2])): Cell(
            query=part["query"].to_numpy(),
            score=part["score"].to_numpy(),
            answer=part["answer"].to_numpy(),
            seconds=part["seconds"].to_numpy(),
            cost=part["cost"].to_numpy(),
            tokens=(part["tokens_in"] + part["tokens_out"]).to_numpy(),
        )
        for key, part in coded.group_by(["agent", "setting", "state"], maintain_order=True)
    }
    return Profile(queries=tuple(queries), cells=cells, answers=tuple(texts), digest=_digest(frame))


def write_profile(frame: pl.DataFrame) -> bytes:
    """Return the rows of a profile as the bytes of a Parquet file, sorted."""
    out = io.BytesIO()
    frame.select(list(COLUMNS)).sort(_KEY).write_parquet(out, compression="zstd")
    return out.getvalue()


def _digest(frame: pl.DataFrame) -> str:
    # CSV, not Parquet: the digest is of the rows and survives another version of the writer.
    return digest(frame.write_csv(float_precision=9).encode("utf-8"))


def _check(frame: pl.DataFrame, path: str) -> None:
    found = {name: str(dtype) for name, dtype in frame.schema.items()}
    if found != COLUMNS:
        wrong = sorted(set(found.items()) ^ set(COLUMNS.items()))
        shown = ", ".join(f"{name}: {dtype}" for name, dtype in wrong[:4])
        expected = ", ".join(f"{name}: {dtype}" for name, dtype in COLUMNS.items())
        raise _refused(path, f"other columns ({shown})", expected)
    if frame.is_empty():
        raise _refused(path, "no row", "a row a measured call")
    for name in COLUMNS:
        if name not in _NULLABLE and frame[name].null_count():
            raise _refused(path, f"an empty `{name}`", "a value in every row")
    for name in (*_FROM_ZERO, "score"):
        _check_numbers(frame[name].drop_nulls(), name, path)
    for state in map(str, frame["state"].unique().sort()):
        if state not in STATES and not _is_tally(state):
            raise _refused(path, f"the state {state[:40]!r}", f"{', '.join(STATES)} or j/n")
    twice = frame.select(_KEY).is_duplicated()
    if twice.any():
        row = frame.filter(twice).row(0, named=True)
        shown = ", ".join(f"{key} {row[key]!r}" for key in _KEY)
        raise _refused(path, f"two rows of {shown}"[:300], "each sample once")
    for fault in faults(frame):
        raise _refused(path, *fault)


def _check_numbers(values: pl.Series, name: str, path: str) -> None:
    numbers = values.to_numpy()
    if not np.isfinite(numbers).all():
        raise _refused(path, f"a `{name}` that is not finite", "finite numbers")
    bound = 1.0 if name == "score" else math.inf
    if len(numbers) and (numbers.min() < 0 or numbers.max() > bound):
        raise _refused(path, f"`{name}` from {numbers.min()} to {numbers.max()}", f"0 to {bound}")


def _is_tally(state: str) -> bool:
    """Return whether ``state`` says how many of a judge's candidates are right: `1/3`."""
    right, slash, of = state.partition("/")
    if not (slash and right.isascii() and right.isdigit() and of.isascii() and of.isdigit()):
        return False
    return 0 <= int(right) <= int(of)


def _refused(path: str, found: str, expected: str) -> SpecError:
    return SpecError(
        where=path, found=found, expected=expected, next="see docs/workflows.md, section Profile"
    )
