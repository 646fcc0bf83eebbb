"""Kernels of families against the operators of captured regions; wrong ones in a cache are seen."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `kernels` is not installed")
pytest.importorskip("triton", reason="the extra `kernels` is not installed")

from pytest_compiledai.kernels.adapting import contract_of
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.families import family
from pytest_compiledai.kernels.judge import execution
from pytest_compiledai.kernels.judge import security
from pytest_compiledai.kernels.matching import matched
from pytest_compiledai.kernels.plan import read_plan

PLANS = Path(__file__).parents[2] / "data" / "regions"
SEED = 20260102
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the wall of kernels is Linux's"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with"),
]


def first(model, name, dtype, language):
    """Return the contract of a region and its family's first kernel."""
    region = read_plan((PLANS / f"{model}.json").read_bytes()).region(name)
    match = matched(region)
    assert match is not None
    contract = contract_of(region, dtype, context=48, match=match)
    return contract, family(match.family).candidates(contract, language=language)[0]


def test_queries_keys_and_values_are_computed_as_the_operators_say():
    """C++ of this processor, at the region's sizes and others, against float64."""
    contract, candidate = first("llama", "q_k_v_proj", "float32", "cpp")
    ran, right = execution(contract, candidate, dtypes=("float32",), seed=SEED)

    assert security(contract, candidate.source, "cpp")[1].findings == ()
    assert (ran.findings, right.findings) == ((), ())


@pytest.mark.parametrize("name", ["embed_tokens", "rotary_emb"])
def test_indices_of_64_bits_are_read_in_half_precision(name):
    """Triton in the interpreter, bfloat16, against the operators of the other decoder."""
    contract, candidate = first("qwen3", name, "bfloat16", "triton")
    ran, right = execution(contract, candidate, dtypes=("bfloat16",), seed=SEED)

    assert (ran.findings, right.findings) == ((), ())


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("  float scale = 1.0f /", "  v[0] *= 1.001f;\n  float scale = 1.0f /", "accuracy.state"),
        ("turn(head, cos, sin, k + at", "head[0] *= 1.02f;\n    turn(head, cos, sin, k + at", ""),
    ],
)
def test_a_cache_is_compared_row_by_row(before, after, rule):
    """A row that is to stay and does not, or one wrong number of a new row, is not diluted."""
    contract, candidate = first("llama", "q_k_v_proj", "float32", "cpp")
    text = candidate.source.replace(before, after)
    assert text != candidate.source
    _, right = execution(contract, read(text, "cpp", contract), dtypes=("float32",), seed=SEED)

    assert (rule or "accuracy.error") in {finding.rule for finding in right.findings}
