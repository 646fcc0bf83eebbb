"""What a spec of a whole model says, read and checked; nothing heavy is imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core import fields
from pytest_compiledai.core.beside import beside
from pytest_compiledai.core.beside import read_beside
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.core.unit import single_unit
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.kernels.whole.dataset import Row
from pytest_compiledai.kernels.whole.dataset import read_rows
from pytest_compiledai.kernels.whole.source import Source
from pytest_compiledai.kernels.whole.source import read_source
from pytest_compiledai.kernels.whole.tensor import DTYPES
from pytest_compiledai.kernels.whole.tensor import Axes
from pytest_compiledai.kernels.whole.tensor import Input

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

KEYS: Final = (
    *("compiledai", "kind", "name", "description", "dataset", "model", "inputs", "axes"),
    *("targets", "frameworks", "gates", "timeout"),
)
FRAMEWORKS: Final = ("eager", "compile", "onnxruntime", "openvino")
#: Tried where a spec names them: they may compute in less than the model's own precision.
_LESS_PRECISE: Final = ("openvino_bf16",)
#: Of the gates; a new one makes entries stale.
VERSIONS: Final = dict.fromkeys(GATES, 1)
DEFAULT_TIMEOUT_S: Final = 1800
DEFAULT_PAYBACK_DAYS: Final = 30
_FIRST_FRAMEWORK = "eager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the gates allow."""

    cosine: float  # least, of each row
    max_error: float  # largest absolute difference
    p50_ms: float | None  # of the chosen back end on the dataset's rows
    examples: int  # of the fuzz gate
    payback_days: int  # over which a break-even is told in predictions a day


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSpec:
    """A whole model to compile."""

    form = "whole"
    name: str
    path: str  # of the spec, POSIX, relative to the root
    root: Path
    source: Source
    rows: tuple[Row, ...]
    inputs: tuple[Input, ...]
    axes: Axes
    frameworks: tuple[str, ...]
    bounds: Bounds
    measured_file: Path  # the recording on which the choice rests
    off: tuple[str, ...]
    settings: Mapping[str, Any]  # the `gates:` block as written
    timeout_s: float  # wall clock of the unit's loop

    def rows_in(self, *splits: Split) -> tuple[Row, ...]:
        """Return the rows of the given splits."""
        return tuple(row for row in self.rows if row.split in splits)


def read_units(document: Document, project: Project) -> tuple[Unit, ...]:
    """Return the one unit of a spec. Raises ``SpecError``."""
    spec = _read(document, project)
    return (
        single_unit(
            spec,
            kind="model",
            place=document.place(),
            versions=VERSIONS,
            source=_source_digest(spec, document),
            evidence=digest_of(
                {
                    "rows": [[row.id, row.value, row.split.value] for row in spec.rows],
                    "settings": spec.settings,
                    "versions": VERSIONS,
                }
            ),
        ),
    )


def _source_digest(spec: WholeSpec, document: Document) -> str:
    """Return the digest of what a search is made from: architecture and shapes, no weights."""
    architecture = spec.source.builder
    if spec.source.folder is not None:
        architecture = spec.source.folder / "config.json"
    assert architecture is not None
    try:
        told = digest(architecture.read_bytes())
    except OSError as error:
        raise SpecError(
            where=document.place("model"),
            found=f"{architecture.name}: {error.strerror}",
            expected="a file that can be read",
        ) from error
    return digest_of(
        {
            "name": spec.name,
            "architecture": told,
            "source": [spec.source.kind, spec.source.named, spec.source.function],
            "pool": spec.source.pool,
            "inputs": [[*each.as_json().values(), each.low, each.high] for each in spec.inputs],
            "axes": {name: list(sizes) for name, sizes in spec.axes.sizes.items()},
            "frameworks": list(spec.frameworks),
        }
    )


def _read(document: Document, project: Project) -> WholeSpec:
    fields.known_keys(document, KEYS)
    name = fields.unit_name(document)
    fields.text(document, "description")
    targets = document.data.get("targets", ["cpu"])
    if targets != ["cpu"]:
        raise SpecError(
            where=document.place("targets"),
            found=repr(targets)[:80],
            expected="[cpu]: whole models are measured where they are compiled",
        )
    blocks, off = fields.gate_blocks(document, GATES)
    axes = _axes(document)
    shares = fields.shares(document, blocks)
    dataset = beside(document, project, "dataset", fields.text(document, "dataset"))
    data = read_beside(document, project, "dataset", dataset)
    return WholeSpec(
        name=name,
        path=document.path,
        root=project.root,
        source=read_source(document, project),
        rows=read_rows(data, dataset, shares),
        inputs=_inputs(document, axes),
        axes=axes,
        frameworks=_frameworks(document),
        bounds=_bounds(document, blocks),
        measured_file=project.recordings_of(document.path) / f"{name}.measured.json",
        off=off,
        settings=document.data.get("gates", {}),
        timeout_s=float(
            fields.whole(document, "timeout", DEFAULT_TIMEOUT_S, most=86_400) or DEFAULT_TIMEOUT_S
        ),
    )


