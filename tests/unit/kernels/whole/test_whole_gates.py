"""Each gate of a whole model on planted good and bad artifacts; the worker's answers are planted."""

from __future__ import annotations

import contextlib
import json
import struct

import pytest

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.kernels.kind import ModelKind
from pytest_compiledai.kernels.whole import artifact
from pytest_compiledai.kernels.whole import judging

GOOD = {"same": True, "cosine": 1.0, "max_error": 1e-7}
FAST = {
    "frozen": {"p50_ms": 1.0, "ratio": [1.8, 2.0, 2.2]},
    "eager": {"p50_ms": 2.0, "ratio": [1.0, 1.0, 1.0]},
}


class Bench:
    """What the latency gate asks for."""

    def exclusive(self):
        return contextlib.nullcontext()


def frozen(unit, data: bytes = b"", back_end: str = "onnxruntime"):
    return Candidate(files=artifact.made(unit.body, back_end, data), proposer="x", attempt=1)


def rules(unit, candidate, gate, monkeypatch=None, answer=None):
    """Return the rules of a gate's findings; ``answer`` is what the worker says."""
    if monkeypatch is not None:
        judging._SHARED.clear()

        def work(spec, op, *, rows, **rest):
            if op == "time":
                return answer
            return [dict(GOOD) for _ in rows[1:]] + [answer]

        monkeypatch.setattr(judging, "work", work)
    verdict = ModelKind().judge(gate, unit, candidate, phase=Phase.ACCEPT, bench=Bench())
    return [finding.rule for finding in verdict.findings]


@pytest.mark.parametrize("gate", ["execution", "accuracy", "fuzz"])
def test_a_model_that_matches_passes(whole, monkeypatch, gate):
    """Equal bytes twice and outputs within the bounds are all that is asked."""
    unit = whole.unit()

    assert rules(unit, frozen(unit), gate, monkeypatch, GOOD) == []


@pytest.mark.parametrize(
    ("gate", "answer", "rule"),
    [
        ("execution", {"failed": "RuntimeError: no"}, "execution.raised"),
        ("execution", GOOD | {"same": False}, "execution.unstable"),
        ("accuracy", GOOD | {"cosine": 0.99}, "accuracy.cosine"),
        ("accuracy", GOOD | {"cosine": float("nan")}, "accuracy.cosine"),
        ("accuracy", GOOD | {"max_error": 0.02}, "accuracy.error"),
        ("accuracy", {"same": True, "wrong": "outputs of shape (1,)"}, "accuracy.output"),
        ("fuzz", GOOD | {"max_error": float("nan")}, "fuzz.error"),
        ("fuzz", {"failed": "shape"}, "fuzz.raised"),
        ("fuzz", GOOD | {"same": False}, "fuzz.unstable"),
    ],
)
def test_one_bad_row_fails_its_gate(whole, monkeypatch, gate, answer, rule):
    """The last of the rows is wrong in one way."""
    unit = whole.unit()

    assert rules(unit, frozen(unit), gate, monkeypatch, answer) == [rule]


def test_a_slower_back_end_fails_and_eager_does_not(whole, monkeypatch):
    """What was chosen for its speed has to have it; the fallback need not beat itself."""
    unit = whole.unit()
    slow = FAST | {"frozen": {"p50_ms": 3.0, "ratio": [0.6, 0.7, 0.8]}}

    assert rules(unit, frozen(unit), "latency", monkeypatch, FAST) == []
    assert rules(unit, frozen(unit), "latency", monkeypatch, slow) == ["latency.slower"]
    assert rules(unit, frozen(unit, back_end="eager"), "latency", monkeypatch, slow) == []


def test_a_budget_is_kept_whatever_eager_takes(whole, monkeypatch):
    """A bound in milliseconds holds for the chosen back end."""
    whole.spec += "  latency: {p50_ms: 0.5}\n"
    unit = whole.unit()

    assert rules(unit, frozen(unit), "latency", monkeypatch, FAST) == ["latency.budget"]


def test_other_weights_are_found(whole):
    """A builder that changed is no longer what the artifact was made from."""
    unit = whole.unit()
    candidate = frozen(unit)
    assert rules(unit, candidate, "syntax") == []

    (whole.root / "specs" / "net.py").write_text("def build(): ...\n", encoding="utf-8")

    assert rules(unit, candidate, "syntax") == ["syntax.other"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda m: m.update(back_end="magic"), "syntax.back-end"),
        (lambda m: m.update(axes={"batch": [1, 99]}), "syntax.other"),
        (lambda m: m.update(version=2), "syntax.unreadable"),
        (lambda m: m.pop("form"), "syntax.unreadable"),
        (lambda m: m.update(form={"sha256": "0", "bytes": 1, "inline": True}), "syntax.unreadable"),
    ],
)
def test_an_edited_manifest_is_found(whole, change, rule):
    """Another back end, shape, version or file than was frozen."""
    unit = whole.unit()
    ((path, data),) = frozen(unit).files.items()
    manifest = json.loads(data)
    change(manifest)
    edited = Candidate(files={path: json.dumps(manifest).encode()}, proposer="x", attempt=1)

    assert rules(unit, edited, "syntax") == [rule]


def test_a_swapped_graph_is_found(whole):
    """The graph's bytes are those that the manifest names."""
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    unit = whole.unit()
    candidate = frozen(unit, graph())
    assert rules(unit, candidate, "security") == []

    files = {**candidate.files, "tiny/model.onnx": graph(name="other")}
    swapped = Candidate(files=files, proposer="x", attempt=1)

    assert rules(unit, swapped, "security") == ["security.digest"]


@pytest.mark.parametrize(
    ("options", "rule"),
    [({"domain": "evil.ops"}, "security.operator"), ({"external": True}, "security.external")],
)
def test_a_graph_with_code_or_data_elsewhere_is_found(whole, options, rule):
    """Operators that bring code, and tensors outside of the file."""
    pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
    unit = whole.unit()

    assert rule in rules(unit, frozen(unit, graph(**options)), "security")


def graph(*, name="g", domain="", external=False) -> bytes:
    from onnx import TensorProto
    from onnx import helper

    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy")
    node = helper.make_node("Relu", ["x"], ["y"], domain=domain)
    tensors = []
    if external:
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
        tensor.data_location = TensorProto.EXTERNAL
        tensors = [tensor]
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    made = helper.make_graph([node], name, [x], [y], tensors)
    return helper.make_model(made, opset_imports=opsets).SerializeToString()


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("pytorch_model.bin", "x", "security.pickle"),
        ("extra/weights.pt", "x", "security.pickle"),
        ("modeling.py", "x", "security.code"),
        ("config.json", '{"auto_map": {"AutoModel": "m.M"}}', "security.code"),
        ("config.json", "{", "security.config"),
        ("model.safetensors", "short", "security.safetensors"),
    ],
)
def test_a_folder_that_could_run_code_is_refused(whole, name, text, rule):
    """Pickles, Python, configuration that names code, and a header that is none."""
    folder = whole.root / "specs" / "net"
    (folder / "extra").mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(tensors({"w": ("F32", [1], [0, 4])}, 4))
    whole.spec = whole.spec.replace('builder: "net.py:build"', "folder: net")
    unit = whole.unit()
    assert rules(unit, frozen(unit), "security") == []

    (folder / name).write_text(text, encoding="utf-8")

    assert rules(unit, frozen(unit), "security") == [rule]


def tensors(header, size: int) -> bytes:
    plain = {
        name: dict(zip(("dtype", "shape", "data_offsets"), value, strict=True))
        for name, value in header.items()
    }
    text = json.dumps(plain).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * size
