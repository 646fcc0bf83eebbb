"""Mends bfloat16 in Triton's interpreter, and proves it before any kernel runs.

The interpreter keeps a bfloat16 as its 16 bits in an unsigned integer and computes on those bits:
a dot is off by 1e9, a sum by 1e34, a store truncates (triton-lang/triton#11584). Here operands
are widened to float32, computed, and rounded to nearest even on the way back, as the hardware
does. What is not mended (atomics, scaled dots) refuses instead of computing on bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter

_BITS = np.uint16


class MendedWrongError(RuntimeError):
    """The self-test found an operation that this interpreter still computes wrongly."""


def widen(bits: Any) -> Any:
    """Return the float32 values of bfloat16 bit patterns."""
    return (np.asarray(bits).astype(np.uint32) << 16).view(np.float32)


def narrow(values: Any) -> Any:
    """Return the bfloat16 bit patterns nearest to float32 values, ties to even; NaN stays NaN."""
    wide = np.ascontiguousarray(values, dtype=np.float32)
    bits = wide.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(wide), _BITS(0x7FC0), rounded.astype(_BITS))


def _is_bfloat(handle: Any) -> bool:
    return bool(handle.dtype.scalar == tl.bfloat16)


def _values(handle: Any) -> Any:
    return widen(handle.data) if _is_bfloat(handle) else handle.data


def _wide(handle: Any) -> Any:
    if not _is_bfloat(handle):
        return handle
    return interpreter.TensorHandle(widen(handle.data), tl.float32)


def _back(handle: Any, like: Any) -> Any:
    """Return a float32 result as bfloat16; what is no float (a comparison) stays as it is."""
    if handle.data.dtype == np.float32:
        return interpreter.TensorHandle(narrow(handle.data), tl.bfloat16)
    return interpreter.TensorHandle(handle.data, like.dtype.scalar)


def _around(original: Any, operands: int) -> Any:
    """Return ``original`` with its first ``operands`` handles widened, and its answer narrowed."""

    def mended(self: Any, *args: Any) -> Any:
        handles = args[:operands]
        if not any(_is_bfloat(handle) for handle in handles):
            return original(self, *args)
        wide = [_wide(handle) for handle in handles]
        return _back(original(self, *wide, *args[operands:]), handles[-1])

    return mended


def _cast(original: Any) -> Any:
    def mended(self: Any, source: Any, target: Any) -> Any:
        if target.scalar == tl.bfloat16:
            if _is_bfloat(source):
                return source
            return interpreter.TensorHandle(narrow(source.data), tl.bfloat16)
        return original(self, _wide(source), target) if _moves(source, target) else _wide(source)

    return mended


def _moves(source: Any, target: Any) -> bool:
    return not (_is_bfloat(source) and target.scalar == tl.float32)


def _float_cast(original: Any) -> Any:
    def mended(self: Any, source: Any, target: Any, rounding: Any) -> Any:
        narrow_from = source.dtype.scalar in (tl.float16, tl.float32, tl.float64)
        if target.scalar == tl.bfloat16 and narrow_from:
            if rounding == interpreter._ir.ROUNDING_MODE.RTZ:
                raise NotImplementedError("rounding bfloat16 towards zero in the interpreter")
            return interpreter.TensorHandle(narrow(source.data), tl.bfloat16)
        if _is_bfloat(source) and target.scalar in (tl.float16, tl.float32, tl.float64):
            return self.cast_impl(source, target)
        return original(self, source, target, rounding)

    return mended


def _scalar(_: Any, value: float) -> Any:
    # Versions before 3.9 have no bfloat16 constants at all.
    return interpreter.TensorHandle(narrow(np.array([value], dtype=np.float32)), tl.bfloat16)


def _select(self: Any, condition: Any, left: Any, right: Any) -> Any:
    # Chooses bits, computes nothing; widening would only cost time.
    return self.ternary_op(condition, left, right, np.where)


def _dot(original: Any) -> Any:
    def mended(self: Any, a: Any, b: Any, d: Any, precision: Any, imprecise: Any) -> Any:
        out = original(self, _wide(a), _wide(b), _wide(d), precision, imprecise)
        return _back(out, d) if _is_bfloat(d) else out

    return mended


def _refuse(name: str, original: Any) -> Any:
    def mended(self: Any, *args: Any) -> Any:
        handles = [arg for arg in args if isinstance(arg, interpreter.TensorHandle)]
        if any(_is_bfloat(handle) for handle in handles):
            raise NotImplementedError(f"{name} on bfloat16 in the interpreter")
        return original(self, *args)

    return mended


def _over_axis(original: Any) -> Any:
    """Return a reduction or scan over the widened first input, narrowed again."""

    def mended(self: Any, input: Any, *args: Any, **names: Any) -> Any:
        first = input[0] if isinstance(input, tuple) else input
        if first.dtype.scalar != tl.bfloat16:
            return original(self, input, *args, **names)
        out = original(self, self.to_tensor(widen(first.handle.data), tl.float32), *args, **names)
        if isinstance(out, (tuple, list)):
            return type(out)(_narrowed(self, part) for part in out)
        return _narrowed(self, out)

    return mended


def _narrowed(operation: Any, part: Any) -> Any:
    if part.dtype.scalar != tl.float32:  # an index
        return part
    data = narrow(part.handle.data)
    return operation.to_tensor(data if part.shape else data.item(), tl.bfloat16)


def mend() -> None:
    """Mend the interpreter of this process; raises ``MendedWrongError`` where that is not enough.

    Runs once a process, before any kernel is loaded.
    """
    builder = interpreter.InterpreterBuilder
    for name, operands in (("binary_op", 2), ("unary_op", 1), ("create_fma", 3)):
        setattr(builder, name, _around(getattr(builder, name), operands))
    for name, operands in (("create_clampf", 3), ("create_erf", 1), ("create_rsqrt", 1)):
        setattr(builder, name, _around(getattr(builder, name), operands))
    builder.create_select = _select
    builder.get_bf16 = _scalar
    builder.cast_impl = _cast(builder.cast_impl)
    builder.create_fp_to_fp = _float_cast(builder.create_fp_to_fp)
    builder.create_dot = _dot(builder.create_dot)
    for name in ("create_dot_scaled", "create_histogram"):
        if not hasattr(builder, name):
            continue  # a version that lacks it refuses by itself
        setattr(builder, name, _refuse(name, getattr(builder, name)))
    for name in ("sum", "min_max"):
        setattr(interpreter.ReduceOps, name, _over_axis(getattr(interpreter.ReduceOps, name)))
    for name in ("cumsum", "cumprod"):
        setattr(interpreter.ScanOps, name, _over_axis(getattr(interpreter.ScanOps, name)))
