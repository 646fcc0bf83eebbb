"""A linear model of a unit's train rows, and when it is sure enough by the validation rows."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.process import run
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.tensors import _tensors
from pytest_compiledai.functions.synth.parts.linear import decided
from pytest_compiledai.functions.synth.parts.linear import places
from pytest_compiledai.functions.synth.parts.linear import summed

if TYPE_CHECKING:
    from pytest_compiledai.functions.linear.declared import Declared
    from pytest_compiledai.functions.spec import FunctionSpec

#: Raised with every change that gives other bytes for the same rows.
VERSION = 1
TRAINING_S = 600
LEAST_ROWS = 2  # with the model's labels among them
_TRAINING = "pytest_compiledai.functions.linear.training"
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """A fitted model, in whole numbers."""

    declared: Declared
    data: bytes  # the file of tensors, as it is frozen
    rows: bytes
    biases: tuple[int, ...]
    cut: int  # an answer less sure is abstained from

    def answer(self, value: Mapping[str, Any]) -> Any:
        """Return the output for an input; None where the model is not sure."""
        found = self.decided(value)
        if found is None or found[1] < self.cut:
            return None
        return {self.declared.label: self.declared.labels[found[0]]}

    def decided(self, value: Mapping[str, Any]) -> tuple[int, float] | None:
        """Return the number of the best label and how sure it is; None where there is no text."""
        chosen = places([value.get(name) for name in self.declared.text])
        if not chosen:
            return None
        return decided(summed(self.rows, len(self.biases), chosen), len(chosen), self.biases)


def fitted(spec: FunctionSpec) -> Linear:
    """Return the model of a spec that declares one. Raises ``ModelError`` where none can be had.

    Weights come of the train rows; validation rows say how sure an answer has to be: as sure as can
    be asked with the spec's `coverage` still kept.
    """
    declared = spec.linear
    assert declared is not None
    numbers = {canonical_json(label): n for n, label in enumerate(declared.labels)}
    rows = [
        {
            "places": places([row.input.get(name) for name in declared.text]),
            "label": numbers[canonical_json(row.output[declared.label])],
        }
        for row in sorted(spec.answers_in(Split.TRAIN), key=lambda row: digest(row.key))
    ]
    if len({row["label"] for row in rows if row["places"]}) < LEAST_ROWS:
        raise _fault(spec, "train rows of one label", "rows of two labels or more")
    data = _trained(canonical_json({"labels": len(declared.labels), "rows": rows}))
    if isinstance(data, ToolError):
        raise _fault(spec, data.found, "the extra: pip install 'pytest-compiledai[linear]'")
    tensors = _tensors(data)
    bias = tensors["bias"]
    biases = [
        int.from_bytes(bias[at : at + 4], "little", signed=True) for at in range(0, len(bias), 4)
    ]
    model = Linear(
        declared=declared, data=data, rows=tensors["rows"], biases=tuple(biases), cut=-(2**40)
    )
    known = [model.decided(row.input) for row in spec.rows_in(Split.VALIDATION)]
    sure = [found[1] if found else -math.inf for found in known]
    return Linear(
        declared=declared,
        data=data,
        rows=model.rows,
        biases=model.biases,
        cut=cut_of(sure, spec.accuracy.coverage),
    )


def cut_of(sure: Sequence[float], coverage: float) -> int:
    """Return how sure an answer has to be so that, by these rows, `coverage` is surely kept.

    Surely: the lower end of the interval around the share that is answered reaches it.
    """
    ranked = sorted(sure, reverse=True)
    for count in range(1, len(ranked) + 1):
        if wilson(count, len(ranked)).low >= coverage and math.isfinite(ranked[count - 1]):
            return math.floor(ranked[count - 1])
    return -(2**40)


@cache
def _trained(rows: bytes) -> bytes | ToolError:
    """Return the file of tensors for the rows, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "rows.json", Path(folder) / "linear.safetensors"
        source.write_bytes(rows)
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        environment = kept | dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONHASHSEED": "0"}
        argv = [sys.executable, "-I", "-m", _TRAINING, str(source), str(target)]
        try:
            ran = run(argv, cwd=Path(folder), env=environment, timeout_s=TRAINING_S)
        except ToolError as error:
            return error
        if ran.code:
            last = ran.err.decode("utf-8", "replace").strip().split("\n")[-1]
            return ToolError(where=_TRAINING, found=last[:200], expected="a model")
        return target.read_bytes()


def _fault(spec: FunctionSpec, found: str, expected: str) -> ModelError:
    return ModelError(
        where=f"{spec.path}::{spec.name}",
        found=f"no linear model: {found}",
        expected=expected,
        next=f"pytest --compile {spec.path}::{spec.name}",
    )
