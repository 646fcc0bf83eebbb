"""What each gate asks of a whole model; the model itself is run by the worker."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.tensorfile import BadTensors
from pytest_compiledai.core.tensorfile import header_of
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of
from pytest_compiledai.kernels.whole import artifact
from pytest_compiledai.kernels.whole import measured
from pytest_compiledai.kernels.whole.dataset import spread
from pytest_compiledai.kernels.whole.tensor import drawn_inputs
from pytest_compiledai.kernels.whole.working import exported
from pytest_compiledai.kernels.whole.working import rows_of
from pytest_compiledai.kernels.whole.working import work

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.whole.dataset import Row
    from pytest_compiledai.kernels.whole.spec import WholeSpec

Found = tuple[str, str]  # rule, message
_TIMED: Final = 8  # rows on which latency is measured
_CODE_KEYS: Final = ("auto_map", "custom_pipelines", "trust_remote_code")


def judge(gate: str, unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> Verdict:
    """Return the verdict of one gate; what goes wrong in asking is a finding."""
    figures: dict[str, Any] = {}
    found = found_by(Judging(unit, candidate, phase, bench).questions[gate], figures)
    return verdict_of(gate, found, figures, unit.body.path)


class Judging:
    """One candidate before one gate."""

    def __init__(self, unit: Unit, candidate: Candidate, phase: Phase, bench: Bench) -> None:
        self.unit = unit
        self.spec: WholeSpec = unit.body
        self.candidate = candidate
        self.phase = phase
        self.bench = bench
        self.questions: Mapping[str, Callable[[dict[str, Any]], Iterator[Found]]] = {
            "security": self._security,
            "syntax": self._syntax,
            "execution": self._execution,
            "accuracy": self._accuracy,
            "latency": self._latency,
            "fuzz": self._fuzz,
        }

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The artifact's manifest. Raises ``ValueError``."""
        return artifact.manifest_of(self.candidate.files, self.spec.name)

    def _security(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for formats that execute, code that comes along, and files other than declared."""
        source = self.spec.source
        for name in artifact.pickles(source):
            yield "pickle", f"{name}: found a format that may run code; expected *.safetensors"
        if source.folder is not None:
            yield from _configured(source.folder)
            for path in sorted(source.folder.glob("*.safetensors")):
                try:
                    header_of(path)
                except BadTensors as fault:
                    yield "safetensors", f"{path.name}: {fault}"
        data = self.candidate.files.get(f"{self.spec.name}/{artifact.ONNX}")
        form = self.manifest["form"]
        if data is not None:
            if digest(data) != form["sha256"] or len(data) != form["bytes"]:
                yield "digest", "model.onnx: found other bytes than the manifest names"
            yield from _graph_faults(data)
        figures["files"] = len(self.candidate.files)

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the artifact is one of this spec and these weights."""
        spec, value = self.spec, self.manifest
        expected = {
            "name": spec.name,
            "source": artifact.named(spec.source),
            "weights": artifact.weights(spec.source),
            "inputs": [each.as_json() for each in spec.inputs],
            "axes": {name: list(sizes) for name, sizes in spec.axes.sizes.items()},
        }
        for key, wanted in expected.items():
            if digest_of(value[key]) != digest_of(wanted):
                yield "other", f"{key}: found other than the spec's; expected what it says now"
        if value["back_end"] not in spec.frameworks:
            yield "back-end", f"found {value['back_end']!r}; expected one of {spec.frameworks}"
        figures["back_end"] = value["back_end"]
        found = measured.read(spec, self.unit.source)
        if found is not None:
            tried = measured.told(found, spec.bounds)
            figures |= {f"tried_{name}": line for name, line in tried.items()}
            figures |= _payback(found, value["back_end"], spec.bounds.payback_days)

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether every row is answered, twice with the same bytes, with no network."""
        rows = self._rows()
        for row, figure in zip(rows, self._compared(rows), strict=True):
            if "failed" in figure:
                yield "raised", f"{row.place}: found {figure['failed']}; expected an output"
            elif not figure["same"]:
                yield "unstable", f"{row.place}: found other bytes at the second call"
        figures["rows"] = len(rows)

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether outputs match the original's, row by row."""
        rows = self._rows()
        compared = self._compared(rows)
        leads = [str(row.place) for row in rows]
        yield from self._mismatches(leads, compared)
        figures |= _worst(compared)
        figures["rows"] = len(rows)

    def _latency(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether it is as fast as the framework's own path, and within the budget."""
        rows = spread(self._rows(), _TIMED)
        with self.bench.exclusive():
            found = self._work("time", rows=rows_of(rows))
        own, eager = found["frozen"], found["eager"]
        low, middle, high = own["ratio"]
        figures |= {
            "p50_ms": own["p50_ms"],
            "eager_p50_ms": eager["p50_ms"],
            "ratio": middle,
            "ratio_low": low,
            "ratio_high": high,
        }
        if "arithmetic" in own:
            figures["arithmetic"] = own["arithmetic"]
        if self.manifest["back_end"] != "eager" and high < 1.0:
            yield (
                "slower",
                f"found {middle:.2f} x eager's speed [{low:.2f}, {high:.2f}]; expected no less",
            )
        budget = self.spec.bounds.p50_ms
        if budget is not None and own["p50_ms"] > budget:
            yield "budget", f"found p50 {own['p50_ms']:.3f} ms; expected at most {budget:g} ms"

    def _fuzz(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for every declared shape and value range: least, most, and drawn in between."""
        spec = self.spec
        count = spec.bounds.examples
        seed = int(self.unit.source[:8], 16)
        drawn = list(drawn_inputs(spec.inputs, spec.axes, count=count, seed=seed))
        compared = self._work("compare", rows=[{"inputs": each} for each in drawn])
        leads = [f"example {n} ({_shapes(each)})" for n, each in enumerate(drawn)]
        for lead, figure in zip(leads, compared, strict=True):
            if "failed" in figure:
                yield "raised", f"{lead}: found {figure['failed']}; expected an output"
            elif not figure["same"]:
                yield "unstable", f"{lead}: found other bytes at the second call"
        yield from self._mismatches(leads, compared)
        figures |= _worst(compared)
        figures["examples"] = count

    def _rows(self) -> Sequence[Row]:
        splits = [Split.TRAIN, Split.VALIDATION]
        return self.spec.rows_in(*splits, *([Split.TEST] if self.phase is Phase.ACCEPT else []))

    def _compared(self, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
        """Return the comparison of rows; execution and accuracy of one process share it."""
        key = digest_of([self.candidate.address, self.unit.evidence, [row.id for row in rows]])
        if key not in _SHARED:
            _SHARED.clear()
            _SHARED[key] = self._work("compare", rows=rows_of(rows))
        return _SHARED[key]

    def _work(self, op: str, **rest: Any) -> Any:
        """Return what the worker says of the artifact; a form too large to freeze is made again."""
        spec, form, timeout_s = self.spec, self.manifest["form"], self.unit.timeout_s
        back_end = self.manifest["back_end"]
        data = self.candidate.files.get(f"{spec.name}/{artifact.ONNX}", b"")
        if form is not None and not form["inline"]:
            data = exported(spec, back_end, form["sha256"], timeout_s=timeout_s)
        with tempfile.TemporaryDirectory(prefix="compiledai-model-") as name:
            file = Path(name) / "model"
            file.write_bytes(data)
            return work(spec, op, timeout_s=timeout_s, framework=back_end, file=str(file), **rest)

    def _mismatches(
        self, leads: Sequence[str], compared: Sequence[Mapping[str, Any]]
    ) -> Iterator[Found]:
        bounds = self.spec.bounds
        for lead, figure in zip(leads, compared, strict=True):
            if "wrong" in figure:
                yield "output", f"{lead}: found {figure['wrong']}"
            elif "cosine" in figure:
                if not figure["cosine"] >= bounds.cosine:
                    found = f"cosine {figure['cosine']:.6f}; expected {bounds.cosine} or more"
                    yield "cosine", f"{lead}: found {found}"
                if not figure["max_error"] <= bounds.max_error:
                    found = f"{figure['max_error']:.3g} off; expected at most {bounds.max_error:g}"
                    yield "error", f"{lead}: found {found}"


def _payback(found: measured.Measured, back_end: str, days: int) -> dict[str, Any]:
    calls = measured.break_even(found, back_end)
    told = {"compile_s": measured.compile_s(found), "break_even_calls": calls}
    return told if calls is None else told | {"pays_after": measured.pays_after(calls, days)}


#: The last comparison of this process.
_SHARED: dict[str, list[Mapping[str, Any]]] = {}


def _worst(compared: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    told = [figure for figure in compared if "cosine" in figure]
    if not told:
        return {}
    return {
        "cosine": min(figure["cosine"] for figure in told),
        "max_error": max(figure["max_error"] for figure in told),
    }


def _configured(folder: Path) -> Iterator[Found]:
    """Yield configuration that would bring code along."""
    for path in sorted(folder.rglob("*.json")):
        try:
            value = json.loads(path.read_bytes())
        except ValueError:
            yield "config", f"{path.name}: found no JSON; expected what its name says"
            continue
        for key in _CODE_KEYS:
            if isinstance(value, dict) and value.get(key):
                yield "code", f"{path.name}: found `{key}`; expected a model without its own code"
    for path in sorted(folder.rglob("*.py")):
        yield "code", f"{path.name}: found Python beside the weights; expected data only"


def _graph_faults(data: bytes) -> Iterator[Found]:
    """Yield what an ONNX file may not hold: custom operators, data outside of it."""
    import onnx

    model = onnx.load_from_string(data)
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx", "pkg.onnxscript.torch_lib"):
            yield "operator", f"found operators of {opset.domain!r}; expected standard ones"
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield "external", f"{tensor.name}: found data outside the file; expected all inside"


def _shapes(inputs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shape(value)}" for name, value in inputs.items())


def _shape(value: Any) -> str:
    sizes = []
    while isinstance(value, list):
        sizes.append(str(len(value)))
        value = value[0] if value else None
    return "x".join(sizes) or "scalar"
