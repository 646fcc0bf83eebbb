"""What an answer is held against: a reference in float64 and in the region's dtype, at neighbours.

Needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_compiledai.kernels.accuracy import MOVED_STEP
from pytest_compiledai.kernels.accuracy import STEP
from pytest_compiledai.kernels.accuracy import Right
from pytest_compiledai.kernels.accuracy import is_exact
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.inputs import Case

if TYPE_CHECKING:
    import torch

#: Inputs one step away, for the scatter of rounding.
NEIGHBOURS = 3


def right_of(
    contract: Contract, drawn: Mapping[str, torch.Tensor], case: Case, dtype: str
) -> Right:
    """Return what the reference says of a case's inputs and of their neighbours."""

    def truth(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        return contract.reference(_wide(tensors), case.numbers)

    eager = contract.reference(copies(drawn), case.numbers)
    if all(is_exact(contract, name, tensor) for name, tensor in eager.items()):
        return Right(truth=eager, eager=eager, beside=(), moved=())

    moved, beside = [], []
    for number in range(1, 1 + NEIGHBOURS):
        there = _moved(drawn, case.seed + number, MOVED_STEP)
        moved.append(truth(there))
        if STEP[dtype] != MOVED_STEP:
            there = _moved(drawn, case.seed - number, STEP[dtype])
        held = {name: tensor.to(drawn[name].dtype) for name, tensor in there.items()}
        # Of float32 the same truth does: rounding inputs is little beside what moving them costs.
        true = moved[-1] if STEP[dtype] == MOVED_STEP else truth(held)
        beside.append((true, contract.reference(held, case.numbers)))
    return Right(truth=truth(drawn), eager=eager, beside=beside, moved=moved)


def copies(drawn: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors that a reference may write into."""
    return {name: tensor.clone() for name, tensor in drawn.items()}


def _wide(drawn: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name: tensor.double() if tensor.is_floating_point() else tensor.clone()
        for name, tensor in drawn.items()
    }


def _moved(drawn: Mapping[str, torch.Tensor], seed: int, step: float) -> dict[str, torch.Tensor]:
    """Return the inputs in float64, each number moved by up to a step, relative to itself."""
    import torch

    generator = torch.Generator().manual_seed(seed % (1 << 62))
    found = _wide(drawn)
    for name, tensor in found.items():
        if tensor.is_floating_point():
            by = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * 2.0 - 1.0
            found[name] = tensor * (1.0 + step * by)
    return found


def same(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Return where two tensors hold the same number, or both none."""
    found: torch.Tensor = (before == after) | (before.isnan() & after.isnan())
    return found


def left(name: str, right: Right, drawn: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return where the truth leaves a state as it was."""
    before = drawn[name].double()
    return same(before, right.truth[name].reshape(before.shape).double())


def states(contract: Contract) -> list[str]:
    """Return the outputs that hold what was there before, but for what a call writes."""
    return [t.name for t in contract.outputs if t.role == "inout" and t.name not in contract.exact]


def only(
    found: Mapping[str, torch.Tensor], right: Right, kept: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], Right]:
    """Return both with the elements alone that ``kept`` names, of outputs that stand there."""

    def part(table: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {
            name: tensor.reshape(kept[name].shape)[kept[name]] if name in kept else tensor
            for name, tensor in table.items()
        }

    return part(found), Right(
        truth=part(right.truth),
        eager=part(right.eager),
        beside=[(part(truth), part(eager)) for truth, eager in right.beside],
        moved=[part(one) for one in right.moved],
    )
