"""Holds a kernel to what it tells the compiler about its numbers.

The interpreter takes a hint and does nothing with it; compiled code rests on it, and reads beside
the right address where it does not hold. So each hint is compared with the numbers it is given on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter


class BrokenHintError(Exception):
    """A kernel told the compiler what is not so; the text says which numbers speak against it."""


def check() -> None:
    """Have the interpreter of this process compare every hint."""
    patched = interpreter._patch_lang_core

    def patch(lang: Any, scope: Any) -> None:
        patched(lang, scope)
        for name, holds in _HOLDS.items():
            scope.set_attr(lang, name, _compared(name, getattr(lang, name), holds))

    interpreter._patch_lang_core = patch


def _compared(name: str, taken: Any, holds: Any) -> Any:
    def hint(values: Any, asked: Any) -> Any:
        told = [_plain(one) for one in (asked if isinstance(asked, (list, tuple)) else [asked])]
        # Where a pointer points is the caller's promise, not the kernel's.
        if isinstance(values, tl.tensor) and not values.dtype.scalar.is_ptr():
            data = np.atleast_1d(values.handle.data).astype(np.int64)
            for axis, most in enumerate(told[: data.ndim]):
                if most > 1 and not holds(np.moveaxis(data, axis, -1), most):
                    raise BrokenHintError(f"tl.{name} says {most} of numbers that are not so")
        return taken(values, asked)

    return hint


def _plain(value: Any) -> int:
    return int(value.value if isinstance(value, tl.constexpr) else value)


def _is_multiple(data: Any, most: int) -> bool:
    """Say whether each run of neighbours starts at a multiple: that is what is promised."""
    starts = np.ones(data.shape, dtype=bool)
    starts[..., 1:] = np.diff(data, axis=-1) != 1
    return bool((data[starts] % most == 0).all())


def _steps(data: Any, most: int, step: int) -> bool:
    whole = data[..., : data.shape[-1] // most * most].reshape(*data.shape[:-1], -1, most)
    return bool((np.diff(whole, axis=-1) == step).all())


_HOLDS = {
    "multiple_of": _is_multiple,
    "max_contiguous": lambda data, most: _steps(data, most, 1),
    "max_constancy": lambda data, most: _steps(data, most, 0),
}
