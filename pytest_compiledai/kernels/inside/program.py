"""A candidate's text as kernels that this process can run."""

from __future__ import annotations

import ctypes
import linecache
import sys
import types
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from triton.runtime.interpreter import InterpretedFunction
from triton.runtime.jit import JITFunction

from .memory import Buffer
from .memory import TouchedWrongError
from .running import Kernel
from .stack import Stack

_NAME = "candidate_kernel"


class TritonProgram:
    """The kernels of a Triton source, loaded from memory."""

    def __init__(self, source: str) -> None:
        """Execute the module; its imports find what is loaded already, and nothing else."""
        module = types.ModuleType(_NAME)
        module.__file__ = f"<{_NAME}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[module.__file__] = (len(source), None, lines, module.__file__)
        sys.modules[_NAME] = module
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
        _interpret(module)
        self._module = module
        self._kernels: dict[str, Kernel] = {}

    def begin(self) -> None:
        """Do nothing: each load and store is watched."""

    def end(self) -> None:
        """Do nothing."""

    def run(
        self,
        name: str,
        grid: Sequence[int],
        arguments: Sequence[Buffer | float],
        constants: Mapping[str, Any],
        programs: Sequence[int] | None = None,
    ) -> None:
        """Launch one kernel, or the programs of it that are named."""
        if name not in self._kernels:
            self._kernels[name] = Kernel(getattr(self._module, name).fn)
        self._kernels[name].run(grid, arguments, constants, programs)


def _interpret(module: types.ModuleType) -> None:
    """Have the functions of a module call one another in the interpreter, too."""
    for name, value in list(vars(module).items()):
        if isinstance(value, JITFunction):
            setattr(module, name, InterpretedFunction(value.fn))


class NativeProgram:
    """The functions of a library that was opened before the wall stood."""

    def __init__(self, library: ctypes.CDLL, frames: int) -> None:
        self._library = library
        self._stack = Stack(frames)

    def run(
        self,
        name: str,
        grid: Sequence[int],
        arguments: Sequence[Buffer | float],
        constants: Mapping[str, Any],
        programs: Sequence[int] | None = None,
    ) -> None:
        """Call one function; the grid and the constants are compiled into it.

        Raises ``ValueError`` where programs are named: a function has none.
        """
        if programs is not None:
            raise ValueError("programs of a function")
        function = getattr(self._library, name)
        function.restype = None
        function(*map(_native, arguments))

    def begin(self) -> None:
        """Start to watch the stack below the functions' own variables."""
        self._stack.fill()

    def end(self) -> None:
        """Compare it; raises ``TouchedWrongError``."""
        if not self._stack.holds():
            raise TouchedWrongError("a write to the stack, below the function's own variables")


def _native(value: Buffer | float) -> Any:
    if isinstance(value, Buffer):
        return ctypes.c_void_p(value.address)
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)
