"""A region that knows nothing but the position, as a table of all positions.

The angles of rotary embeddings are such a region: eight operators a step become one look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.plan import Call
    from pytest_compiledai.kernels.region import Region
    from pytest_compiledai.kernels.runtime.program import Program
    from pytest_compiledai.kernels.runtime.program import Values

_PROBES = 5


class Table:
    """Rows by position, the outputs of one row beside each other."""

    def __init__(self, rows: torch.Tensor, places: Sequence[str]) -> None:
        self._rows = rows  # (1, positions, outputs, d)
        self._places = places

    def run(self, values: Values) -> None:
        """Write the outputs of the position."""
        row = self._rows.index_select(1, values["position"][0])
        for number, place in enumerate(self._places):
            values[place] = row[:, :, number]


def tabulated(
    program: Program,
    region: Region,
    call: Call,
    tensors: Mapping[str, torch.Tensor],
    context: int,
) -> Table | None:
    """Return the table of a region that reads the position and weights alone; None for others.

    It is computed by the region's operators over all positions at once, and taken only where
    single positions say the same bits.
    """
    import torch

    roles = {place: value.role for place, value in zip(call.inputs, region.inputs, strict=True)}
    flows = [place for place, role in roles.items() if role != "weight"]
    shapes = {(value.shape, value.dtype) for value in region.outputs}
    if flows != ["position"] or len(shapes) != 1 or len(region.outputs[0].shape) != 3:  # noqa: PLR2004
        return None

    def said(positions: torch.Tensor) -> torch.Tensor | None:
        values = {**tensors, "position": positions[None]}
        try:
            program.run(values)
        except RuntimeError:  # operators that take one position alone
            return None
        return torch.stack([values[place] for place in call.outputs], 2)

    every = torch.arange(context, device=tensors["position"].device)
    rows = said(every)
    if rows is None or rows.shape[:2] != (1, context):
        return None
    for probe in every[:: max(1, context // _PROBES)]:
        alone = said(probe[None])
        if alone is None or not torch.equal(alone[:, 0], rows[:, probe]):
            return None
    return Table(rows, call.outputs)
