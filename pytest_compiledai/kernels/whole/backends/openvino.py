"""OpenVINO on the same ONNX file, in full precision."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from functools import cache
from typing import Any
from typing import Final

from pytest_compiledai.kernels.whole.backends import Run
from pytest_compiledai.kernels.whole.backends import Unsupported
from pytest_compiledai.kernels.whole.backends import reason
from pytest_compiledai.kernels.whole.backends.exporting import exported

_OPTIONS: Final = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}


class OpenVino:
    """One thread, one request."""

    name = "openvino"
    packages: Sequence[str] = ("torch", "onnx", "onnxscript", "openvino")

    @property
    def arithmetic(self) -> str:
        """The model's own precision; OpenVINO's default may compute in less."""
        return "f32"

    def export(self, model: Any, example: Sequence[Any], axes: Mapping[str, Any]) -> bytes:
        """Return the ONNX file. Raises ``Unsupported``."""
        return exported(model, example, axes)

    def load(self, model: Any, data: bytes) -> Run:
        """Return what runs the ONNX file. Raises ``Unsupported``."""
        del model
        core = _core()
        options = {**_OPTIONS, "INFERENCE_PRECISION_HINT": self.arithmetic}
        try:
            request = core.compile_model(core.read_model(data, b""), "CPU", options)
        except Exception as error:  # its errors share no base
            raise Unsupported(reason(error)) from error
        infer = request.create_infer_request()

        def run(arrays: Sequence[Any]) -> list[Any]:
            # A result's memory belongs to the request and is written again by the next call.
            return [value.copy() for value in infer.infer(list(arrays)).values()]

        return run


@cache
def _core() -> Any:
    """Return this process's one core.

    Where the processor has AMX, a core gives its thread another stack for signals and takes it
    away at its end (OpenVINO 2026.4). Of two cores that end in the order they were made in, the
    second leaves the stack of the first, which is gone: the next signal with a Python handler
    ends the process, be it Ctrl-C.
    """
    import openvino

    return openvino.Core()


BACKEND: Final = OpenVino()
