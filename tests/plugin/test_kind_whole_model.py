"""A whole model from its spec to an artifact, with a real back end."""

from __future__ import annotations

import json
import sys

import pytest

from tests.unit.kernels.whole.conftest import BUILDER
from tests.unit.kernels.whole.conftest import SPEC

for package in ("torch", "onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package, reason="the extra `onnx` is not installed")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the worker's filter is Linux's")


def test_a_model_is_searched_judged_and_frozen(pytester):
    """The recording holds what was tried; the artifact is run by a back end that matched."""
    specs = pytester.mkdir("specs")
    (specs / "tiny.yaml").write_text(
        SPEC.replace("fuzz: {examples: 4}", "fuzz: off") + "  latency: off\n", encoding="utf-8"
    )
    (specs / "net.py").write_text(BUILDER, encoding="utf-8")
    rows = [{"id": f"r{n}", "inputs": {"x": [[n / 7, 1.0, -n, 0.5]]}} for n in range(12)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (specs / "rows.jsonl").write_text(lines, encoding="utf-8")

    done = pytester.runpytest_subprocess("--compile", "-v", "-p", "no:xdist", "specs")

    done.assert_outcomes(passed=5)
    tried = json.loads((specs / "recordings" / "tiny.measured.json").read_bytes())["back_ends"]
    assert tried["onnxruntime"]["cosine"] > 0.999999
    manifest = json.loads((pytester.path / "compiled" / "tiny" / "model.json").read_bytes())
    assert manifest["back_end"] in ("eager", "onnxruntime")
    code = """
from pathlib import Path
import compiled
from pytest_compiledai.kernels.whole.running import opened

model = opened(compiled.load("tiny"), "tiny", specs=Path("specs"))
print(model({"x": [[1.0, 2.0, 3.0, 4.0]]})[0].shape)
Path("specs/net.py").write_text("def build(): ...")
try:
    opened(compiled.load("tiny"), "tiny", specs=Path("specs"))
except RuntimeError as error:
    print(error)
"""
    ran = pytester.run(sys.executable, "-c", code)
    ran.stdout.fnmatch_lines(["(1, 3)", "tiny: found other weights than were judged*"])
