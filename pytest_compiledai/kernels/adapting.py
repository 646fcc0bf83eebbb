"""A captured region as the contract that a kernel is judged by; its reference is its operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.matching import Match
from pytest_compiledai.kernels.reference import evaluate
from pytest_compiledai.kernels.region import Op
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import Value
from pytest_compiledai.kernels.region import tensors_in

#: Operators that read rows by number: the table's argument, and the axis of its rows.
_TABLES: Final = {"aten.embedding.default": (0, 0), "aten.index_copy_.default": (0, 2)}


def contract_of(
    region: Region, dtype: str, *, context: int = 1, match: Match | None = None
) -> Contract:
    """Return the contract of ``region`` in ``dtype``, at its own sizes.

    Whole numbers that go in are positions below ``context`` unless a table says how many rows it
    has. With a ``match`` values and dimensions bear the family's names. Raises ``ValueError`` for
    what a kernel's interface cannot say: strides of another order.
    """
    names = match.names if match else {}
    for value in (*region.inputs, *region.outputs):
        if not _is_row_major(value):
            raise ValueError(f"{value.name} with strides {value.strides}; expected row-major")
    tensors = [
        Tensor(
            name=names.get(value.name, value.name),
            shape=tuple(map(str, value.shape)),
            dtype=_kind(value, dtype),
            role="inout" if value.name in region.mutates else "input",
            draw="matrix" if value.role == "weight" and len(value.shape) > 1 else _draw(value),
            below=str(_rows(region, value, context)) if value.dtype.startswith("int") else "",
        )
        for value in region.inputs
    ]
    tensors += [
        Tensor(
            name=names.get(value.name, value.name),
            shape=tuple(map(str, value.shape)),
            dtype=_kind(value, dtype),
            role="output",
        )
        for value in region.outputs
    ]

    return Contract(
        name=region.name,
        family=region.family,
        dims=dict(match.dims) if match else {},
        tensors=tuple(tensors),
        reference=RegionReference(region, dict(names)),
        dtypes=(dtype,),
        flops=str(region.flops),
        exact=tuple(
            names.get(value.name, value.name)
            for value in region.outputs
            if value.dtype.startswith("int")
        ),
    )


@dataclass(frozen=True, slots=True)
class RegionReference:
    """A region's own operators as a reference; it can be sent to another process."""

    region: Region
    names: Mapping[str, str]  # the region's name -> the contract's

    def __call__(self, tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the outputs by the contract's names."""
        del numbers  # they stand in the operators
        wide = any(str(tensor.dtype) == "torch.float64" for tensor in tensors.values())
        own = {
            value.name: tensors[self.names.get(value.name, value.name)]
            for value in self.region.inputs
        }
        found = evaluate(self.region, own, dtype="float64" if wide else "")
        return {self.names.get(name, name): tensor for name, tensor in found.items()}


def _kind(value: Value, dtype: str) -> str:
    return ANY if value.dtype == dtype else value.dtype


def _draw(value: Value) -> str:
    return "weight" if value.role == "weight" else "normal"


def _is_row_major(value: Value) -> bool:
    expected = 1
    for size, stride in zip(reversed(value.shape), reversed(value.strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _rows(region: Region, value: Value, context: int) -> int:
    """Return how many rows the tables have that ``value`` picks rows of; ``context`` without."""
    for op in region.ops:
        table = _table(op)
        if table and value.name in tensors_in([*op.args[1:]]):
            name, axis = table
            known = {each.name: each for each in region.inputs}
            if name in known:
                return known[name].shape[axis]
    return context


def _table(op: Op) -> tuple[str, int] | None:
    if op.target not in _TABLES:
        return None
    place, axis = _TABLES[op.target]
    return next(tensors_in(op.args[place])), axis
