"""Back ends join by a hook; what one cannot take is named, and the framework's own path stays."""

from __future__ import annotations

import sys

import pytest

from pytest_compiledai.kernels.whole import measured
from pytest_compiledai.kernels.whole.backends import Unsupported
from pytest_compiledai.kernels.whole.backends import backend

JOINED = '''
class Mine:
    """Doubles what the module gives: fast, and wrong."""

    name = "mine"
    packages = ()

    def export(self, model, example, axes):
        return b""

    def load(self, model, data):
        import torch

        def run(arrays):
            with torch.no_grad():
                return [2 * model(*map(torch.from_numpy, arrays)).numpy() + 1]

        return run


BACKEND = Mine()
'''
#: A branch by the data, and an operator that no exporter has heard of.
ODD = """\
import torch


@torch.library.custom_op("compiledai_tests::twist", mutates_args=())
def twist(x: torch.Tensor) -> torch.Tensor:
    return x.flip(-1).clone()


@twist.register_fake
def _(x):
    return torch.empty_like(x)


class Branching(torch.nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x - 1


class Twisting(torch.nn.Module):
    def forward(self, x):
        return twist(x)


def branching():
    return Branching()


def twisting():
    return Twisting()
"""


@pytest.fixture
def joined(tmp_path, monkeypatch):
    """A back end of another distribution, as an installation leaves it."""
    folder = tmp_path / "site"
    (folder / "mine-1.0.dist-info").mkdir(parents=True)
    (folder / "mine-1.0.dist-info" / "METADATA").write_text("Name: mine\nVersion: 1.0\n")
    (folder / "mine-1.0.dist-info" / "entry_points.txt").write_text(
        "[pytest_compiledai.backends]\nmine = mine_backend:BACKEND\n"
    )
    (folder / "mine_backend.py").write_text(JOINED)
    monkeypatch.syspath_prepend(folder)
    yield
    sys.modules.pop("mine_backend", None)


def test_a_back_end_joins_by_an_entry_point(whole, joined):
    """A spec may name it, and it is found where it is installed; another name is told."""
    whole.spec = whole.spec.replace("[onnxruntime]", "[mine]")

    assert whole.unit().body.frameworks == ("eager", "mine")
    assert backend("mine").name == "mine"
    with pytest.raises(Unsupported, match="no back end called other is installed"):
        backend("other")


@pytest.mark.filterwarnings("ignore")  # of the exporter's own deprecations
def test_what_a_back_end_cannot_take_is_named_and_eager_stays(whole, joined, monkeypatch):
    """Control flow and an unknown operator each name themselves; a wrong answer is not chosen."""
    pytest.importorskip("torch", reason="the extra `kernels` is not installed")
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    from pytest_compiledai.kernels.whole import worker

    monkeypatch.setattr(worker, "_ROUND_S", 0.0)
    (whole.root / "specs" / "net.py").write_text(ODD, encoding="utf-8")
    told = {}
    for function, names in (
        ("branching", ["eager", "mine", "compile"]),
        ("twisting", ["eager", "onnxruntime"]),
    ):
        job = {
            "source": {
                "kind": "builder",
                "builder": str(whole.root / "specs" / "net.py"),
                "function": function,
            },
            "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 4], "low": 0}],
            "axes": {"batch": [1, 8]},
            "frameworks": names,
            "rows": [whole.rows[0]],
        }
        told |= worker.search(job)

    assert told["compile"]["refused"].startswith("control flow that breaks the graph: ")
    assert told["onnxruntime"]["refused"].startswith("the operator compiledai_tests.twist")
    assert told["mine"]["max_error"] > 0.5
    assert measured.chosen(told, whole.unit().body.bounds) == "eager"


def test_a_builder_that_gives_other_weights_each_time_fails(whole):
    """Nothing could be said of the weights that run later from those that were judged."""
    pytest.importorskip("torch", reason="the extra `kernels` is not installed")
    from pytest_compiledai.kernels.whole import worker

    net = whole.root / "specs" / "net.py"
    job = {
        "source": {"kind": "builder", "builder": str(net), "function": "build"},
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 4], "low": 0}],
        "axes": {"batch": [1, 8]},
        "framework": "eager",
        "file": str(net),  # eager reads nothing of it
        "rows": whole.rows[:2],
    }
    assert [found["same"] for found in worker.compare(job)] == [True, True]

    text = net.read_text(encoding="utf-8").replace("torch.manual_seed(0)", "torch.seed()")
    net.write_text(text, encoding="utf-8")

    told = worker.compare(job)
    assert [found["failed"] for found in told] == ["the builder gives other weights each time"] * 2


@pytest.mark.filterwarnings("ignore")  # of the exporter's own deprecations
@pytest.mark.parametrize(("units", "arithmetic"), [(True, "bf16"), (False, "f32")])
def test_bfloat16_is_taken_where_the_processor_has_matrix_units(
    whole, monkeypatch, units, arithmetic
):
    """OpenVINO is told so, the search records it, and elsewhere the answer is the full one."""
    torch = pytest.importorskip("torch", reason="the extra `kernels` is not installed")
    openvino = pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    from pytest_compiledai.kernels.whole import worker

    told = []
    compiling = openvino.Core.compile_model

    def compile_model(core, model, device, options):
        told.append(options["INFERENCE_PRECISION_HINT"])
        return compiling(core, model, device, options)

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": units})
    monkeypatch.setattr(openvino.Core, "compile_model", compile_model)
    monkeypatch.setattr(worker, "_ROUND_S", 0.0)
    net = whole.root / "specs" / "net.py"
    job = {
        "source": {"kind": "builder", "builder": str(net), "function": "build"},
        "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 4], "low": 0}],
        "axes": {"batch": [1, 8]},
        "frameworks": ["eager", "openvino", "openvino_bf16"],
        "rows": [whole.rows[0]],
    }

    found = worker.search(job)

    assert told == ["f32", arithmetic]
    assert found["openvino"]["arithmetic"] == "f32"
    assert found["openvino_bf16"]["arithmetic"] == arithmetic
    assert "arithmetic" not in found["eager"]
    if not units:
        assert found["openvino_bf16"]["max_error"] == found["openvino"]["max_error"]
