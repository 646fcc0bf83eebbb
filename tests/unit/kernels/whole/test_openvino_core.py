"""OpenVINO in a process that has handlers of signals: it goes on after a model is dropped."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("openvino", reason="the extra openvino is not installed")
pytest.importorskip("onnx", reason="the extra onnx is not installed")

DROPPED = """\
import faulthandler
import gc
import signal

from onnx import TensorProto, helper

from pytest_compiledai.kernels.whole.backends import backend

faulthandler.enable()
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "tiny", values[:1], values[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
first = backend("openvino").load(None, model.SerializeToString())
second = backend("openvino").load(None, model.SerializeToString())
del first
gc.collect()
del second
gc.collect()
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_after_two_models_were_dropped_is_handled() -> None:
    """With a core for each model the process ended at the next signal where it has AMX."""
    done = subprocess.run(
        [sys.executable, "-c", DROPPED], capture_output=True, text=True, check=False, timeout=120
    )

    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
