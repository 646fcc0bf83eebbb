"""Jobs for the worker: one process each, its result read back, a failure told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ToolError

if TYPE_CHECKING:
    from pytest_compiledai.kernels.whole.spec import WholeSpec

_PASSED_ON: Final = ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "VIRTUAL_ENV")
_TOLD: Final = 400  # characters of what a failed worker said last


class WorkerError(ToolError):
    """The worker did not do its job."""


def work(spec: WholeSpec, op: str, *, timeout_s: float, **rest: Any) -> Any:
    """Return the result of one job. Raises ``WorkerError``."""
    with tempfile.TemporaryDirectory(prefix="compiledai-model-") as name:
        folder = Path(name)
        job = {"op": op, "result": str(folder / "result.json"), **_model(spec), **rest}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        argv = [sys.executable, "-m", "pytest_compiledai.kernels.whole.worker"]
        try:
            done = subprocess.run(
                [*argv, str(folder / "job.json")],
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _failed(spec, op, f"nothing after {timeout_s:.0f} s") from None
        try:
            return json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = done.stdout.decode("utf-8", "replace").strip()[-_TOLD:]
            raise _failed(spec, op, f"exit status {done.returncode}: {said}") from None


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


def _environment(folder: Path) -> dict[str, str]:
    """Return a small environment: no key, no proxy, no hub, caches in the job's own folder."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed | {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
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
