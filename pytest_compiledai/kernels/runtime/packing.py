"""Weights that multiply the same value lie behind each other, so that one product reads them.

Queries, keys and values are three weights over one normalised row, gate and up are two. They are
copied into one tensor when a model is loaded; the model's parameters become views of it, so that
prefill, framework and kernels read the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.kernels.region import tensors_in

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.plan import Plan
    from pytest_compiledai.kernels.region import Region

PRODUCT: Final = "aten.linear.default"
_OPERANDS: Final = 2  # a product without a bias


def siblings(region: Region) -> tuple[tuple[str, ...], ...]:
    """Return the groups of weights, by the region's names, that multiply the same value."""
    weights = {value.name for value in region.inputs if value.role == "weight"}
    groups: dict[str, list[str]] = {}
    for op in region.ops:
        names = list(tensors_in([*op.args]))
        if op.target == PRODUCT and len(names) == _OPERANDS and names[1] in weights:
            groups.setdefault(names[0], []).append(names[1])
    read = Counter(name for op in region.ops for name in tensors_in([*op.args]))
    once = [tuple(name for name in group if read[name] == 1) for group in groups.values()]
    return tuple(group for group in once if len(group) > 1)


def pack(plan: Plan, tensors: MutableMapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Lay siblings behind each other and return each whole by the place of its first weight.

    ``tensors`` are a model's parameters and buffers by the plan's names; they stay the objects
    that they are and only get other storage. A weight that two groups name stays where it is.
    """
    import torch

    wholes: dict[str, torch.Tensor] = {}
    moved: set[int] = set()
    for places in _groups(plan):
        held = [tensors[place] for place in places]
        if any(id(tensor) in moved for tensor in held) or len({t.dtype for t in held}) > 1:
            continue
        whole = torch.cat([tensor.detach() for tensor in held])
        at = 0
        for tensor in held:
            tensor.data = whole[at : at + tensor.shape[0]]
            at += tensor.shape[0]
            moved.add(id(tensor))
        wholes[places[0]] = whole
    return wholes


def _groups(plan: Plan) -> Iterator[tuple[str, ...]]:
    """Yield the groups of a step by the model's names, in the plan's order."""
    known: Mapping[str, Region] = {region.name: region for region in plan.regions}
    for call in plan.calls:
        region = known[call.region]
        names = dict(zip([value.name for value in region.inputs], call.inputs, strict=True))
        for group in siblings(region):
            yield tuple(names[name] for name in group)
