"""What one call of a candidate is given: its buffers and its launches, at a case's sizes.

Needs torch, whose tensors the buffers' bytes come from and go back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Step
from pytest_compiledai.kernels.inputs import Case

if TYPE_CHECKING:
    import torch

#: What a buffer holds before a call, a byte repeated: NaN in every float format and -1 in every
#: signed integer; a small number in the former and a large one in the latter.
_BEFORE: Mapping[str, bytes] = {"nan": b"\xff", "last": b"\xff", "number": b"\x3c"}


def tensor_of(data: bytes, like: torch.Tensor) -> torch.Tensor:
    """Return what a buffer holds, with the shape and type of another tensor."""
    import torch

    return torch.frombuffer(bytearray(data), dtype=like.dtype).reshape(like.shape)


def buffers(
    contract: Contract,
    candidate: Candidate,
    case: Case,
    dtype: str,
    drawn: Mapping[str, torch.Tensor],
) -> list[Held]:
    """Return the buffers of a call: the inputs, and what outputs and scratch hold before it."""
    return [*tensors(contract, case, dtype, drawn), *scratch(candidate, case, dtype)]


def tensors(
    contract: Contract, case: Case, dtype: str, drawn: Mapping[str, torch.Tensor]
) -> list[Held]:
    """Return the buffers of a region's tensors."""
    found = []
    blank, kept = _BEFORE[case.before], case.before == "last"
    for tensor in contract.tensors:
        kind = dtype if tensor.dtype == ANY else tensor.dtype
        writable = tensor.role != "input"
        data = (
            blank * (prod(tensor.sizes(case.dims)) * _width(kind))
            if tensor.role == "output"
            else bytes_of(drawn[tensor.name])
        )
        found.append(
            Held(
                name=tensor.name,
                dtype=kind,
                data=data,
                skew=case.skew,
                writable=writable,
                returned=True,
                kept=kept and tensor.role == "output",
            )
        )
    return found


def scratch(candidate: Candidate, case: Case, dtype: str) -> list[Held]:
    """Return the buffers between the launches of a candidate."""
    blank, kept = _BEFORE[case.before], case.before == "last"
    found = []
    for item in candidate.scratch:
        sizes = tuple(expression.value(size, case.dims) for size in item.shape)
        kind = dtype if item.dtype == ANY else item.dtype
        data = blank * (prod(sizes) * _width(kind))
        found.append(Held(name=item.name, dtype=kind, data=data, writable=True, kept=kept))
    return found


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Return a tensor's elements in row-major order as bytes."""
    import torch

    data: bytes = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return data


def _width(dtype: str) -> int:
    import torch

    return int(getattr(torch, dtype).itemsize)


def steps(candidate: Candidate, contract: Contract, dims: Mapping[str, int]) -> list[Step]:
    """Return the launches with every expression computed at these sizes."""
    pointers = {*contract.names, *(item.name for item in candidate.scratch)}

    def argument(text: str | int) -> str | float:
        if isinstance(text, str) and text in pointers:
            return text
        if isinstance(text, str) and text in contract.numbers:
            return float(contract.numbers[text])
        return expression.value(text, dims)

    return [
        Step(
            kernel=launch.kernel,
            grid=tuple(expression.value(size, dims) for size in launch.grid),
            arguments=tuple(argument(text) for text in launch.arguments),
            constants={k: expression.value(v, dims) for k, v in launch.constants.items()},
        )
        for launch in candidate.launches
    ]
