"""What a spec of kind `workflow` says, read and checked; nothing heavy is imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core import fields
from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.beside import read_beside
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.agent import Agent
from pytest_compiledai.workflows.agent import read_agents
from pytest_compiledai.workflows.common import twins
from pytest_compiledai.workflows.flowspec import read_flow
from pytest_compiledai.workflows.passes import PASSES
from pytest_compiledai.workflows.plan import LATENCIES
from pytest_compiledai.workflows.plan import WANTS
from pytest_compiledai.workflows.plan import Plan
from pytest_compiledai.workflows.plan import Wish
from pytest_compiledai.workflows.plan import affordable

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

GATES: Final = ("security", "syntax", "execution", "accuracy", "latency", "fuzz", "cost")
KEYS: Final = (
    *("compiledai", "kind", "name", "description", "input", "output", "golden"),
    *("agents", "flow", "hosts", "objectives", "choose", "profile", "runs", "passes", "gates"),
    "timeout",
)
DEFAULT_TIMEOUT_S: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the gates of a workflow allow."""

    p95_margin: float  # how much more than stated the measured p95 may be, as a share
    p95_seconds: float | None  # every chosen configuration's bound; None: no bound
    cost_margin: float
    usd: float | None  # a problem; None: no bound
    drop: float  # of accuracy on edited problems


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSpec:
    """A spec of kind `workflow`."""

    name: str
    description: str
    path: str  # of the spec, POSIX, relative to the root
    input: Schema
    output: Schema
    rows: tuple[Row, ...]  # problems
    agents: Mapping[str, Agent]
    flow: Any  # as written
    plan: Plan
    hosts: tuple[str, ...]
    profile: str  # path as messages show it, relative to the root
    profile_file: Path  # absolute
    runs: str | None  # path of end-to-end runs, relative to the root
    runs_file: Path | None  # absolute
    bounds: Bounds
    off: tuple[str, ...]
    timeout_s: float
    settings: Mapping[str, Any]  # the `gates:` block as written

    def ids(self, *splits: Split) -> frozenset[str]:
        """Return the ids of the problems in the given splits."""
        return frozenset(row.id for row in self.rows if row.split in splits)


def read_workflow_spec(document: Document, project: Project) -> WorkflowSpec:
    """Return the spec in ``document``. Raises ``SpecError``, which says where to read on."""
    try:
        spec = _spec(document, project)
        _check_problems(spec.rows)
    except SpecError as error:
        if error.next:
            raise
        raise SpecError(
            where=error.where,
            found=error.found,
            expected=error.expected,
            next="see docs/workflows.md, section Spec",
        ) from None
    return spec


def _check_problems(rows: Sequence[Row]) -> None:
    """Raise where a problem counts twice under another id: intervals would be too narrow."""
    first: dict[bytes, Row] = {}
    for row in rows:
        other = first.setdefault(canonical_json(row.input), row)
        if other is not row:
            raise SpecError(
                where=row.place,
                found=f"{row.id}, the problem of {other.id} again",
                expected="each problem once",
                next=f"take {row.id} out, and its rows out of the profile",
            )


def _spec(document: Document, project: Project) -> WorkflowSpec:
    fields.known_keys(document, KEYS)
    name = fields.unit_name(document)
    blocks, off = fields.gate_blocks(document, GATES)
    for gate in ("security", "syntax", "execution"):
        reading.known_keys(blocks.get(gate, {}), (), document.at("gates", gate))
    accuracy = blocks.get("accuracy", {})
    at = document.at("gates", "accuracy")
    reading.known_keys(accuracy, ("confidence", "split"), at)
    confidence = _confidence(accuracy, at)
    shares = fields.shares(document, blocks)
    schemas = {key: fields.schema(document, key) for key in ("input", "output")}
    golden = beside(document, project, "golden", fields.text(document, "golden"))
    agents = read_agents(document)
    profile = _profile(document, project, name)
    runs = fields.optional_text(document, "runs")
    runs = beside(document, project, "runs", runs) if runs else None
    flow = read_flow(document.data.get("flow"), document.at("flow"), agents)
    return WorkflowSpec(
        name=name,
        description=fields.text(document, "description").strip(),
        path=document.path,
        **schemas,
        rows=read_golden(
            read_beside(document, project, "golden", golden),
            golden,
            input=schemas["input"],
            output=schemas["output"],
            shares=shares,
        ),
        agents=agents,
        flow=document.data["flow"],
        plan=_plan(document, flow, agents, confidence),
        hosts=fields.words(document, "hosts"),
        profile=profile,
        profile_file=project.root / profile,  # an absolute path stays what it is
        runs=runs,
        runs_file=project.root / runs if runs else None,
        bounds=_bounds(document, blocks),
        off=off,
        timeout_s=float(
            fields.whole(document, "timeout", DEFAULT_TIMEOUT_S, most=86_400) or DEFAULT_TIMEOUT_S
        ),
        settings=document.data.get("gates", {}),
    )


