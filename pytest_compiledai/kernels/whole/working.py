"""Jobs for the worker: one process each, its result read back, a failure told."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.sandbox.offline import run_module

if TYPE_CHECKING:
    from pytest_compiledai.kernels.whole.spec import WholeSpec

_WORKER: Final = "pytest_compiledai.kernels.whole.worker"
_TOLD: Final = 400  # characters of what a failed worker said last


class WorkerError(ToolError):
    """The worker did not do its job."""


def work(spec: WholeSpec, op: str, *, timeout_s: float, **rest: Any) -> Any:
    """Return the result of one job. Raises ``WorkerError``."""
    with tempfile.TemporaryDirectory(prefix="compiledai-model-") as name:
        folder = Path(name)
        job = {"op": op, "result": str(folder / "result.json"), **_model(spec), **rest}
        try:
            # A user's own module is imported: nothing is written beside it.
            done = run_module(
                *(_WORKER, job, folder),
                timeout_s=timeout_s,
                env={"PYTHONDONTWRITEBYTECODE": "1"},
            )
        except ToolError as error:
            raise _failed(spec, op, error.found) from None
        try:
            return json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = (done.out + done.err).decode("utf-8", "replace").strip()[-_TOLD:]
            raise _failed(spec, op, f"exit status {done.code}: {said}") from None


def exported(spec: WholeSpec, back_end: str, wanted: str, *, timeout_s: float) -> bytes:
    """Return the model in a back end's form, made once a process for each digest.

    ``wanted`` is the SHA-256 it has to have, empty for any. Raises ``WorkerError``, also for other
    bytes than wanted: what is made again has to be what was judged.
    """
    if wanted not in _MADE:
        with tempfile.TemporaryDirectory(prefix="compiledai-model-") as name:
            file = Path(name) / "model"
            work(spec, "export", timeout_s=timeout_s, framework=back_end, file=str(file))
            data = file.read_bytes()
        _MADE.clear()  # such forms are large, and one unit is judged at a time
        _MADE[digest(data)] = data
        if wanted and wanted not in _MADE:
            raise _failed(spec, "export", f"a form with the digest {digest(data)[:12]}, not it")
        return data
    return _MADE[wanted]


#: The last form made by this process, by its digest.
_MADE: dict[str, bytes] = {}


def _model(spec: WholeSpec) -> dict[str, Any]:
    """Return what every job says of the model."""
    source = spec.source
    return {
        "source": {
            "kind": source.kind,
            "folder": str(source.folder),
            "builder": str(source.builder),
            "function": source.function,
            "pool": source.pool,
            "names": [each.name for each in spec.inputs],
        },
        "inputs": [each.as_json() | {"low": each.low} for each in spec.inputs],
        "axes": {name: list(sizes) for name, sizes in spec.axes.sizes.items()},
    }


def _failed(spec: WholeSpec, op: str, found: str) -> WorkerError:
    return WorkerError(
        where=spec.path,
        found=f"the model's process failed at `{op}`: {found}",
        expected="a model that loads and runs offline on this machine",
        next='pip install "pytest-compiledai[kernels,onnx,openvino]", then look at what it said',
    )


def rows_of(rows: Any) -> list[Mapping[str, Any]]:
    """Return the values of dataset rows."""
    return [row.value for row in rows]
