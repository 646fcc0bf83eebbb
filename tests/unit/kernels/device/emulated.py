"""Does what a launch asks for, from its bytes alone: Triton's interpreter stands for the device."""

from __future__ import annotations

import ctypes
import linecache
import struct
import sys
import types
from typing import Any

import torch
import triton
import triton.language as tl
from triton.runtime import interpreter
from triton.runtime.jit import JITFunction

from tests.unit.kernels.device.fake import Told

_NUMBERS = {"i32": "<i", "i64": "<q", "fp32": "<f"}
_TYPES = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "i32": torch.int32,
    "i64": torch.int64,
}
_SCRATCH = [8, 8]  # pointers that the compiler adds behind a kernel's own parameters
_ELEMENT = 8  # bytes that the longest type has
_plain: dict[str, types.ModuleType] = {}


def emulate(told: Told) -> None:
    """Run a launch over the memory that its parameters point to."""
    module, compiled = _compiled(told.function)
    given, values = iter(told.parameters), {}
    for place, (name, kind) in enumerate(compiled.src.signature.items()):
        if kind == "constexpr":
            values[name] = compiled.src.constants[(place,)]
        elif kind.startswith("*"):
            values[name] = _pointer(next(given), kind.removeprefix("*"))
        else:
            (values[name],) = struct.unpack(_NUMBERS[kind], next(given))
    assert [len(one) for one in given] == _SCRATCH
    assert told.block == (32 * compiled.metadata.num_warps, 1, 1)
    assert told.shared == compiled.metadata.shared
    _interpreted(module, told, values)


def _compiled(function: int) -> tuple[types.ModuleType, Any]:
    """Return the module and the compiled kernel that the driver knows by a number."""
    modules = [one for name, one in sys.modules.items() if name.startswith("compiledai_kernel_")]
    for module in modules:
        for jitted in vars(module).values():
            if isinstance(jitted, JITFunction):
                for known in jitted.device_caches.values():
                    for compiled in known[0].values():
                        if compiled.function == function:
                            return module, compiled
    raise KeyError(function)


def _pointer(raw: bytes, kind: str) -> torch.Tensor:
    """Return a tensor at the address; the interpreter asks for no more than place and type."""
    (address,) = struct.unpack("<Q", raw)
    assert address % 16 == 0, "the compiler was promised aligned buffers"
    return torch.frombuffer((ctypes.c_char * _ELEMENT).from_address(address), dtype=_TYPES[kind])


def _interpreted(module: types.ModuleType, told: Told, values: dict[str, Any]) -> None:
    function = getattr(_without_waits(module), told.kernel)
    constant = {one.name for one in getattr(module, told.kernel).params if one.is_constexpr}
    interpreter._patch_lang(function.fn)
    taken = {
        name: value if name in constant else interpreter._implicit_cvt(value)
        for name, value in values.items()
    }
    interpreter.interpreter_builder.set_grid_dim(*told.grid)
    kernel = function.rewrite()
    for x in range(told.grid[0]):
        for y in range(told.grid[1]):
            interpreter.interpreter_builder.set_grid_idx(x, y, 0)
            kernel(**taken)


def _without_waits(module: types.ModuleType) -> types.ModuleType:
    """Return the module as the interpreter runs it, which knows nothing of other kernels."""
    if not _plain:
        _patch_language()
    if module.__name__ not in _plain:
        lines = [line for line in linecache.getlines(str(module.__file__)) if "gdc_" not in line]
        plain = types.ModuleType(f"{module.__name__}_plain")
        plain.__file__ = f"<{plain.__name__}>"
        linecache.cache[plain.__file__] = (1, None, lines, plain.__file__)
        triton.knobs.runtime.interpret = True
        exec(compile("".join(lines), plain.__file__, "exec"), vars(plain))
        triton.knobs.runtime.interpret = False
        _plain[module.__name__] = plain
    return _plain[module.__name__]


def _patch_language() -> None:
    """Let the language's own functions be interpreted; nothing can be compiled after it."""
    for module in (tl, tl.core, tl.math, sys.modules["triton.language.standard"]):
        for name, value in list(vars(module).items()):
            if isinstance(value, JITFunction):
                setattr(module, name, interpreter.InterpretedFunction(value.fn))
    interpreter._patch_lang(tl.zeros.fn)
    interpreter.InterpretedFunction.__call__ = lambda self, *given, **named: self.rewrite()(
        *given, **named
    )
