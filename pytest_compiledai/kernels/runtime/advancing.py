"""The end of a step in one launch: the token is told and handed on, and the position moves.

By the framework these are three launches, one of them a copy, which the next kernel cannot start
before the end of.
"""

from __future__ import annotations

from typing import Final

from pytest_compiledai.kernels.call import steps
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.runtime.dependent import dependent
from pytest_compiledai.kernels.runtime.launching import TritonLaunches

_TEXT: Final = """import triton
import triton.language as tl

LAUNCH = [
    {
        "kernel": "advance",
        "grid": [1],
        "args": ["chosen", "token", "position", "said"],
        "num_warps": 1,
    }
]


@triton.jit
def advance(chosen, token, position, said):
    one = tl.load(chosen).to(token.dtype.element_ty)
    at = tl.load(position)
    tl.store(said + at, one)
    tl.store(token, one)
    tl.store(position, at + 1)
"""
_NAMES: Final = ("chosen", "token", "position", "said")


def advancing(*, early: bool = False) -> TritonLaunches:
    """Return the launch over `chosen`, `token`, `position` and `said`."""
    contract = Contract(
        name="advance",
        family="advance",
        dims={},
        tensors=tuple(
            Tensor(name=name, shape=("1",), dtype="int64", role="inout") for name in _NAMES
        ),
        reference=lambda tensors, _: tensors,
    )
    candidate = read(_TEXT, "triton", contract)
    source = dependent(candidate, _NAMES) if early else ""
    return TritonLaunches(candidate, steps(candidate, contract, {}), source=source, early=early)
