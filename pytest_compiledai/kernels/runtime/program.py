"""The framework's path of one place in the step: its operators, resolved once, called in order.

Nothing in it reads a number back from the device, so that a graph can record it: attention masks
what lies beyond the position in place of cutting it off. Siblings are one product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.kernels.reference import argument_of
from pytest_compiledai.kernels.reference import operator_of
from pytest_compiledai.kernels.region import tensors_in
from pytest_compiledai.kernels.runtime.packing import PRODUCT
from pytest_compiledai.kernels.runtime.packing import siblings

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.plan import Call
    from pytest_compiledai.kernels.region import Op
    from pytest_compiledai.kernels.region import Region

ATTENTION = "compiledai.decode_attention.default"
#: Of the scores, made once a step for every layer.
MASK = "compiledai_mask"
#: By name: a step's parameters, state and values.
Values = MutableMapping[str, "torch.Tensor"]
_Line = Callable[[dict[str, Any]], None]


class Program:
    """One call of a region by its own operators."""

    def __init__(self, region: Region, call: Call, wholes: Mapping[str, torch.Tensor]) -> None:
        """Resolve every operator. Raises ``KeyError`` for one that this torch does not have."""
        self._inputs = [
            (value.name, place) for value, place in zip(region.inputs, call.inputs, strict=True)
        ]
        self._outputs = [
            (value.name, place) for value, place in zip(region.outputs, call.outputs, strict=True)
        ]
        self._lines = _lines(region, dict(self._inputs), wholes)
        self.attends = any(op.target == ATTENTION for op in region.ops)

    def run(self, values: Values) -> None:
        """Read the call's inputs from ``values``, write state in place and outputs there."""
        known: dict[str, Any] = {name: values[place] for name, place in self._inputs}
        if self.attends:
            known[MASK] = values[MASK]
        for line in self._lines:
            line(known)
        for name, place in self._outputs:
            values[place] = known[name]


def _lines(
    region: Region, places: Mapping[str, str], wholes: Mapping[str, torch.Tensor]
) -> list[_Line]:
    groups = {group[0]: group for group in siblings(region) if places[group[0]] in wholes}
    first = {name: group for group in groups.values() for name in group}
    lines: list[_Line] = []
    for op in region.ops:
        names = list(tensors_in([*op.args]))
        if op.target != PRODUCT or names[-1] not in first:
            lines.append(_line(op))
        elif names[-1] in groups:
            group = first[names[-1]]
            outs = [_product(region, name) for name in group]
            lines.append(_joined(names[0], wholes[places[group[0]]], outs))
    return lines


def _product(region: Region, weight: str) -> Op:
    return next(
        op for op in region.ops if op.target == PRODUCT and weight in tensors_in([*op.args])
    )


def _joined(given: str, whole: torch.Tensor, outs: list[Op]) -> _Line:
    """Return one product whose parts are the results of many."""
    import torch

    sizes = [op.shape[-1] for op in outs]

    def line(known: dict[str, Any]) -> None:
        parts = torch.split(torch.nn.functional.linear(known[given], whole), sizes, -1)
        for op, part in zip(outs, parts, strict=True):
            known[op.out] = part

    return line


def _line(op: Op) -> _Line:
    if op.target == ATTENTION:
        return _attention(op)
    call = operator_of(op.target)
    args, kwargs, out = op.args, op.kwargs, op.out

    def line(known: dict[str, Any]) -> None:
        made = call(
            *[argument_of(value, known) for value in args],
            **{key: argument_of(value, known) for key, value in kwargs.items()},
        )
        if out:
            known[out] = made

    return line


def masked(position: torch.Tensor, room: int, *, dtype: torch.dtype) -> torch.Tensor:
    """Return what is added to the scores of ``room`` positions: nothing up to ``position``."""
    import torch

    beyond = torch.arange(room, device=position.device) > position.reshape(-1)
    return torch.zeros((room,), dtype=dtype, device=position.device).masked_fill_(beyond, -math.inf)


def _attention(op: Op) -> _Line:
    """Return attention over the bucket; heads that share keys are rows of one product."""
    import torch

    query, keys, values, _ = tensors_in([*op.args])
    scale = op.args[4]

    def line(known: dict[str, Any]) -> None:
        held = known[query]
        grouped = held.reshape(1, known[keys].shape[1], -1, held.shape[-1])
        found = torch.nn.functional.scaled_dot_product_attention(
            grouped,
            known[keys],
            known[values],
            attn_mask=known[MASK].expand(1, 1, grouped.shape[2], -1),
            scale=scale,
        )
        known[op.out] = found.reshape(held.shape)

    return line
