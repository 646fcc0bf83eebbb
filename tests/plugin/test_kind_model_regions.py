"""A model's step cut into regions, and a kernel of the user's for one of them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

for package in ("torch", "transformers", "triton"):
    pytest.importorskip(package, reason="the extra `kernels` is not installed")

EXAMPLE = Path(__file__).parents[2] / "examples" / "model"
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the wall of kernels is Linux's"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with"),
]


def test_a_kernel_of_the_users_is_judged_and_frozen_or_refused(pytester):
    """The first run writes the plan; then the kernel passes, and one that drops a term does not."""
    specs = pytester.mkdir("specs")
    shutil.copy(EXAMPLE / "down_proj.cpp", specs)
    spec = (EXAMPLE / "tiny.yaml").read_text(encoding="utf-8")
    spec = spec.replace("context: 288", "context: 288, buckets: [64]")
    (specs / "tiny.yaml").write_text(f"{spec}tokens: 24\nbudget: 1\n", encoding="utf-8")

    first = pytester.runpytest_subprocess("--compile", "-p", "no:xdist", "specs")
    first.stdout.fnmatch_lines(["*no plan yet; compile writes it, run again for its regions"])
    plan = json.loads((pytester.path / "compiled" / "tiny" / "regions.json").read_bytes())
    assert len(plan["regions"]) == 9

    some = "down_proj or decode_attention or whole"
    again = pytester.runpytest_subprocess("--compile", "-v", "-p", "no:xdist", "specs", "-k", some)
    again.assert_outcomes(passed=17)
    again.stdout.fnmatch_lines(["*frozen*tiny.down_proj*5/5 gates", "*accuracy*passed*own_error*"])
    whole = ["*frozen*tiny.whole*4/4 gates", "*execution*kernels 3, *", "*accuracy*equal 24,*"]
    again.stdout.fnmatch_lines(whole)  # with what the same run froze
    locked = pytester.runpytest_subprocess("--compile-locked", "-p", "no:xdist", "-k", "whole")
    locked.assert_outcomes(passed=5)
    lock = (pytester.path / "compiledai.lock").read_text(encoding="utf-8")
    assert 'proposer = "file:specs/down_proj.cpp"' in lock
    assert 'proposer = "family:' in lock  # of the others, and the framework runs what is not frozen
    compiled = pytester.path / "compiled"
    attention = json.loads((compiled / "tiny.decode_attention" / "region.json").read_bytes())
    assert [each["upto"] for each in attention["kernels"]] == [64, 288]
    assert "us" not in attention["search"][0]
    frozen = compiled / "tiny.down_proj"
    before = {path.name: path.read_bytes() for path in frozen.iterdir()}
    assert set(before) == {"kernel.cpp", "region.json"}

    text = (specs / "down_proj.cpp").read_text(encoding="utf-8")
    wrong = text.replace("along[row] + total", "total")
    assert wrong != text
    (specs / "down_proj.cpp").write_text(wrong, encoding="utf-8")
    bad = pytester.runpytest_subprocess("--compile", "-p", "no:xdist", "specs", "-k", "down_proj")
    bad.stdout.fnmatch_lines(["*float32, plain: t1: found*[[]accuracy.error]"])
    assert before == {path.name: path.read_bytes() for path in frozen.iterdir()}

    path = compiled / "tiny" / "regions.json"
    path.write_bytes(path.read_bytes().replace(b"aten.add.Tensor", b"aten.sub.Tensor"))
    edited = pytester.runpytest_subprocess("--compile-locked", "-p", "no:xdist", "specs")
    edited.stdout.fnmatch_lines(["*FAILED*tiny::compile*", "*1 failed in*"])  # and no region of it
    edited.stdout.fnmatch_lines(["*found no plan that spec and lock agree on for tiny.*"])
    assert "no spec of" not in edited.stdout.str()
    entries = (pytester.path / "compiledai.lock").read_bytes()
    pytester.runpytest_subprocess("--compile-prune", "-p", "no:xdist", "specs")
    assert entries == (pytester.path / "compiledai.lock").read_bytes()  # its regions are not gone
