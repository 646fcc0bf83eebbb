"""Has Triton's interpreter answer as a device does, and refuse what a device answers by chance.

A kernel could otherwise tell the two apart and be right in the interpreter alone: the larger of a
number and NaN is the number on a device and NaN in the interpreter; one and one of a single bit are
zero there and one here; a division by zero, a shift by
as many bits as there are, a cast of a number that does not fit and the place of the largest among
NaN are numpy's there and nobody's promise on a device; and a reduction by a function of the
kernel's own goes through its elements in no order that the language states.

How a device rounds a quotient or an exponential is not imitated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter

from .bfloat import widen

#: Of a reduction in two orders: what rounding may make of it, relative.
_NEAR = 1e-2


class NoPromiseError(Exception):
    """A kernel asks for what the language does not define; the text says what."""


def mend() -> None:
    """Mend the interpreter of this process; before ``bfloat.mend``, which widens operands."""
    builder = interpreter.InterpreterBuilder
    builder.create_maxnumf = lambda self, lhs, rhs: self.binary_op(lhs, rhs, np.fmax)
    builder.create_minnumf = lambda self, lhs, rhs: self.binary_op(lhs, rhs, np.fmin)
    builder.create_clampf = _clamp
    for name in ("create_add", "create_sub"):
        setattr(builder, name, _of_bits(getattr(builder, name)))
    for name in ("create_idiv", "create_srem", "create_urem"):
        _first(builder, name, _divides)
    for name in ("create_shl", "create_lshr", "create_ashr"):
        _first(builder, name, _shifts)
    for name in ("create_fp_to_si", "create_fp_to_ui"):
        _first(builder, name, _fits)
    _first(interpreter.ReduceOps, "min_max", _is_ordered)
    interpreter.ReduceOps.generic_reduce = _either_way(interpreter.ReduceOps.generic_reduce)


def _first(owner: Any, name: str, check: Callable[..., None]) -> None:
    """Have a function check what it is given before it computes."""
    original = getattr(owner, name)

    def checked(self: Any, *given: Any, **named: Any) -> Any:
        check(*given, **named)
        return original(self, *given, **named)

    setattr(owner, name, checked)


def _of_bits(original: Any) -> Any:
    """Return a sum or difference that of truth values is theirs without the carry."""

    def computed(self: Any, lhs: Any, rhs: Any) -> Any:
        if lhs.data.dtype == rhs.data.dtype == np.bool_:
            return self.binary_op(lhs, rhs, np.logical_xor)
        return original(self, lhs, rhs)

    return computed


def _clamp(self: Any, value: Any, low: Any, high: Any, nans: Any) -> Any:
    keeps = nans == interpreter._ir.PROPAGATE_NAN.ALL
    larger, smaller = (np.maximum, np.minimum) if keeps else (np.fmax, np.fmin)
    return self.ternary_op(value, low, high, lambda x, a, b: smaller(larger(x, a), b))


def _divides(_: Any, by: Any) -> None:
    if by.data.dtype.kind in "iu" and not by.data.all():
        raise NoPromiseError("a division by zero")


def _shifts(value: Any, by: Any) -> None:
    if ((by.data < 0) | (by.data >= 8 * value.data.dtype.itemsize)).any():
        raise NoPromiseError("a shift by as many bits as a number has, or more")


def _fits(source: Any, target: Any) -> None:
    kind = np.dtype(interpreter._get_np_dtype(target))
    values = widen(source.data) if source.dtype.scalar == tl.bfloat16 else source.data
    if kind == np.bool_ or not values.size:
        return
    range_ = np.iinfo(kind)
    whole = np.trunc(values.astype(np.float64))
    # Written so that NaN does not fit; of 64 bits the end itself is no float64.
    if not ((whole >= range_.min) & (whole < float(range_.max) + 1)).all():
        raise NoPromiseError(f"a cast to {kind} of a number that it does not hold")


def _is_ordered(value: Any, *_: Any, idx_reduce_op: Any = None, **__: Any) -> None:
    data = value.handle.data
    values = widen(data) if value.dtype.scalar == tl.bfloat16 else data
    if idx_reduce_op is not None and values.dtype.kind == "f" and np.isnan(values).any():
        raise NoPromiseError("the place of the largest or smallest where one is NaN")


def _either_way(original: Any) -> Any:
    """Return a reduction that goes through its elements from both ends, and compares."""

    def reduced(self: Any, given: Any) -> Any:
        found = original(self, given)
        turned = tuple(_turned(part, self.axis) for part in given)
        for one, other in zip(found, original(self, turned), strict=True):
            first, second = (np.asarray(each.handle.data) for each in (one, other))
            if one.dtype.scalar == tl.bfloat16:
                first, second = widen(first), widen(second)
            if not np.allclose(
                first, second, rtol=_NEAR, atol=_NEAR * _size(first), equal_nan=True
            ):
                raise NoPromiseError("a reduction whose answer depends on the order of elements")
        return found

    return reduced


def _turned(part: Any, axis: int | None) -> Any:
    data = part.handle.data
    data = (
        data[tuple(slice(None, None, -1) for _ in data.shape)]
        if axis is None
        else np.flip(data, axis)
    )
    handle = interpreter.TensorHandle(np.ascontiguousarray(data), part.handle.dtype)
    return tl.core.tensor(handle, part.type)


def _size(values: Any) -> float:
    finite = np.abs(values[np.isfinite(values)]) if values.dtype.kind == "f" else np.empty(0)
    return float(finite.max()) if finite.size else 0.0
