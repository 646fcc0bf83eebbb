"""What a spec of kind `dialogue` says, read and checked; nothing heavy is imported for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core import fields
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.reading import read_graph
from pytest_compiledai.gates import settings as reading

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

GATES: Final = ("security", "syntax", "execution", "accuracy", "latency", "fuzz", "cost")
TARGETS: Final = ("machine", "weights")
KEYS: Final = (
    *("compiledai", "kind", "name", "description", "target"),
    *("start", "slots", "intents", "nodes", "anywhere"),
    *("weights", "encoder", "gates", "timeout"),
)
_MEMORY_MB: Final = 256.0
_MEMORY_WITH_TORCH_MB: Final = 1_024.0  # torch alone takes some 480
_COLD_MS: Final = 5_000.0
_COLD_WITH_TORCH_MS: Final = 15_000.0  # importing torch takes 2 to 5 CPU seconds
DEFAULT_TIMEOUT_S: Final = 600
_TRAINING_TIMEOUT_S: Final = 3600  # minutes of training on a core that is shared
_SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyBounds:
    """How much has to be right on wording and conversations that nothing was made from."""

    right: float  # share of answered turns with known wording inside carriers that are held out
    coverage: float  # share of those turns that are answered
    wording: float  # share right of answered turns whose wording is held out
    wording_coverage: float
    wording_all: float  # share right of all turns whose wording is held out, sure or not
    slots: float  # share of slot values that come out exactly
    confidence: float  # of the intervals
    repeats: int  # k of pass^k


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyBounds:
    """How long turns may take."""

    p50_ms: float
    p99_ms: float
    cold_ms: float  # loading and the first turn
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzBounds:
    """How long the adversarial user tries."""

    conversations: int
    steps: int  # most turns of one


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBounds:
    """What a conversation costs otherwise, and how soon compiling has to pay.

    Tokens of a turn are estimated from the spec itself; prices are USD for a million tokens.
    """

    usd_in: float
    usd_out: float
    authoring_usd: float  # the one-off cost of writing and reviewing the spec
    fixed_usd: float  # a month, of serving the artifact
    volume: float  # conversations a month
    recompiles: float  # a month
    recompile_usd: float
    breakeven: float | None  # most conversations until it pays; None: no bound
    ratio: float  # least ratio of the cheaper baseline's cost to the artifact's


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueSpec:
    """A spec of kind `dialogue`."""

    name: str
    description: str
    path: str  # POSIX, relative to the root
    root: Path  # absolute
    target: str  # one of TARGETS
    flow: Flow
    graph: Mapping[str, Any]  # the graph's keys as written
    weights: Mapping[str, Any]  # what target `weights` is told, as written
    encoder: Mapping[str, str] | None  # package and sha256 of what target `machine` encodes with
    accuracy: AccuracyBounds
    latency: LatencyBounds
    fuzz: FuzzBounds
    cost: CostBounds
    off: tuple[str, ...]
    timeout_s: float
    settings: Mapping[str, Any]  # the `gates:` block as written


def read_dialogue_spec(document: Document, project: Project) -> DialogueSpec:
    """Return the spec in ``document``. Raises ``SpecError``."""
    fields.known_keys(document, KEYS)
    name = fields.unit_name(document)
    blocks, off = fields.gate_blocks(document, GATES)
    for gate in ("security", "syntax", "execution"):
        reading.known_keys(blocks.get(gate, {}), (), document.at("gates", gate))
    target = fields.choice(document, "target", TARGETS, "machine")
    weights = document.data.get("weights", {})
    if not isinstance(weights, Mapping) or ("weights" in document.data and target != "weights"):
        raise SpecError(
            where=document.place("weights"),
            found=f"weights: {weights!r}"[:100],
            expected="a mapping, with `target: weights` only",
        )
    encoder = _encoder(document, target)
    torch = target == "weights" or bool(encoder)
    patience = _TRAINING_TIMEOUT_S if target == "weights" else DEFAULT_TIMEOUT_S
    return DialogueSpec(
        name=name,
        description=fields.text(document, "description").strip(),
        path=document.path,
        root=project.root,
        target=target,
        flow=read_graph(document),
        graph={
            key: document.data.get(key)
            for key in ("start", "slots", "intents", "nodes", "anywhere")
        },
        weights=weights,
        encoder=encoder,
        accuracy=_accuracy(document, blocks.get("accuracy", {}), encoder=bool(encoder)),
        latency=_latency(document, blocks.get("latency", {}), torch=torch),
        fuzz=_fuzz(document, blocks.get("fuzz", {})),
        cost=_cost(document, blocks.get("cost", {})),
        off=off,
        timeout_s=float(fields.whole(document, "timeout", patience, most=86_400) or patience),
        settings=document.data.get("gates", {}),
    )


def _encoder(document: Document, target: str) -> Mapping[str, str] | None:
    value = document.data.get("encoder")
    if value is None:
        return None
    sound = isinstance(value, Mapping) and sorted(value) == ["package", "sha256"]
    texts = [str(value["package"]), str(value["sha256"])] if sound else ["", ""]
    if target != "machine" or not texts[0].isidentifier() or not _SHA256.fullmatch(texts[1]):
        raise SpecError(
            where=document.place("encoder"),
            found=f"encoder: {value!r}"[:100],
            expected="the `package` and the `sha256` of its weights, with `target: machine` only",
        )
    return {"package": texts[0], "sha256": texts[1]}


def _accuracy(document: Document, block: Mapping[str, Any], *, encoder: bool) -> AccuracyBounds:
    at = document.at("gates", "accuracy")
    shares = {
        "right": 0.99,
        "coverage": 0.7,
        "wording": 0.9,
        # Words that no example has: an encoder knows many of them, a linear model abstains.
        "wording_coverage": 0.5 if encoder else 0.15,
        "slots": 0.99,
    }
    if encoder:
        shares["wording_all"] = 0.8
    reading.known_keys(block, (*shares, "confidence", "repeats"), at)
    return AccuracyBounds(
        **{"wording_all": 0.0}
        | {key: reading.share(block, key, default, at) for key, default in shares.items()},
        confidence=reading.confidence(block, 0.95, at) or 0.95,
        repeats=reading.whole(block, "repeats", 4, at, least=1, most=32),
    )


def _latency(document: Document, block: Mapping[str, Any], *, torch: bool) -> LatencyBounds:
    at = document.at("gates", "latency")
    cold_ms, memory_mb = (
        (_COLD_WITH_TORCH_MS, _MEMORY_WITH_TORCH_MB) if torch else (_COLD_MS, _MEMORY_MB)
    )
    most = {"p50_ms": 10.0, "p99_ms": 50.0, "cold_ms": cold_ms, "memory_mb": memory_mb}
    reading.known_keys(block, tuple(most), at)
    return LatencyBounds(
        **{key: reading.above_zero(block, key, default, at) for key, default in most.items()}
    )


def _fuzz(document: Document, block: Mapping[str, Any]) -> FuzzBounds:
    at = document.at("gates", "fuzz")
    reading.known_keys(block, ("conversations", "steps"), at)
    return FuzzBounds(
        conversations=reading.whole(block, "conversations", 25, at, least=5, most=10_000),
        steps=reading.whole(block, "steps", 30, at, least=5, most=500),
    )


def _cost(document: Document, block: Mapping[str, Any]) -> CostBounds:
    at = document.at("gates", "cost")
    amounts = ("authoring_usd", "fixed_usd", "recompiles", "recompile_usd")
    known = ("usd_in", "usd_out", *amounts, "volume", "breakeven", "ratio")
    reading.known_keys(block, known, at)
    return CostBounds(
        usd_in=reading.above_zero(block, "usd_in", 3.0, at),
        usd_out=reading.above_zero(block, "usd_out", 15.0, at),
        **{key: reading.from_zero(block, key, at) for key in amounts},
        volume=reading.above_zero(block, "volume", 10_000.0, at),
        breakeven=reading.above_zero(block, "breakeven", 1.0, at) if "breakeven" in block else None,
        ratio=reading.above_zero(block, "ratio", 1.0, at),
    )
