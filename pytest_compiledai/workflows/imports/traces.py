"""Profiles out of traces: plain JSON lines, OpenTelemetry spans, FlowCompile's measurements.

Nothing is guessed that decides a verdict: a row without a score, a problem, an agent or a setting
is an error with its line. Tokens and cost count as 0 where a trace does not say them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.workflows.profile import COLUMNS

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

_DEFAULTS: Final = {"state": "correct", "tokens_in": 0, "tokens_out": 0, "cost": 0.0, "ttft": None}
#: Attribute of a span -> column; `compiledai.*` are written by whoever ran the problems.
_SPAN: Final = {
    "compiledai.query": "query",
    "compiledai.state": "state",
    "compiledai.sample": "sample",
    "compiledai.score": "score",
    "compiledai.answer": "answer",
    "compiledai.cost": "cost",
    "gen_ai.agent.name": "agent",
    "gen_ai.request.model": "setting",
    "gen_ai.usage.input_tokens": "tokens_in",
    "gen_ai.usage.output_tokens": "tokens_out",
    "gen_ai.evaluation.score.value": "score",
}
_NUMBERS: Final = ("score", "seconds", "ttft", "cost")
_MOST_WHOLE: Final = 10**9  # of tokens and samples
_WHOLE: Final = ("sample", "tokens_in", "tokens_out")


def from_lines(text: str, path: str) -> pl.DataFrame:
    """Return the rows of JSON lines: rows of a profile, or OTLP spans. Raises ``SpecError``."""
    rows: list[Row] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = read_json(line)
        except StrictJSONError as error:
            raise _refused(where=where, found=str(error), expected="JSON a line") from None
        if not isinstance(value, dict):
            raise _refused(where=where, found=type(value).__name__, expected="an object")
        try:
            found = list(_spans(value)) if "resourceSpans" in value else [value]
        except (AttributeError, TypeError, ValueError) as error:
            told = f"{type(error).__name__}: {error}"[:120]
            raise _refused(where=where, found=told, expected="OTLP spans as JSON") from None
        rows += [_row(item, where) for item in found]
    return _frame(rows, path)


def from_measurements(results: Any, latency: Any, path: str) -> pl.DataFrame:
    """Return the rows of FlowCompile's `detailed_results.json` and `latency_benchmark.json`.

    Seconds are what its own table of tokens a second gives: modelled, not measured. Answers are
    not in the file, so votes cannot be counted: right answers are one, wrong ones each their own.
    """
    rows: list[Row] = []
    pace = _paces(latency, path)
    for agent, settings in _mapping(results, path).items():
        for setting, entries in _mapping(settings, path).items():
            model, _, budget = str(setting).rpartition("_budget_")
            speed = pace.get(model or str(setting))
            if speed is None:
                raise _refused(where=path, found=f"no pace of {setting}", expected="its model's")
            for number, entry in enumerate(entries):
                tokens = [int(entry[key]) for key in ("avg_input_tokens", "avg_output_tokens")]
                right = float(entry["accuracy"])
                rows.append(
                    _row(
                        {
                            "query": str(entry["problem"]),
                            "agent": str(agent),
                            "setting": f"{model}@{budget}" if model else str(setting),
                            "score": right,
                            "answer": "right" if right >= 0.5 else f"wrong {number} {setting}",  # noqa: PLR2004
                            "tokens_in": tokens[0],
                            "tokens_out": tokens[1],
                            "seconds": tokens[0] / speed[0] + tokens[1] / speed[1],
                        },
                        f"{path}: {agent} {setting}",
                    )
                )
    return _frame(rows, path)


def _paces(latency: Any, path: str) -> dict[str, tuple[float, float]]:
    found = {}
    for model, entries in _mapping(latency, path).items():
        entry = entries[0] if isinstance(entries, list) and entries else entries
        pair = (float(entry["prefill_tok_per_s"]), float(entry["decode_tok_per_s"]))
        if min(pair) <= 0:
            raise _refused(where=path, found=f"a pace of {pair}", expected="tokens a second")
        found[str(model)] = pair
    return found


def _spans(value: Mapping[str, Any]) -> Iterator[Row]:
    for resource in value["resourceSpans"]:
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                row = _span(span)
                if row:
                    yield row


def _span(span: Mapping[str, Any]) -> Row:
    """Return the row of a model's call; empty for a span of something else."""
    attributes = list(span.get("attributes", []))
    for event in span.get("events", []):
        attributes += event.get("attributes", [])
    row: Row = {}
    for attribute in attributes:
        column = _SPAN.get(attribute.get("key", ""))
        if column:
            row[column] = _value(attribute.get("value", {}))
    if "setting" not in row:
        return {}
    start, end = (int(span.get(f"{end}TimeUnixNano", 0)) for end in ("start", "end"))
    return {"agent": span.get("name"), **row, "seconds": (end - start) / 1e9}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    return int(inner) if kind == "intValue" else inner  # a 64-bit number is a text in OTLP


def _row(value: Row, where: str) -> Row:
    unknown = sorted(set(value) - set(COLUMNS))
    if unknown:
        expected = ", ".join(COLUMNS)
        raise _refused(where=where, found=f"the key `{unknown[0][:60]}`", expected=expected)
    row: Row = {**_DEFAULTS, **value}
    for key in ("query", "agent", "setting", "score", "seconds", "answer"):
        if key not in row:
            raise _refused(where=where, found=f"no `{key}`", expected="what was measured")
    _check_types(row, where)
    if row["answer"] is not None:
        row["answer"] = str(row["answer"])
    for key in _NUMBERS:
        if row.get(key) is not None:
            row[key] = float(row[key])
    return row


def _check_types(row: Row, where: str) -> None:
    for key in ("query", "agent", "setting", "state"):
        if not isinstance(row[key], str):
            raise _refused(where=where, found=f"{key}: {row[key]!r}"[:80], expected="text")
    for key in (*_NUMBERS, *_WHOLE):
        number = row.get(key)
        kinds = (int,) if key in _WHOLE else (int, float)
        most = _MOST_WHOLE if key in _WHOLE else sys.float_info.max
        if number is not None and not (type(number) in kinds and abs(number) <= most):
            raise _refused(where=where, found=f"{key}: {number!r}"[:80], expected="a number")


def _frame(rows: list[Row], path: str) -> pl.DataFrame:
    import polars as pl

    if not rows:
        raise _refused(where=path, found="no row", expected="a measured call or more")
    taken: dict[tuple[Any, ...], int] = {}
    for row in rows:  # samples that are not numbered are numbered as they come
        key = tuple(row[name] for name in ("query", "agent", "setting", "state"))
        if row.get("sample") is None:
            row["sample"] = taken.get(key, 0)
        taken[key] = max(taken.get(key, 0), row["sample"] + 1)
    schema = {name: getattr(pl, dtype) for name, dtype in COLUMNS.items()}
    return pl.DataFrame([{name: row.get(name) for name in COLUMNS} for row in rows], schema=schema)


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _refused(where=path, found=type(value).__name__, expected="an object")
    return value


def _refused(*, where: str, found: str, expected: str) -> SpecError:
    return SpecError(
        where=where, found=found, expected=expected, next="see docs/workflows.md, section Importing"
    )
