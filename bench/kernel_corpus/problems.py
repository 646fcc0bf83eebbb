"""The problems of the labelled corpus: small sizes, inputs, and their mathematics in float64.

A program states ``Model``; a problem says with which sizes it is made, which of its buffers and
weights are set, and what its answer is. Sizes keep what the problem promises (whole chunks, whole
groups, balanced rows), so that a program is not blamed for what nobody asked of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

#: Share of the answer's norm by which a program may be off: formats of 8 and 4 bits are part of
#: some problems, a wrong index or a forgotten term is not within it.
WRONG = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call's worth of a problem."""

    weights: Sequence[Mapping[str, torch.Tensor]]  # ways to state them; a program has one
    inputs: Sequence[torch.Tensor]
    right: Sequence[torch.Tensor]  # of each output, in float64; whole numbers are not compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """How a program is made and asked."""

    sizes: tuple[tuple[int, ...], ...]  # arguments of ``Model``, more than one setting
    ask: Callable[[tuple[int, ...], torch.Generator], Question]


def _normal(made: torch.Generator, *sizes: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(*sizes, generator=made) * scale


def _fp8_gemm(sizes: tuple[int, ...], made: torch.Generator) -> Question:
    m, n, k = sizes
    x = (torch.rand(m, k, generator=made) * 8 - 4).to(torch.float8_e4m3fn)
    weight = _normal(made, n, k, scale=0.02)
    scale = weight.abs().amax(1) / 448.0
    small = (weight / scale[:, None]).to(torch.float8_e4m3fn)
    whole = (small.double() * scale.double()[:, None]).bfloat16()
    return Question(
        weights=[{"weight": small, "weight_scale": scale}, {"weight": whole}],
        inputs=[x],
        right=[x.double() @ whole.double().T],
    )


def _w4a16(sizes: tuple[int, ...], made: torch.Generator) -> Question:
    m, n, k = sizes
    group = 128
    whole = torch.randint(0, 16, (k, n), generator=made, dtype=torch.uint8)
    packed = (whole[0::2] | (whole[1::2] << 4)).contiguous()
    scales = (torch.rand(k // group, n, generator=made) * 0.01 + 0.002).bfloat16()
    zeros = torch.randint(4, 12, (k // group, n), generator=made).bfloat16()
    x = _normal(made, m, k).bfloat16()
    wide = [one.double().repeat_interleave(group, 0) for one in (zeros, scales)]
    right = x.double() @ ((whole.double() - wide[0]) * wide[1])
    return Question(
        weights=[{"w_q": packed, "scales": scales, "zeros": zeros}], inputs=[x], right=[right]
    )


def _moe(sizes: tuple[int, ...], made: torch.Generator) -> Question:
    tokens, h, i, e, k = sizes
    rows = tokens * k
    x = _normal(made, rows, h, scale=0.1).bfloat16()
    gate, up = (_normal(made, e, h, i, scale=0.05).bfloat16() for _ in range(2))
    offsets = torch.arange(e + 1, dtype=torch.int32) * (rows // e)
    parts = []
    for one in range(e):
        own = x[int(offsets[one]) : int(offsets[one + 1])].double()
        parts.append(torch.nn.functional.silu(own @ gate[one].double()) * (own @ up[one].double()))
    return Question(
        weights=[{"W_gate": gate, "W_up": up}], inputs=[x, offsets], right=[torch.cat(parts)]
    )


def _paged(sizes: tuple[int, ...], made: torch.Generator) -> Question:
    batch, heads, groups, d, length, page = sizes
    each = -(-length // page)
    pages = max(batch * each + 8, 64)
    q = _normal(made, batch, heads, d).bfloat16()
    cache = _normal(made, pages, page, groups, 2 * d).bfloat16()
    table = torch.randperm(pages, generator=made)[: batch * each].reshape(batch, each).int()
    lengths = torch.full((batch,), length, dtype=torch.int32)
    held = cache.double()[table.long()].reshape(batch, each * page, groups, 2 * d)[:, :length]
    held = held.permute(0, 2, 1, 3).repeat_interleave(heads // groups, 1)
    score = (held[..., :d] @ q.double()[..., None])[..., 0] / math.sqrt(d)
    right = (torch.softmax(score, -1)[:, :, None] @ held[..., d:])[:, :, 0]
    return Question(weights=[], inputs=[q, cache, table, lengths], right=[right])


def _topk(sizes: tuple[int, ...], made: torch.Generator) -> Question:
    batch, n, k = sizes
    x = _normal(made, batch, n)
    best = torch.topk(x, k, dim=-1)
    return Question(weights=[], inputs=[x], right=[best.values.double(), best.indices])


def _kda(sizes: tuple[int, ...], made: torch.Generator) -> Question:
    b, t, h, k, v, _ = sizes
    q, key = (_normal(made, b, t, h, k, scale=0.1).bfloat16() for _ in range(2))
    value = _normal(made, b, t, h, v, scale=0.1).bfloat16()
    decay = -torch.rand(b, t, h, k, generator=made) * 0.1
    beta = torch.sigmoid(_normal(made, b, t, h)).bfloat16()
    return Question(
        weights=[],
        inputs=[q, key, value, decay, beta],
        right=[_delta(q, key, value, decay, beta)],
    )


def _delta(*given: torch.Tensor) -> torch.Tensor:
    """Return the gated delta rule, token by token: no chunk and no inverse to be wrong in."""
    q, key, value, decay, beta = (one.double() for one in given)
    state = torch.zeros(*q.shape[:1], *q.shape[2:], value.shape[-1], dtype=torch.float64)
    out = torch.zeros_like(value)
    for at in range(q.shape[1]):
        state = state * decay[:, at].exp()[..., None]
        seen = (key[:, at][..., None] * state).sum(-2)
        moved = beta[:, at][..., None] * (value[:, at] - seen)
        state = state + key[:, at][..., None] * moved[..., None, :]
        out[:, at] = (q[:, at][..., None] * state).sum(-2) / math.sqrt(q.shape[-1])
    return out


PROBLEMS: Mapping[str, Problem] = {
    "01_fp8_gemm": Problem(sizes=((256, 256, 512),), ask=_fp8_gemm),
    "02_kda_cutlass": Problem(sizes=((1, 128, 2, 128, 128, 64),), ask=_kda),
    "03_paged_attention": Problem(
        sizes=((2, 8, 2, 128, 256, 16), (1, 8, 2, 128, 600, 16)), ask=_paged
    ),
    "05_topk_bitonic": Problem(sizes=((2, 2048, 8), (1, 4096, 16)), ask=_topk),
    "06_sonic_moe_swiglu": Problem(sizes=((128, 128, 128, 4, 4),), ask=_moe),
    "07_w4a16_gemm": Problem(sizes=((1, 256, 512), (32, 256, 256)), ask=_w4a16),
}


def problem(name: str) -> Problem | None:
    """Return the problem of a row; None where it is not known here."""
    return PROBLEMS.get(name.split(" ", maxsplit=1)[0])


def off(found: Any, right: torch.Tensor) -> float:
    """Return the distance from the right answer as a share of its norm; infinite for NaN."""
    apart = float((found.double().reshape(right.shape) - right).norm() / right.norm())
    return apart if apart == apart else math.inf  # noqa: PLR0124 - NaN alone differs from itself
