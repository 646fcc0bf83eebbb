"""Small kernels that show whether the interpreter computes bfloat16 as the hardware does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import triton
import triton.language as tl

from .bfloat import MendedWrongError
from .bfloat import narrow
from .bfloat import widen
from .running import Kernel

_N = 16


@triton.jit
def _copy(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i).to(tl.float32) * 1.0)


@triton.jit
def _add(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i) + tl.load(y + i))


@triton.jit
def _multiply(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i) * tl.load(y + i))


@triton.jit
def _scale(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(x + i) * 3.0)


@triton.jit
def _larger(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    a, b = tl.load(x + i), tl.load(y + i)
    tl.store(out + i, tl.where(a > b, a, b))


@triton.jit
def _sum(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(y + i) * 0.0 + tl.sum(tl.load(x + i), axis=0))


@triton.jit
def _maximum(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, tl.load(y + i) * 0.0 + tl.max(tl.load(x + i), axis=0))


@triton.jit
def _negative(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(out + i, -tl.load(x + i))


@triton.jit
def _dot(x, y, out, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(y + at)))


def _rounded(values: Any) -> Any:
    return widen(narrow(values))


_ASKED: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "copy": (_copy, lambda x, y: x),
    "add": (_add, lambda x, y: x + y),
    "multiply": (_multiply, lambda x, y: x * y),
    "scale": (_scale, lambda x, y: x * 3.0),
    "compare": (_larger, np.maximum),
    "sum": (_sum, lambda x, y: np.full_like(x, x.sum(dtype=np.float32))),
    "max": (_maximum, lambda x, y: np.full_like(x, x.max())),
    "negate": (_negative, lambda x, y: -x),
    "dot": (_dot, lambda x, y: (x.reshape(_N, _N) @ y.reshape(_N, _N)).ravel()),
}


def prove() -> None:
    """Ask every operation once; raises ``MendedWrongError`` that names the first wrong one."""
    from .memory import WATCH
    from .memory import Buffer

    random = np.random.default_rng(0)
    for name, (kernel, right) in _ASKED.items():
        count = _N * _N if name == "dot" else _N
        x, y = (_rounded(random.standard_normal(count).astype(np.float32)) for _ in "xy")
        held = [
            Buffer(which, "bfloat16", narrow(values).tobytes(), skew=0, writable=which == "out")
            for which, values in (("x", x), ("y", y), ("out", np.zeros_like(x)))
        ]
        WATCH.begin(held)
        WATCH.launch()
        Kernel(kernel.fn).run((1, 1, 1), held, {"N": _N})
        found = widen(held[2].bytes.view(np.uint16))
        # The sum of sixteen may differ in its order by one step of bfloat16; the rest may not.
        if not np.allclose(
            found, _rounded(right(x, y)), rtol=0.008 if name in ("sum", "dot") else 0
        ):
            raise MendedWrongError(f"{name} of bfloat16 in this version of the interpreter")


def prove_stores() -> None:
    """Store ties of every exponent; raises ``MendedWrongError`` unless each goes to even."""
    from .memory import WATCH
    from .memory import Buffer

    ties = (np.arange(0, 1 << 15, 32, dtype=np.uint32) + np.arange(1024, dtype=np.uint32) % 2) << 16
    wide = (ties | 0x8000).view(np.float32)[: 1 << 9]
    given = Buffer("x", "float32", wide.tobytes(), skew=0, writable=False)
    out = Buffer("out", "bfloat16", bytes(2 * wide.size), skew=0, writable=True)
    WATCH.begin([given, out])
    WATCH.launch()
    Kernel(_copy.fn).run((1, 1, 1), [given, given, out], {"N": wide.size})
    bits = out.bytes.view(np.uint16).astype(np.int64)
    apart = np.abs(widen(out.bytes.view(np.uint16)).astype(np.float64) - wide.astype(np.float64))
    step = np.abs(widen(bits + 1).astype(np.float64) - widen(bits).astype(np.float64))
    if (bits & 1).any() or (apart > step / 2).any():
        raise MendedWrongError("a tie that is not rounded to the even neighbour")
