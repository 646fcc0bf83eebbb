"""Which template family says the mathematics of a captured region, and under which names.

A match is a proposal: whether the family's kernel does compute the region is for the gates to say,
which compare it with the region's own operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import tensors_in

if TYPE_CHECKING:
    from pytest_compiledai.kernels.candidate import Candidate
    from pytest_compiledai.kernels.candidate import Language

#: Operators that move no number.
_VIEWS: Final = frozenset({"view", "reshape", "transpose", "unsqueeze", "select", "to", "alias"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A family, its name for each of a region's values, and the sizes of its dimensions."""

    family: str
    names: Mapping[str, str]  # the region's name -> the family's
    dims: Mapping[str, int]


def matched(region: Region) -> Match | None:
    """Return the family that may compute ``region``; None where no shipped one does."""
    for match in _product_and_sum(region):
        return match
    return None


def language_of(targets: Sequence[str]) -> Language | None:
    """Return the language of proposals for ``targets``; None for processors of both sorts."""
    if list(targets) == ["cpu"]:
        return "cpp"
    return None if "cpu" in targets else "triton"


def proposals(region: Region, targets: Sequence[str], most: int) -> list[Candidate]:
    """Return at most ``most`` of the family's candidates, spread over its space."""
    from pytest_compiledai.kernels.adapting import contract_of
    from pytest_compiledai.kernels.families import family

    match, language = matched(region), language_of(targets)
    if match is None or language is None:
        return []
    contract = contract_of(region, region.outputs[0].dtype, match=match)
    found = family(match.family).candidates(contract, language=language)
    step = max(1, len(found) // most)
    return found[::step][:most]


def _product_and_sum(region: Region) -> Iterator[Match]:
    """Yield `gemv` for a row times a matrix with something of the same length added."""
    real = [op for op in region.ops if op.target.split(".")[1] not in _VIEWS]
    if [op.target.split(".")[1] for op in real] != ["linear", "add"]:
        return
    product, added = real
    weights = [value for value in region.inputs if value.role == "weight"]
    flows = [value for value in region.inputs if value.role == "activation"]
    if len(weights) != 1 or len(weights[0].shape) != 2 or len(flows) != 2:  # noqa: PLR2004
        return
    beside = [name for name in tensors_in([*added.args]) if name != product.out]
    residual = next((value for value in flows if value.name in beside), None)
    if residual is None or len(region.outputs) != 1 or product.kwargs:
        return
    (x,) = (value for value in flows if value is not residual)
    names = {x.name: "x", weights[0].name: "weight", residual.name: "residual"}
    rows, columns = weights[0].shape
    yield Match(
        family="gemv",
        names=names | {region.outputs[0].name: "out"},
        dims={"N": rows, "K": columns},
    )
