"""End-to-end runs: what whole configurations gave when they really ran, problem by problem.

They are a recording of their own (`runs:`). Those on train and validation problems say how far
composed figures are off, which becomes a margin; those on test problems are what the accuracy gate
measures a configuration by, in place of a replay. The two sets of problems never mix.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

import numpy as np

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.intervals import conformal_margin
from pytest_compiledai.workflows.parquet import read_parquet
from pytest_compiledai.workflows.profile import Floats

if TYPE_CHECKING:
    import polars as pl

    from pytest_compiledai.workflows.compose import Composer

COLUMNS: Final = {
    "query": "String",
    "structure": "String",  # its label, as in the artifact
    "settings": "String",  # JSON: slot -> setting
    "score": "Float64",
    "seconds": "Float64",
    "cost": "Float64",
}
#: Problems of a configuration below which its residual is mostly luck.
LEAST_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One configuration's runs."""

    label: str
    settings: Mapping[str, str]
    queries: tuple[str, ...]
    score: Floats
    seconds: Floats
    cost: Floats

    def only(self, wanted: Collection[str]) -> Run:
        """Return the runs on these problems."""
        kept = np.array([query in wanted for query in self.queries], dtype=bool)
        return Run(
            label=self.label,
            settings=self.settings,
            queries=tuple(q for q, keep in zip(self.queries, kept, strict=True) if keep),
            score=self.score[kept],
            seconds=self.seconds[kept],
            cost=self.cost[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """All runs of a file."""

    runs: tuple[Run, ...]
    digest: str

    def of(self, label: str, settings: Mapping[str, str]) -> Run | None:
        """Return the runs of one configuration; None where it was not run."""
        for run in self.runs:
            if run.label == label and dict(run.settings) == dict(settings):
                return run
        return None


def read_runs(data: bytes, path: str) -> Runs:
    """Return the runs in a Parquet file. Raises ``SpecError`` for anything not as written."""
    frame = read_parquet(data, path, "Runs")
    found = {name: str(dtype) for name, dtype in frame.schema.items()}
    if found != COLUMNS or frame.null_count().sum_horizontal().item():
        expected = ", ".join(f"{name}: {dtype}" for name, dtype in COLUMNS.items())
        raise _refused(path, f"other columns, or an empty value ({found})"[:200], expected)
    numbers = frame.select("score", "seconds", "cost").to_numpy()
    if not np.isfinite(numbers).all() or numbers.min(initial=0) < 0 or frame["score"].max() > 1:  # type: ignore[operator]
        raise _refused(path, "a figure out of its range", "scores to 1, seconds and USD from 0")
    key = ["structure", "settings", "query"]
    if frame.select(key).is_duplicated().any():
        raise _refused(path, "a problem twice for one configuration", "each problem once")
    frame = frame.select(list(COLUMNS)).sort(key)
    runs = tuple(_runs(frame, path))
    named = [(run.label, canonical_json(dict(run.settings))) for run in runs]
    if len(set(named)) != len(named):
        raise _refused(path, "a configuration twice, its settings spelled apart", "each once")
    return Runs(
        runs=runs,
        digest=digest(frame.write_csv(float_precision=9).encode("utf-8")),
    )


def _runs(frame: pl.DataFrame, path: str) -> Iterator[Run]:
    for key, part in frame.group_by(["structure", "settings"], maintain_order=True):
        try:
            settings = json.loads(str(key[1]))
        except (RecursionError, ValueError):
            settings = None
        if not isinstance(settings, dict) or not all(
            isinstance(setting, str) for setting in settings.values()
        ):
            raise _refused(path, f"the settings {str(key[1])[:60]!r}", "JSON: slot to setting")
        yield Run(
            label=str(key[0]),
            settings=settings,
            queries=tuple(part["query"]),
            score=part["score"].to_numpy(),
            seconds=part["seconds"].to_numpy(),
            cost=part["cost"].to_numpy(),
        )


def check_known(runs: Runs, problems: Collection[str], path: str) -> None:
    """Raise ``SpecError`` for a run on what is none of ``problems``: it would count nowhere."""
    for run in runs.runs:
        for query in run.queries:
            if query not in problems:
                raise _refused(path, f"a run on {query[:80]!r}", "problems of the golden file")


def margin(runs: Runs, composer: Composer, level: float) -> tuple[float, int]:
    """Return the margin of composed accuracy at ``level``, and from how many configurations.

    Each residual compares the same problems, replayed and run. Infinite where too few were run:
    nine configurations for 0.9. Split conformal, so it holds for configurations like those run.
    """
    labels = [graph.label(step) for step in composer.structures]
    index = {query: n for n, query in enumerate(composer.profile.queries)}
    residuals: list[float] = []
    for whole in runs.runs:
        if whole.label not in labels:
            raise _refused("runs", f"the structure {whole.label[:80]!r}", "one of the artifact's")
        run = whole.only(index)
        if len(run.queries) < LEAST_PROBLEMS:
            continue
        structure = labels.index(run.label)
        slots = graph.slots(composer.structures[structure])
        if set(slots) != set(run.settings):
            raise _refused(
                "runs", f"{run.label} with the slots {', '.join(run.settings)}"[:200],
                f"settings of {', '.join(slots)}",
            )  # fmt: skip
        replayed = composer.measure(structure, run.settings).accuracy
        same = replayed[[index[query] for query in run.queries]]
        residuals.append(float(same.mean() - run.score.mean()))
    return conformal_margin(residuals, level), len(residuals)


def told(found: float, count: int) -> dict[str, float | int | None]:
    """Return a margin as the artifact has it."""
    return {"margin": None if math.isinf(found) else float(f"{found:.6g}"), "configurations": count}


def write_runs(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return runs as the bytes of a Parquet file."""
    import polars as pl

    schema = {name: getattr(pl, dtype) for name, dtype in COLUMNS.items()}
    out = io.BytesIO()
    pl.DataFrame(list(rows), schema=schema).write_parquet(out, compression="zstd")
    return out.getvalue()


def _refused(path: str, found: str, expected: str) -> SpecError:
    return SpecError(
        where=path, found=found, expected=expected, next="see docs/workflows.md, section Runs"
    )
