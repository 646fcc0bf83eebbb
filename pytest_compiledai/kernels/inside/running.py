"""Runs one kernel over a grid in Triton's interpreter, in place, with no copy of a tensor."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from collections.abc import Sequence
from math import prod
from typing import Any

import triton.language as tl
from triton.runtime import interpreter
from triton.runtime.jit import _normalize_ty

from .memory import WATCH


def quicken() -> None:
    """Patch the language for its own functions once, not at each call of one, as upstream does.

    A call of `tl.zeros` or of a function of the candidate costs a millisecond otherwise.
    """

    def called(self: Any, *arguments: Any, **named: Any) -> Any:
        return self.rewrite()(*arguments, **named)

    interpreter._patch_lang(tl.zeros.fn)
    interpreter.InterpretedFunction.__call__ = called


class Kernel:
    """A function of a candidate as the interpreter runs it."""

    def __init__(self, function: Any) -> None:
        self._interpreted = interpreter.InterpretedFunction(function)
        self._constant = {
            name
            for name, kind in inspect.get_annotations(function).items()
            if _normalize_ty(kind) == "constexpr"
        }

    def run(
        self,
        grid: Sequence[int],
        arguments: Sequence[Any],
        constants: Mapping[str, Any],
        programs: Sequence[int] | None = None,
    ) -> None:
        """Run the programs of the grid, or those that are named; raises what the kernel raises."""
        function = self._interpreted.rewrite()
        bound = inspect.getcallargs(self._interpreted.fn, *arguments, **constants)
        scope = interpreter._patch_lang(self._interpreted.fn)
        try:
            taken = {
                name: value if name in self._constant else interpreter._implicit_cvt(value)
                for name, value in bound.items()
            }
            interpreter.interpreter_builder.set_grid_dim(*grid)
            for number in range(prod(grid)) if programs is None else programs:
                WATCH.program = number
                ahead, z = divmod(number, grid[2])
                interpreter.interpreter_builder.set_grid_idx(*divmod(ahead, grid[1]), z)
                function(**taken)
        finally:
            scope.restore()
