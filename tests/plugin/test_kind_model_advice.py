"""A model's order of a region's candidates, replayed: what it puts first is tried first."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from bench.kernel_search import space
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import render
from pytest_compiledai.kernels import ranking

for package in ("torch", "triton"):
    pytest.importorskip(package, reason="the extra `kernels` is not installed")

ROOT = Path(__file__).parents[2]
#: A model's answers to the questions of `bench.kernel_search`.
ANSWERS = ROOT / "bench" / "kernel_search" / "recordings"
#: Eight rows times a matrix of 384 x 256, as a capture cuts it: the region that one of them is on.
PLAN = ROOT / "tests" / "data" / "regions" / "product.json"
SPEC = """\
compiledai: 1
kind: model
name: product
description: Eight rows times a matrix.
builder: net.py:build
targets: [cpu]
budget: 1
"""
BUILDER = """\
import torch


def build():
    return torch.nn.Linear(384, 256, bias=False), (torch.zeros(8, 384),)
"""
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the wall of kernels is Linux's"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with"),
]


@pytest.fixture
def naming(entry_of):
    """Return what a lock says of a model whose plan was captured: only such a plan has regions."""
    return entry_of(
        name="product",
        kind="model",
        spec="specs/product.yaml",
        files={"product/regions.json": hashlib.sha256(PLAN.read_bytes()).hexdigest()},
        proposer="capture",
        gates=("security@1", "syntax@1", "execution@1"),
        basis="measured",
    )


def test_what_a_model_puts_first_is_tried_and_the_framework_stays_or_not(pytester, naming):
    """The recorded order holds in a run that asks nobody; the gates and the time decide."""
    specs = pytester.mkdir("specs")
    (specs / "product.yaml").write_text(SPEC, encoding="utf-8")
    (specs / "net.py").write_text(BUILDER, encoding="utf-8")
    shutil.copytree(ANSWERS, specs / "recordings")
    compiled = pytester.path / "compiled"
    (compiled / "product").mkdir(parents=True)
    shutil.copy(PLAN, compiled / "product" / "regions.json")
    lock = render(Lock().with_entries(naming))
    (pytester.path / "compiledai.lock").write_bytes(lock)

    ran = pytester.runpytest_subprocess(
        "--compile", "--compile-record", "none", "-p", "no:xdist", "specs", "-k", "product.linear"
    )

    ran.assert_outcomes(passed=6, deselected=4)
    found = json.loads((specs / "recordings" / "product.linear.measured.json").read_bytes())
    frozen = json.loads((compiled / "product.linear" / "region.json").read_bytes())
    (tried,) = found["search"]["tried"]
    known = space.candidates(space.contract("gemm"))
    first = next(
        json.loads("\n".join(reply["text"]))["order"][0]
        for path in ANSWERS.glob("*.json")
        if "region: gemm" in path.read_text(encoding="utf-8")
        for reply in [json.loads(path.read_bytes())["reply"]]
    )
    names = {ranking.name_of(place): one.parameters for place, one in enumerate(known)}
    assert tried["parameters"] == names[first]
    assert found["search"]["ordered_by"] == frozen["ordered_by"] == "bridge/llm"
    assert frozen["search"] == [{key: tried[key] for key in ("parameters", "sha256", "refused")}]
