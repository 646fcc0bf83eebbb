"""The interpreter answers as a device does, or refuses what a device answers by chance."""

from __future__ import annotations

import math
import struct
import sys

import pytest

pytest.importorskip("triton", reason="the extra `kernels` is not installed")
pytest.importorskip("torch", reason="the extra `kernels` is not installed")

from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.executing import Step

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wall of kernels is Linux's")

_SOURCE = """
import triton
import triton.language as tl


@triton.jit
def heavier_left(a, b):
    return a + b * 0.5


@triton.jit
def added(a, b):
    return a + b


@triton.jit
def asked(x, out, N: tl.constexpr):
    i = tl.arange(0, N)
    a = tl.load(x + i)
    zero = i - i
    tl.store(out + i, ({expression}).to(tl.float32))
"""
NAN = float("nan")


def answered(expression, given=(1.0, 2.0, 3.0, 4.0)):
    """Return what a kernel of one expression writes."""
    data = struct.pack(f"{len(given)}f", *given)
    held = [
        Held(name="x", dtype="float32", data=data),
        Held(name="out", dtype="float32", data=bytes(len(data)), writable=True, returned=True),
    ]
    step = Step(kernel="asked", grid=(1,), arguments=("x", "out"), constants={"N": len(given)})
    with Running(_SOURCE.format(expression=expression)) as running:
        return struct.unpack(f"{len(given)}f", running.call(held, [step]).data["out"])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("tl.maximum(a, 2.5)", 2.5),
        ("tl.minimum(2.5, a)", 2.5),
        ("tl.clamp(a, 2.0, 3.0)", 2.0),
        ("tl.clamp(a.to(tl.bfloat16), 2.0, 3.0)", 2.0),
    ],
)
def test_the_larger_of_a_number_and_nan_is_the_number(expression, expected):
    """A kernel that swallows NaN on a device swallows it here."""
    assert answered(expression, (NAN, NAN)) == (expected, expected)


def test_a_kernel_may_ask_for_nan_to_stay():
    """What the language is told it does."""
    (found, _) = answered("tl.maximum(a, 2.5, propagate_nan=tl.PropagateNan.ALL)", (NAN, 1.0))

    assert math.isnan(found)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("7 // zero", "division by zero"),
        ("7 % zero", "division by zero"),
        ("(zero + 1) << (zero + 32)", "a shift by"),
        ("(a * 3.0e9).to(tl.int32)", "a cast to int32"),
        ("(a * float('nan')).to(tl.int64)", "a cast to int64"),
        ("tl.argmax(tl.where(i == 1, float('nan'), a), axis=0) + zero", "one is NaN"),
        ("tl.reduce(a, 0, heavier_left) + zero", "order of elements"),
    ],
)
def test_what_a_device_answers_by_chance_is_a_fault(expression, told):
    """The interpreter's own answer would tell a kernel where it is."""
    with pytest.raises(FaultError, match=told):
        answered(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(zero - 7) // 2", -3),
        ("((a > 0.0) + (a > 0.5)).to(tl.int32)", 0),
        ("((a > 0.0) - (a > 2.5)).to(tl.int32)", 1),
        ("(zero + 1) << (zero + 31)", -(2.0**31)),
        ("(a * 5.0e8).to(tl.int32) * 0 + 4", 4),
        ("tl.argmax(a, axis=0) + zero", 3),
        ("tl.reduce(a, 0, added) + zero", 10),
    ],
)
def test_what_is_defined_is_computed(expression, expected):
    """Quotients toward zero, single bits, shifts and casts that fit, reductions in any order."""
    assert answered(expression)[0] == expected
