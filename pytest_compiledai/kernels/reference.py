"""The mathematics of a region, evaluated from its operators at any precision.

Needs torch, which is imported where a region is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.region import Region


def evaluate(
    region: Region, tensors: Mapping[str, torch.Tensor], *, dtype: str = ""
) -> dict[str, torch.Tensor]:
    """Return the outputs and the mutated state of ``region`` by name.

    With ``dtype`` every floating tensor and every cast inside is of that precision, `float64` for
    the truth; without it the operators keep the dtypes they were captured with. The tensors given
    are left as they are. Raises ``KeyError`` for an operator that this torch does not have.
    """
    import torch

    wide = getattr(torch, dtype) if dtype else None

    def lifted(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(wide) if wide is not None and tensor.is_floating_point() else tensor

    known = {value.name: lifted(tensors[value.name]) for value in region.inputs}
    for name in region.mutates:
        known[name] = known[name].clone()
    with torch.no_grad():
        for op in region.ops:
            made = operator_of(op.target)(
                *_arguments(op.args, known, wide),
                **{key: argument_of(value, known, wide) for key, value in op.kwargs.items()},
            )
            if op.out:
                known[op.out] = made
    return {name: known[name] for name in (*(out.name for out in region.outputs), *region.mutates)}


def attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    position: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Return softmax(q k^T * scale) v over positions 0 to ``position``, at least in float32.

    ``query`` is (1, heads, 1, d); ``keys`` and ``values`` are (1, groups, positions, d).
    """
    import torch

    wide = torch.promote_types(query.dtype, torch.float32)
    end = int(position.reshape(-1)[0]) + 1
    groups = keys.shape[1]
    grouped = query.to(wide).reshape(groups, -1, query.shape[-1])
    scores = grouped @ keys[0, :, :end].to(wide).transpose(1, 2) * scale
    out = torch.softmax(scores, -1) @ values[0, :, :end].to(wide)
    return out.reshape(query.shape).to(query.dtype)


def operator_of(target: str) -> Any:
    """Return what an operator's name calls. Raises ``KeyError`` where this torch has none."""
    import torch

    space, name, *overload = target.split(".")
    if space == "compiledai":
        return {"decode_attention": attend}[name]
    if space == "operator":
        import operator

        return {"getitem": operator.getitem}[name]
    packet = getattr(getattr(torch.ops, space), name, None)
    if packet is None or not overload:
        raise KeyError(target)
    return getattr(packet, overload[0])


def _arguments(values: Any, known: Mapping[str, Any], wide: Any) -> list[Any]:
    return [argument_of(value, known, wide) for value in values]


def argument_of(value: Any, known: Mapping[str, Any], wide: Any = None) -> Any:
    """Return an argument from its JSON form; a floating dtype gives way to ``wide``."""
    if isinstance(value, Mapping):
        if "t" in value:
            return known[value["t"]]
        if "f" in value:
            return math.inf if value["f"] == "inf" else -math.inf
        import torch

        kind = getattr(torch, value["dtype"])
        return wide if wide is not None and kind.is_floating_point else kind
    if isinstance(value, (list, tuple)):
        return _arguments(value, known, wide)
    return value
