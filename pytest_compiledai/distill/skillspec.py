"""What a spec of kind `skill` says, read and checked; nothing heavy is imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core import fields
from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.beside import read_beside
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.distill.agents import Graph
from pytest_compiledai.distill.agents import read_graph
from pytest_compiledai.distill.demospec import block
from pytest_compiledai.distill.demospec import optional
from pytest_compiledai.distill.metrics import METRICS
from pytest_compiledai.gates import settings as reading

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

GATES: Final = ("security", "syntax", "execution", "accuracy", "latency", "cost")
REFINE: Final = ("auto", "none")
_SPEC_KEYS: Final = (
    *("compiledai", "kind", "name", "description", "input", "output", "golden", "graph", "runs"),
    *("tools", "metrics", "refine", "prices", "gates", "timeout"),
)
_RUN_KEYS: Final = ("item", "output", "tokens_in", "tokens_out", "seconds")
_TIMEOUT_S: Final = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the agents on one row."""

    item: str  # a row's id
    output: str
    tokens_in: int
    tokens_out: int
    seconds: float | None  # None: not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A Python file with one function of its name, and calls of it whose results are known."""

    name: str
    path: str  # as messages show it
    source: bytes
    examples: tuple[tuple[Any, Any], ...]  # input, output


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillSpec:
    """A spec of kind `skill`."""

    name: str
    description: str
    path: str
    input: Schema
    output: Schema
    rows: tuple[Row, ...]
    graph: Graph
    runs: tuple[Run, ...]
    runs_path: str
    tools: tuple[Tool, ...]
    metrics: tuple[str, ...]
    refine: str
    prices: tuple[float, float] | None  # USD a million tokens in, out
    lift: Mapping[str, float]  # metric -> what the interval's lower end must reach
    worse: float  # by which a metric's mean may be worse
    confidence: float
    p95_seconds: float | None
    ratio: float  # the agents' cost over the skill's, at least
    off: tuple[str, ...]
    timeout_s: float
    settings: Mapping[str, Any]

    def rows_in(self, *splits: Split) -> tuple[Row, ...]:
        """Return the rows of the given splits, in file order."""
        return tuple(row for row in self.rows if row.split in splits)

    def runs_of(self, row: Row) -> tuple[Run, ...]:
        """Return the agents' runs on a row."""
        return tuple(run for run in self.runs if run.item == row.id)


def read_skill_spec(document: Document, project: Project) -> SkillSpec:
    """Return the spec in ``document``. Raises ``SpecError``."""
    fields.known_keys(document, _SPEC_KEYS)
    blocks, off = fields.gate_blocks(document, GATES)
    known = {"accuracy": ("lift", "worse", "confidence", "split"), "latency": ("p95_seconds",)}
    known |= {"cost": ("ratio",), "security": (), "syntax": (), "execution": ()}
    at = {gate: document.at("gates", gate) for gate in GATES}
    for gate, keys in known.items():
        reading.known_keys(blocks.get(gate, {}), keys, at[gate])
    accuracy, latency, cost = (blocks.get(gate, {}) for gate in ("accuracy", "latency", "cost"))
    schemas = {key: fields.schema(document, key) for key in ("input", "output")}
    golden, data = _file(document, project, "golden")
    shares = fields.shares(document, blocks)
    rows = read_golden(
        data, golden, input=schemas["input"], output=schemas["output"], shares=shares
    )
    metrics = _metrics(document)
    runs_path, runs = _file(document, project, "runs")
    return SkillSpec(
        name=fields.unit_name(document),
        description=fields.text(document, "description").strip(),
        path=document.path,
        **schemas,
        rows=rows,
        graph=_graph(document, project),
        runs=_runs(runs, runs_path, {row.id for row in rows}),
        runs_path=runs_path,
        tools=_tools(document, project),
        metrics=metrics,
        refine=fields.choice(document, "refine", REFINE, "auto"),
        prices=_prices(document),
        lift=_lift(accuracy, metrics, document.at("gates", "accuracy", "lift")),
        worse=reading.share(accuracy, "worse", 0.01, at["accuracy"]),
        confidence=reading.confidence(accuracy, 0.95, at["accuracy"]) or 0.95,
        p95_seconds=optional(latency, "p95_seconds", at["latency"]),
        ratio=reading.above_zero(cost, "ratio", 1.0, at["cost"]),
        off=off,
        timeout_s=float(fields.whole(document, "timeout", _TIMEOUT_S, most=86_400) or _TIMEOUT_S),
        settings=document.data.get("gates", {}),
    )


