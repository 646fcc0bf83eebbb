"""What a spec of kind `demos` says, read and checked; nothing heavy is imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core import fields
from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.beside import read_beside
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.golden import FILE_CAP
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split
from pytest_compiledai.distill.embedding import HASHED
from pytest_compiledai.distill.trace import KEYS
from pytest_compiledai.distill.trace import Trace
from pytest_compiledai.distill.trace import read_traces
from pytest_compiledai.gates import settings as reading

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

GATES: Final = ("security", "syntax", "execution", "accuracy", "latency", "cost")
_SPEC_KEYS: Final = (
    *("compiledai", "kind", "name", "description", "input", "output", "golden"),
    *("teacher", "student", "traces", "demos", "retrieve", "cascade", "prices", "gates", "timeout"),
)
_TIMEOUT_S: Final = 600
_SHA256: Final = 64  # hex digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """How a task is answered; all of it is frozen into the artifact."""

    teacher: str
    student: str
    description: str
    keys: tuple[str, ...]  # of retrieval
    k: int  # demonstrations in a prompt
    window: int  # steps shown of a demonstration, those around the one that was found
    samples: int
    agree: int  # samples that must be the same; more than half
    early_stop: bool
    temperature: float  # of the student's samples
    max_tokens: int
    embedder: Any  # `hashed`, or {package, sha256}

    def as_json(self) -> dict[str, Any]:
        """Return the JSON values, keys sorted."""
        values = {key: getattr(self, key) for key in sorted(self.__dataclass_fields__)}
        return values | {"keys": list(self.keys)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the gates allow."""

    margin: float  # by which the cascade may be less accurate than the teacher
    confidence: float
    p95_seconds: float | None
    escalation: float  # the most of the calls that reach the teacher
    ratio: float  # the teacher's cost over the cascade's, at least
    calls: float | None  # by which the demonstrations must have paid


@dataclass(frozen=True, slots=True, kw_only=True)
class DemosSpec:
    """A spec of kind `demos`."""

    name: str
    path: str
    input: Schema
    output: Schema
    rows: tuple[Row, ...]
    cascade: Cascade
    traces: tuple[Trace, ...]
    traces_path: str
    traces_digest: str
    keep: float  # the least score of a trajectory that succeeded
    most: int  # demonstrations
    prices: Mapping[str, tuple[float, float]]  # role -> USD a million tokens in, out
    bounds: Bounds
    folder: Path  # of the recorded answers
    off: tuple[str, ...]
    timeout_s: float
    settings: Mapping[str, Any]

    def rows_in(self, *splits: Split) -> tuple[Row, ...]:
        """Return the rows of the given splits, in file order."""
        return tuple(row for row in self.rows if row.split in splits)


def read_demos_spec(document: Document, project: Project) -> DemosSpec:
    """Return the spec in ``document``. Raises ``SpecError``."""
    fields.known_keys(document, _SPEC_KEYS)
    name = fields.unit_name(document)
    blocks, off = fields.gate_blocks(document, GATES)
    schemas = {key: fields.schema(document, key) for key in ("input", "output")}
    if len(schemas["output"].data.get("properties", {})) != 1:
        raise SpecError(
            where=document.place("output"),
            found="an output of several values, or of none",
            expected="one property, which is compared",
        )
    golden = beside(document, project, "golden", fields.text(document, "golden"))
    traces, data = _traces(document, project, name)
    demos = block(document, "demos", ("keep", "most", "embedder"))
    at = document.at("demos")
    return DemosSpec(
        name=name,
        path=document.path,
        **schemas,
        rows=read_golden(
            read_beside(document, project, "golden", golden),
            golden,
            input=schemas["input"],
            output=schemas["output"],
            shares=fields.shares(document, blocks),
        ),
        cascade=_cascade(document, schemas["input"], _embedder(document, demos)),
        traces=read_traces(data, traces),
        traces_path=traces,
        traces_digest=digest(data),
        keep=reading.above_zero(demos, "keep", 1.0, at),
        most=reading.whole(demos, "most", 500, at, least=1, most=10_000),
        prices=_prices(document),
        bounds=_bounds(document, blocks),
        folder=project.recordings_of(document.path) / f"{name}.answers",
        off=off,
        timeout_s=float(fields.whole(document, "timeout", _TIMEOUT_S, most=86_400) or _TIMEOUT_S),
        settings=document.data.get("gates", {}),
    )


