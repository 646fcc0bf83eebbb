"""Mends masks in Triton's interpreter: a comparison of two scalars stays a truth value.

The interpreter gives the result of a comparison the dtype of what was compared. A block keeps its
truth values all the same; a scalar that becomes a block is made of floats, and no mask any more.
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
