"""ONNX Runtime on the graph that torch's exporter writes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.kernels.whole.backends import Run
from pytest_compiledai.kernels.whole.backends import Unsupported
from pytest_compiledai.kernels.whole.backends import reason
from pytest_compiledai.kernels.whole.backends.exporting import exported


class OnnxRuntime:
    """One thread, the processor's own provider."""

    name = "onnxruntime"
    packages: Sequence[str] = ("torch", "onnx", "onnxscript", "onnxruntime")

    def export(self, model: Any, example: Sequence[Any], axes: Mapping[str, Any]) -> bytes:
        """Return the ONNX file. Raises ``Unsupported``."""
        return exported(model, example, axes)

    def load(self, model: Any, data: bytes) -> Run:
        """Return what runs the ONNX file. Raises ``Unsupported``."""
        del model
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no base
            raise Unsupported(reason(error)) from error
        names = [each.name for each in session.get_inputs()]

        def run(arrays: Sequence[Any]) -> list[Any]:
            found: list[Any] = session.run(None, dict(zip(names, arrays, strict=True)))
            return found

        return run


BACKEND: Final = OnnxRuntime()