def _traces(document: Document, project: Project, name: str) -> tuple[str, bytes]:
    """Return the path and bytes of the trajectories; recorded ones may not be there yet."""
    written = fields.optional_text(document, "traces")
    if written is not None:
        path = beside(document, project, "traces", written)
        return path, read_beside(document, project, "traces", path)
    file = project.recordings_of(document.path) / f"{name}.traces.jsonl"
    root = project.root
    path = (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
    return path, read_regular(file, cap=FILE_CAP) if file.exists() else b""


def _cascade(document: Document, given: Schema, embedder: Any) -> Cascade:
    retrieve = block(document, "retrieve", ("keys", "k", "window"))
    cascade = block(
        document, "cascade", ("samples", "agree", "early_stop", "temperature", "max_tokens")
    )
    at = document.at("cascade")
    samples = reading.whole(cascade, "samples", 3, at, least=1, most=32)
    agree = reading.whole(cascade, "agree", samples, at, least=1, most=samples)
    if 2 * agree <= samples:
        raise SpecError(
            where=at("agree"),
            found=f"{agree} of {samples}, so that two answers could both agree",
            expected="more than half of the samples",
        )
    early = cascade.get("early_stop", True)
    if not isinstance(early, bool):
        raise SpecError(where=at("early_stop"), found=repr(early)[:80], expected="true or false")
    return Cascade(
        teacher=fields.text(document, "teacher"),
        student=fields.text(document, "student"),
        description=fields.text(document, "description").strip(),
        keys=_keys(document, retrieve, given),
        k=reading.whole(retrieve, "k", 3, document.at("retrieve"), least=1, most=100),
        window=reading.whole(retrieve, "window", 5, document.at("retrieve"), least=1, most=100),
        samples=samples,
        agree=agree,
        early_stop=early,
        temperature=reading.above_zero(cascade, "temperature", 0.7, at),
        max_tokens=reading.whole(cascade, "max_tokens", 500, at, least=1, most=100_000),
        embedder=embedder,
    )


def _keys(document: Document, retrieve: Mapping[str, Any], given: Schema) -> tuple[str, ...]:
    keys = retrieve.get("keys", ["goal"])
    known = [key for key in KEYS if key in given.data.get("properties", {})]
    if not isinstance(keys, list) or not keys or len(set(map(str, keys))) != len(keys):
        known = []
    if any(key not in known for key in keys) or not known:
        raise SpecError(
            where=document.place("retrieve", "keys"),
            found=f"keys: {keys!r}"[:100],
            expected=f"a list of {', '.join(KEYS)}, each once and a property of `input`",
        )
    return tuple(keys)


def _embedder(document: Document, demos: Mapping[str, Any]) -> Any:
    value = demos.get("embedder", HASHED)
    if value == HASHED:
        return HASHED
    good = isinstance(value, Mapping) and set(value) == {"package", "sha256"}
    if not good or not str(value["package"]).isidentifier() or not _is_sha256(value["sha256"]):
        raise SpecError(
            where=document.place("demos", "embedder"),
            found=repr(value)[:80],
            expected="hashed, or {package, sha256} of an installed encoder's model.safetensors",
        )
    return {"package": value["package"], "sha256": value["sha256"]}


def _is_sha256(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) == _SHA256
        and not set(value) - set("0123456789abcdef")
    )


def _prices(document: Document) -> dict[str, tuple[float, float]]:
    prices = block(document, "prices", ("teacher", "student"))
    found = {}
    for role in prices:
        at = document.at("prices", role)
        if not isinstance(prices[role], Mapping):
            raise SpecError(where=at(), found=repr(prices[role])[:80], expected="`in` and `out`")
        reading.known_keys(prices[role], ("in", "out"), at)
        found[role] = (
            reading.from_zero(prices[role], "in", at),
            reading.from_zero(prices[role], "out", at),
        )
    return found


def _bounds(document: Document, blocks: Mapping[str, Mapping[str, Any]]) -> Bounds:
    known = {"latency": ("p95_seconds",), "cost": ("escalation", "ratio", "calls")}
    known |= dict.fromkeys(("security", "syntax", "execution"), ())
    known["accuracy"] = ("margin", "confidence", "split")
    for gate, keys in known.items():
        reading.known_keys(blocks.get(gate, {}), keys, document.at("gates", gate))
    accuracy, latency, cost = (blocks.get(gate, {}) for gate in ("accuracy", "latency", "cost"))
    at = {gate: document.at("gates", gate) for gate in GATES}
    return Bounds(
        margin=reading.share(accuracy, "margin", 0.05, at["accuracy"]),
        confidence=reading.confidence(accuracy, 0.95, at["accuracy"]) or 0.95,
        p95_seconds=optional(latency, "p95_seconds", at["latency"]),
        escalation=reading.share(cost, "escalation", 0.5, at["cost"]),
        ratio=reading.above_zero(cost, "ratio", 1.0, at["cost"]),
        calls=optional(cost, "calls", at["cost"]),
    )


def optional(given: Mapping[str, Any], key: str, at: reading.At) -> float | None:
    """Return the number above zero at ``key``; None where the key is missing."""
    return reading.above_zero(given, key, 1.0, at) if key in given else None


def block(document: Document, key: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the mapping at ``key``, empty where it is missing. Raises ``SpecError``."""
    value = fields.mapping(document, key)
    reading.known_keys(value, keys, document.at(key))
    return value