def _plan(
    document: Document, flow: graph.Step, agents: Mapping[str, Agent], confidence: float
) -> Plan:
    at = document.at("objectives")
    block = fields.mapping(document, "objectives")
    reading.known_keys(block, ("latency", "width"), at)
    latency = block.get("latency", "p95")
    if latency not in LATENCIES:
        raise SpecError(where=at("latency"), found=repr(latency), expected=", ".join(LATENCIES))
    used = set(graph.slots(flow).values())
    unused = [agent for agent in agents if agent not in used]
    if unused:
        raise SpecError(
            where=document.place("agents", unused[0]),
            found=f"the agent `{unused[0]}`, which no step calls",
            expected="agents of the flow only",
        )
    plan = Plan(
        flow=flow,
        settings={agent: agents[agent].settings for agent in sorted(used)},
        latency=latency,
        width=reading.whole(block, "width", 1, at, least=1, most=10_000)
        if "width" in block
        else None,
        confidence=confidence,
        wishes=_wishes(document),
        twins=twins({name: agents[name].as_json() for name in sorted(used)}),
    )
    return replace(plan, passes=affordable(plan, _passes(document)))


def _passes(document: Document) -> tuple[str, ...]:
    """Return the passes that may rewrite structures: those that `passes:` names, else all."""
    if "passes" not in document.data:
        return PASSES
    named = fields.words(document, "passes")
    for name in named:
        if name not in PASSES:
            raise SpecError(
                where=document.place("passes"),
                found=repr(name)[:80],
                expected=f"some of {', '.join(PASSES)}, or an empty list",
            )
    return named


def _wishes(document: Document) -> dict[str, Wish]:
    """Return what `choose:` names; without it, the most accurate configuration is `best`."""
    block = fields.mapping(document, "choose")
    found: dict[str, Wish] = {}
    for name in block:
        at = document.at("choose", name)
        wish = block[name]
        if not isinstance(wish, Mapping):
            raise SpecError(where=at(), found=repr(wish)[:80], expected="bounds and `want`")
        reading.known_keys(wish, ("want", "accuracy", "seconds", "cost"), at)
        want = wish.get("want", "fastest" if "accuracy" in wish else "best")
        if want not in WANTS:
            raise SpecError(where=at("want"), found=repr(want)[:80], expected=", ".join(WANTS))
        bounds = {
            key: reading.above_zero(wish, key, 1.0, at)
            for key in ("seconds", "cost")
            if key in wish
        }
        accuracy = reading.share(wish, "accuracy", 0.0, at)
        found[str(name)] = Wish(want=want, accuracy=accuracy, **bounds)
    return found or {"best": Wish(want="best")}


def _bounds(document: Document, blocks: Mapping[str, Mapping[str, Any]]) -> Bounds:
    known = {
        "latency": ("margin", "p95_seconds"),
        "cost": ("margin", "usd"),
        "fuzz": ("drop",),
    }
    for gate, keys in known.items():
        reading.known_keys(blocks.get(gate, {}), keys, document.at("gates", gate))
    latency, cost, fuzz = (blocks.get(gate, {}) for gate in known)
    at = {gate: document.at("gates", gate) for gate in known}
    return Bounds(
        p95_margin=reading.share(latency, "margin", 0.25, at["latency"]),
        p95_seconds=reading.above_zero(latency, "p95_seconds", 1.0, at["latency"])
        if "p95_seconds" in latency
        else None,
        cost_margin=reading.share(cost, "margin", 0.25, at["cost"]),
        usd=reading.above_zero(cost, "usd", 1.0, at["cost"]) if "usd" in cost else None,
        drop=reading.share(fuzz, "drop", 0.1, at["fuzz"]),
    )


def _confidence(block: Mapping[str, Any], at: reading.At) -> float:
    value = block.get("confidence", 0.9)
    if type(value) is not float or not 0.5 < value < 1:  # noqa: PLR2004 - below, it says nothing
        raise SpecError(
            where=at("confidence"), found=repr(value)[:80], expected="a share above 0.5, below 1"
        )
    return value


def _profile(document: Document, project: Project, name: str) -> str:
    written = fields.optional_text(document, "profile")
    if written is not None:
        return beside(document, project, "profile", written)
    path = project.recordings_of(document.path) / f"{name}.profile.parquet"
    root = project.root
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
