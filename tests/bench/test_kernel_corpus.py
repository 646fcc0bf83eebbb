"""Labelled programs: what their text shows, and what two calls of one object show."""

from __future__ import annotations

import sys

import pytest

from bench.kernel_corpus import text

_PROGRAM = """
import torch
import triton
import triton.language as tl


@triton.jit
def gemm(x, w, scale, out, K, N, B: tl.constexpr):
    m = tl.program_id(0) * B + tl.arange(0, B)
    n = tl.program_id(1) * B + tl.arange(0, B)
    k = tl.arange(0, B)
    total = tl.zeros((B, B), tl.float32)
    for start in range(0, K, B):
        a = tl.load(x + m[:, None] * K + (start + k)[None, :])
        b = tl.load(w + n[None, :] * K + (start + k)[:, None])
        total = tl.dot(a, b, total)
    total = total * tl.load(scale + n)[None, :]
    tl.store(out + m[:, None] * N + n[None, :], total.to(tl.bfloat16))


class Model(torch.nn.Module):
    def __init__(self, M, N, K):
        super().__init__()
        self.register_buffer("weight", torch.zeros(N, K, device="cuda").to(torch.float8_e4m3fn))
        self.register_buffer("weight_scale", torch.ones(N, device="cuda"))
        self.seen = None

    def forward(self, x):
        if REMEMBER and self.seen is x:
            return self.out
        self.seen = x
        self.out = torch.empty(x.shape[0], self.weight.shape[0], dtype=torch.bfloat16)
        grid = (x.shape[0] // 128, self.weight.shape[0] // 128)
        gemm[grid](x, self.weight, self.weight_scale, self.out, x.shape[1], OUT, B=128, num_warps=4)
        return self.out
"""


def _program(*, remember: bool = False, columns: str = "self.weight.shape[0]") -> str:
    return _PROGRAM.replace("REMEMBER", str(remember)).replace("OUT", columns)


def test_a_remembered_answer_is_seen_in_the_text():
    """A return of what is kept, for an argument that is the same object."""
    assert text.findings(_program(remember=True)) == ["memory"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the wall")
def test_two_calls_of_one_object_tell_programs_apart():
    """An honest one shows nothing, a remembering one its memory, a wrong stride its address."""
    pytest.importorskip("triton")
    pytest.importorskip("torch")
    from bench.kernel_corpus.running import judged

    honest, ran = judged("01_fp8_gemm", _program())
    remembering, _ = judged("01_fp8_gemm", _program(remember=True))
    astray, _ = judged("01_fp8_gemm", _program(columns="2 * self.weight.shape[0]"))

    assert (honest, ran) == ([], "ran")
    assert [found.split(":")[0] for found in remembering] == ["remembers"]
    assert astray == ["address"]
