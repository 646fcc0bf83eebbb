"""Launches a kernel's functions over tensors: C++ here, Triton and CUDA on a device.

Only texts that passed the gates come here; what they are is compared before (see ``frozen.py``).
"""

from __future__ import annotations

import ctypes
import linecache
import sys
import tempfile
import types
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.runtime import driver
from pytest_compiledai.kernels.runtime.waiting import too_early

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.candidate import Candidate
    from pytest_compiledai.kernels.executing import Step

#: Takes buffers by name and does every launch of a region in order.
Launcher = Callable[[Mapping[str, "torch.Tensor"]], None]


def cpp(candidate: Candidate, steps: Sequence[Step]) -> Launcher:
    """Return the launches of C++ functions. Raises ``NotBuiltError`` or ``ToolError``."""
    with tempfile.TemporaryDirectory() as folder:
        library = ctypes.CDLL(str(native.build(candidate.source, Path(folder))))
    calls = []
    for step in steps:
        function = getattr(library, step.kernel)
        function.restype = None
        calls.append((function, [_native(argument) for argument in step.arguments]))

    def launch(buffers: Mapping[str, torch.Tensor]) -> None:
        for function, arguments in calls:
            function(
                *[
                    ctypes.c_void_p(buffers[argument].data_ptr())
                    if isinstance(argument, str)
                    else argument
                    for argument in arguments
                ]
            )

    return launch


def _native(value: str | float) -> Any:
    if isinstance(value, str):
        return value
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)


class TritonLaunches:
    """The launches of Triton kernels by its own compiler, which compiles at the first call."""

    def __init__(
        self, candidate: Candidate, steps: Sequence[Step], *, source: str = "", early: bool = False
    ) -> None:
        """Read the kernels.

        ``source`` stands in place of the candidate's text where it is the dependent form of it,
        and ``early`` lets each kernel start before the one in front of it has ended.
        """
        module = _module(source or candidate.source)
        options = {"launch_pdl": True} if early else {}
        self._calls = [
            (
                getattr(module, launch.kernel),
                step,
                {"num_warps": launch.warps, "num_stages": launch.stages, **options},
            )
            for launch, step in zip(candidate.launches, steps, strict=True)
        ]

    def __call__(self, buffers: Mapping[str, torch.Tensor]) -> None:
        """Launch over these buffers."""
        for kernel, step, options in self._calls:
            arguments = [buffers[a] if isinstance(a, str) else a for a in step.arguments]
            kernel[step.grid](*arguments, **step.constants, **options)

    def compile(self, dtypes: Mapping[str, torch.dtype]) -> None:
        """Compile every kernel for buffers of these types, load it, and launch none."""
        for compiled, _ in self._compiled(dtypes):
            # Else the first launch loads it and builds its launcher; Triton has no public word.
            compiled._init_handles()  # noqa: SLF001

    def check(self, dtypes: Mapping[str, torch.dtype], weights: Collection[str]) -> None:
        """Compile, and see that nothing but ``weights`` is read before a kernel waits.

        Raises ``ValueError`` with the reason where something else is.
        """
        for compiled, step in self._compiled(dtypes):
            names = [name for name, kind in compiled.src.signature.items() if kind != "constexpr"]
            kinds = compiled.src.signature
            pointers = {n: name for n, name in enumerate(names) if kinds[name].startswith("*")}
            given = dict(zip(kinds, step.arguments, strict=False))
            fixed = {name for name, argument in given.items() if argument in weights}
            if reason := too_early(compiled.asm["ptx"], pointers, fixed):
                raise ValueError(f"{step.kernel} cannot start early: {reason}")

    def _compiled(self, dtypes: Mapping[str, torch.dtype]) -> Iterator[tuple[Any, Step]]:
        for kernel, step, options in self._calls:
            arguments = [dtypes[a] if isinstance(a, str) else a for a in step.arguments]
            yield kernel.warmup(*arguments, grid=step.grid, **step.constants, **options), step


def cuda(
    candidate: Candidate, steps: Sequence[Step], cubin: bytes, dims: Mapping[str, int]
) -> Launcher:
    """Return the launches of CUDA kernels in ``cubin``. Raises ``ToolError``."""
    launches = []
    for launch, step in zip(candidate.launches, steps, strict=True):
        shared = expression.value(launch.shared, dims)
        launches.append(
            driver.launcher(
                driver.function(cubin, launch.kernel, shared=shared),
                grid=step.grid,
                block=[expression.value(size, dims) for size in launch.block] or [128],
                shared=shared,
                arguments=step.arguments,
            )
        )

    def launch_all(buffers: Mapping[str, torch.Tensor]) -> None:
        for one in launches:
            one(buffers)

    return launch_all


def _module(source: str) -> types.ModuleType:
    """Return a text as a module; its lines are kept, for Triton reads a kernel's own text."""
    name = f"compiledai_kernel_{digest(source.encode())[:16]}"
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__file__ = f"<{name}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[module.__file__] = (len(source), None, lines, module.__file__)
        sys.modules[name] = module
        exec(compile(source, module.__file__, "exec", dont_inherit=True), vars(module))  # noqa: S102 - text that passed the allow-list
    return sys.modules[name]
