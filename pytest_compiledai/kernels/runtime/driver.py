"""Loads machine code and launches it by CUDA's driver, which every CUDA device has.

Needs no CUDA toolkit. A graph that is being recorded records these launches like any other.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import ToolError

if TYPE_CHECKING:
    import torch

_LIBRARIES: Final = ("libcuda.so.1", "libcuda.so", "nvcuda.dll")
_MOST_SHARED: Final = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_STATIC_SHARED: Final = 48 << 10  # bytes that need no word of ours


@lru_cache(maxsize=1)
def _driver() -> Any:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise ToolError(
        where="CUDA",
        found="no driver library",
        expected=_LIBRARIES[0],
        next="run on a machine with a CUDA device",
    )


def function(cubin: bytes, name: str, *, shared: int = 0) -> Any:
    """Return a kernel of ``cubin`` in the current context. Raises ``ToolError``."""
    module, found = ctypes.c_void_p(), ctypes.c_void_p()
    _told("cuModuleLoadData", ctypes.byref(module), cubin)
    _told("cuModuleGetFunction", ctypes.byref(found), module, name.encode())
    if shared > _STATIC_SHARED:
        _told("cuFuncSetAttribute", found, _MOST_SHARED, shared)
    return found


def launcher(
    kernel: Any,
    *,
    grid: Sequence[int],
    block: Sequence[int],
    shared: int,
    arguments: Sequence[str | float],
) -> Callable[[Mapping[str, torch.Tensor]], None]:
    """Return one launch over buffers by name, on torch's current stream."""
    sizes = [*grid, *[1] * (3 - len(grid)), *block, *[1] * (3 - len(block))]

    def launch(buffers: Mapping[str, torch.Tensor]) -> None:
        import torch

        values = [_value(argument, buffers) for argument in arguments]
        places = [ctypes.cast(ctypes.pointer(value), ctypes.c_void_p) for value in values]
        packed = (ctypes.c_void_p * len(places))(*places)
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        _told("cuLaunchKernel", kernel, *sizes, shared, stream, packed, None)

    return launch


def _value(argument: str | float, buffers: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(argument, str):
        return ctypes.c_void_p(buffers[argument].data_ptr())
    return ctypes.c_int64(argument) if isinstance(argument, int) else ctypes.c_float(argument)


def _told(name: str, *arguments: Any) -> None:
    code = getattr(_driver(), name)(*arguments)
    if code:
        raise ToolError(
            where=name,
            found=f"CUDA's error {code}",
            expected="success",
            next="see the driver's list of results for this number",
        )