def _file(document: Document, project: Project, key: str) -> tuple[str, bytes]:
    path = beside(document, project, key, fields.text(document, key))
    return path, read_beside(document, project, key, path)


def _graph(document: Document, project: Project) -> Graph:
    path, data = _file(document, project, "graph")
    try:
        return read_graph(data)
    except ValueError as error:
        raise SpecError(
            where=path,
            found=str(error)[:200],
            expected="a graph as LangGraph's `to_json()` writes it, prompts in the metadata",
        ) from None


def _runs(data: bytes, path: str, ids: set[str]) -> tuple[Run, ...]:
    found = []
    for line, raw in enumerate(data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            found.append(_run(read_json(raw.decode("utf-8")), ids))
        except (StrictJSONError, ValueError, TypeError) as error:
            raise SpecError(
                where=Place(path=path, line=line),
                found=str(error)[:200],
                expected=f"a run: {', '.join(_RUN_KEYS)}, of a golden row",
            ) from None
    return tuple(found)


def _run(record: Any, ids: set[str]) -> Run:
    if not isinstance(record, dict) or not set(_RUN_KEYS[:4]) <= set(record) <= set(_RUN_KEYS):
        raise ValueError(f"other keys: {record!r}"[:120])
    counts = [record["tokens_in"], record["tokens_out"]]
    seconds = record.get("seconds")
    if record["item"] not in ids:
        raise ValueError(f"the item {record['item']!r}")
    if not isinstance(record["output"], str) or any(type(n) is not int or n < 0 for n in counts):
        raise ValueError("an output that is no text, or tokens that are no count")
    if seconds is not None and (type(seconds) not in (int, float) or seconds < 0):
        raise ValueError(f"seconds: {seconds!r}")
    return Run(
        item=record["item"],
        output=record["output"],
        tokens_in=counts[0],
        tokens_out=counts[1],
        seconds=seconds,
    )


def _tools(document: Document, project: Project) -> tuple[Tool, ...]:
    tools = block(document, "tools", tuple(document.data.get("tools") or ()))
    found = []
    for name in sorted(tools):
        at = document.at("tools", name)
        tool = tools[name]
        if not isinstance(tool, Mapping) or not str(name).isidentifier():
            raise SpecError(where=at(), found=repr(tool)[:80], expected="`file` and `examples`")
        reading.known_keys(tool, ("file", "examples"), at)
        examples = tool.get("examples")
        if not isinstance(examples, list) or not examples or not all(map(_is_example, examples)):
            raise SpecError(
                where=at("examples"),
                found=repr(examples)[:80],
                expected="a list of {input, output}",
            )
        path = beside(document, project, "tools", str(tool.get("file")))
        found.append(
            Tool(
                name=name,
                path=path,
                source=read_beside(document, project, "tools", path),
                examples=tuple((example["input"], example["output"]) for example in examples),
            )
        )
    return tuple(found)


def _is_example(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"input", "output"}


def _metrics(document: Document) -> tuple[str, ...]:
    value = document.data.get("metrics", ["exact"])
    if not isinstance(value, list) or not value or any(name not in METRICS for name in value):
        raise SpecError(
            where=document.place("metrics"),
            found=repr(value)[:80],
            expected=f"a list of {', '.join(METRICS)}",
        )
    return tuple(dict.fromkeys(value))


def _lift(
    accuracy: Mapping[str, Any], metrics: tuple[str, ...], at: reading.At
) -> dict[str, float]:
    lift = accuracy.get("lift", {})
    if not isinstance(lift, Mapping):
        raise SpecError(where=at(), found=repr(lift)[:80], expected="a share by metric")
    reading.known_keys(lift, metrics, at)
    return {metric: reading.share(lift, metric, 0.0, at) for metric in lift}


def _prices(document: Document) -> tuple[float, float] | None:
    if "prices" not in document.data:
        return None
    prices = block(document, "prices", ("in", "out"))
    at = document.at("prices")
    return reading.from_zero(prices, "in", at), reading.from_zero(prices, "out", at)
