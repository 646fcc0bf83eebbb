"""The time of a C++ candidate, taken in turns with the framework, of answers that are compared.

Needs torch, and so runs in the process of ``answering``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.accuracy import is_exact
from pytest_compiledai.kernels.call import buffers
from pytest_compiledai.kernels.call import steps
from pytest_compiledai.kernels.call import tensor_of
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.executing import LIMITS
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.executing import Written
from pytest_compiledai.kernels.inputs import Case
from pytest_compiledai.kernels.inputs import draw

if TYPE_CHECKING:
    import torch

#: What was timed at sizes that are cut elsewhere is as near as this to the framework's answer. Both
#: round: honest kernels are up to 1.7e-6 away (attention); float16 inside is 2e-4 away.
TIMED_NEAR = 1e-5
#: Turns of a measurement; ``latency.judge_cpu`` says what interval they give.
ROUNDS = 15


def measure(
    contract: Contract, candidate: Candidate, *, dtype: str, rounds: int = ROUNDS
) -> tuple[list[int], list[int]]:
    """Return the nanoseconds of a C++ candidate and of the framework, taken in turns.

    At the region's own sizes, no cut; raises ``FaultError``, ``SandboxError``, ``ToolError`` and
    ``NotBuiltError``.
    """
    with tempfile.TemporaryDirectory() as name:
        library = native.build(candidate.source, Path(name))
        return _measure(contract, candidate, library, dtype, rounds)


def _measure(
    contract: Contract, candidate: Candidate, library: Path, dtype: str, rounds: int
) -> tuple[list[int], list[int]]:
    import time

    import torch

    threads = torch.get_num_threads()
    case = Case(name="timed", dims=contract.dims, seed=1, numbers=contract.numbers)
    drawn = draw(contract, case, dtype)
    held = buffers(contract, candidate, case, dtype, drawn)
    todo = steps(candidate, contract, case.dims)
    own: list[int] = []
    framework: list[int] = []
    with Running("", library=library, limits=LIMITS) as running:
        for _ in range(rounds):
            written = running.call(held, todo, warm=True)
            own.append(written.ns)
            # Many threads are slower than one where the work is small or the machine is busy.
            taken = []
            for count in (threads, 1):
                torch.set_num_threads(count)
                begun = time.perf_counter_ns()
                answer = contract.reference(drawn, case.numbers)
                taken.append(time.perf_counter_ns() - begun)
            framework.append(min(taken))
    torch.set_num_threads(threads)
    _near(contract, written, answer)
    return own, framework


def _near(contract: Contract, written: Written, answer: Mapping[str, torch.Tensor]) -> None:
    """Raise ``FaultError`` where the last timed call is not the framework's answer.

    The region's own sizes may be too large for the accuracy gate; a kernel must not know them.
    """
    import torch

    for name in (tensor.name for tensor in contract.outputs):
        found = tensor_of(written.data[name], answer[name]).double()
        true = answer[name].double()
        apart = torch.where((found == true) | (found.isnan() & true.isnan()), 0.0, found - true)
        most = 0.0 if is_exact(contract, name, answer[name]) else TIMED_NEAR
        # Written so that NaN fails.
        if not bool(apart.norm() <= most * torch.nan_to_num(true).norm()):
            raise FaultError(f"{name} at the sizes that were timed is not the framework's")