def _axes(document: Document) -> Axes:
    block = document.data.get("axes", {})
    at = document.at("axes")
    expected = "named axes, each with the least and the most it may be: {batch: [1, 8]}"
    if not isinstance(block, Mapping):
        raise SpecError(where=at(), found=repr(block)[:80], expected=expected)
    found = {}
    for name, sizes in block.items():
        good = (
            isinstance(sizes, list)
            and len(sizes) == 2  # noqa: PLR2004 - least and most
            and all(type(size) is int for size in sizes)
            and 1 <= sizes[0] <= sizes[1] <= 1 << 20
        )
        if not good:
            raise SpecError(where=at(name), found=repr(sizes)[:80], expected=expected)
        found[str(name)] = (sizes[0], sizes[1])
    return Axes(sizes=found)


def _inputs(document: Document, axes: Axes) -> tuple[Input, ...]:
    block = document.data.get("inputs")
    at = document.at("inputs")
    if not isinstance(block, Mapping) or not block:
        raise SpecError(
            where=at(),
            found=repr(block)[:80],
            expected="inputs by name: {x: {dtype: float32, shape: [batch, 16]}}",
        )
    return tuple(_input(str(name), value, axes, at) for name, value in block.items())


def _input(name: str, block: Any, axes: Axes, at: reading.At) -> Input:
    if not isinstance(block, Mapping) or not name.isidentifier():
        raise SpecError(where=at(name), found=repr(block)[:80], expected="dtype, shape, range")
    reading.known_keys(block, ("dtype", "shape", "range"), lambda *keys: at(name, *keys))
    dtype, shape = block.get("dtype"), block.get("shape")
    if dtype not in DTYPES:
        raise SpecError(where=at(name, "dtype"), found=repr(dtype)[:80], expected=", ".join(DTYPES))
    if not isinstance(shape, list) or not all(_is_axis(axis, axes) for axis in shape):
        raise SpecError(
            where=at(name, "shape"),
            found=repr(shape)[:80],
            expected="a list of whole numbers and names of `axes`",
        )
    low, high = _range(block.get("range"), dtype, lambda *keys: at(name, "range", *keys))
    return Input(name=name, dtype=dtype, shape=tuple(shape), low=low, high=high)


def _is_axis(axis: Any, axes: Axes) -> bool:
    if isinstance(axis, str):
        return axis in axes.sizes
    return type(axis) is int and 1 <= axis <= 1 << 20


def _range(value: Any, dtype: str, at: reading.At) -> tuple[float, float]:
    if value is None and dtype.startswith("float"):
        return -1e4, 1e4
    good = (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - lowest and highest
        and all(type(end) in (int, float) for end in value)
        and value[0] <= value[1]
    )
    if not good:
        raise SpecError(
            where=at(), found=repr(value)[:80], expected="range: [lowest, highest] of its values"
        )
    return float(value[0]), float(value[1])


def _frameworks(document: Document) -> tuple[str, ...]:
    named = document.data.get("frameworks", list(FRAMEWORKS))
    if not isinstance(named, list) or not named or len(set(map(str, named))) != len(named):
        raise SpecError(
            where=document.place("frameworks"), found=repr(named)[:80], expected="a list of names"
        )
    for name in named:
        # What is not built in is looked up among entry points when it is tried.
        if not isinstance(name, str) or not name.isidentifier():
            known = ", ".join((*FRAMEWORKS, *_LESS_PRECISE))
            raise SpecError(
                where=document.place("frameworks"),
                found=repr(name)[:80],
                expected=f"some of {known}, or an installed back end's name",
            )
    # The framework's own path is the reference and the fallback, so it is always there.
    return tuple(dict.fromkeys([_FIRST_FRAMEWORK, *named]))


def _bounds(document: Document, blocks: Mapping[str, Mapping[str, Any]]) -> Bounds:
    known: Mapping[str, Sequence[str]] = {
        "security": (),
        "syntax": (),
        "execution": (),
        "accuracy": ("cosine", "max_error", "split"),
        "latency": ("p50_ms", "payback_days"),
        "fuzz": ("examples",),
    }
    for gate, keys in known.items():
        reading.known_keys(blocks.get(gate, {}), keys, document.at("gates", gate))
    accuracy, latency, fuzz = (blocks.get(g, {}) for g in ("accuracy", "latency", "fuzz"))
    at = {gate: document.at("gates", gate) for gate in known}
    return Bounds(
        cosine=reading.share(accuracy, "cosine", 0.9999, at["accuracy"]),
        max_error=reading.above_zero(accuracy, "max_error", 1e-3, at["accuracy"]),
        p50_ms=reading.above_zero(latency, "p50_ms", 1.0, at["latency"])
        if "p50_ms" in latency
        else None,
        examples=reading.whole(fuzz, "examples", 20, at["fuzz"], least=2, most=10_000),
        payback_days=reading.whole(
            latency, "payback_days", DEFAULT_PAYBACK_DAYS, at["latency"], least=1, most=3650
        ),
    )
