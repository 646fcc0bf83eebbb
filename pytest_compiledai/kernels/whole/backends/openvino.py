"""OpenVINO on the same ONNX file, in full precision."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
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
        import openvino

        core = openvino.Core()
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


BACKEND: Final = OpenVino()
