"""Mends masks in Triton's interpreter: a comparison of two scalars stays a truth value.

The interpreter gives the result of a comparison the dtype of what was compared. A block keeps its
truth values all the same; a scalar that becomes a block is made of floats, and no mask any more.
And it gives zero where a mask is false and nothing else is asked for; a device gives anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton.language as tl
from triton.runtime import interpreter


def mend() -> None:
    """Mend the interpreter of this process."""
    builder = interpreter.InterpreterBuilder
    original = builder.create_splat

    def mended(self: Any, kind: Any, value: Any) -> Any:
        if value.data.dtype != np.bool_:
            return original(self, kind, value)
        return interpreter.TensorHandle(np.full(kind.shape, value.data, dtype=np.bool_), tl.int1)

    builder.create_splat = mended


def poison() -> None:
    """Let a masked load that says nothing of the rest give NaN there, or -1 of whole numbers."""
    builder = interpreter.InterpreterBuilder
    original = builder.create_masked_load

    def poisoned(self: Any, pointers: Any, mask: Any, other: Any, *rest: Any) -> Any:
        if other is None and not np.all(mask.data):
            kind = pointers.get_element_ty()
            dtype = np.dtype(interpreter._get_np_dtype(kind))
            one = np.frombuffer((b"\1" if dtype == np.bool_ else b"\xff") * dtype.itemsize, dtype)
            other = interpreter.TensorHandle(np.full(pointers.data.shape, one[0], dtype), kind)
        return original(self, pointers, mask, other, *rest)

    builder.create_masked_load = poisoned
