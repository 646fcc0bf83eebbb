"""A captured region as the contract that a kernel is judged by; its reference is its operators."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from math import prod
from typing import Any
from typing import Final

from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.matching import Match
from pytest_compiledai.kernels.matching import is_row_major
from pytest_compiledai.kernels.matching import places
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
    has. With a ``match`` the contract is the family's, with this region's operators as the truth at
    every size. Raises ``ValueError`` for what a kernel's interface cannot say: strides of another
    order.
    """
    for value in (*region.inputs, *region.outputs):
        if not is_row_major(value):
            raise ValueError(f"{value.name} with strides {value.strides}; expected row-major")
    if match is not None:
        return _of_family(region, dtype, match)
    tensors = [
        Tensor(
            name=value.name,
            shape=tuple(map(str, value.shape)),
            dtype=_kind(value, dtype),
            role="inout" if value.name in region.mutates else "input",
            draw=_draw(value),
            below=str(_rows(region, value, context)) if value.dtype.startswith("int") else "",
        )
        for value in region.inputs
    ]
    tensors += [
        Tensor(
            name=value.name,
            shape=tuple(map(str, value.shape)),
            dtype=_kind(value, dtype),
            role="output",
        )
        for value in region.outputs
    ]

    return Contract(
        name=region.name,
        family=region.family,
        dims={},
        tensors=tuple(tensors),
        reference=RegionReference(region),
        dtypes=(dtype,),
        flops=str(region.flops),
        exact=tuple(value.name for value in region.outputs if value.dtype.startswith("int")),
    )


def _of_family(region: Region, dtype: str, match: Match) -> Contract:
    """Return the family's contract at the region's sizes and types, judged by its operators."""
    from pytest_compiledai.kernels.families import family

    back = {named: name for name, named in match.names.items()}
    stated = family(match.family).contract(match.dims, name=region.name)

    return replace(
        stated,
        tensors=tuple(
            replace(tensor, dtype=_kind(region.value(back[tensor.name]), dtype))
            for tensor in stated.tensors
        ),
        reference=RegionReference(region, match, stated.tensors),
        numbers=match.numbers,
        dtypes=(dtype,),
        free=tuple(
            name
            for name in stated.free
            if _same_elements(stated, match, {name: stated.dims[name] + 1})
        ),
        apart=stated.apart if _same_elements(stated, match, _one_part(stated)) else (),
        sweeps=tuple(_sweeps(stated, match)),
        cut=stated.cut if _same_elements(stated, match, stated.cut) else {},
        flops=str(region.flops),
    )


def _one_part(stated: Contract) -> Mapping[str, int]:
    return {name: stated.dims[name] // stated.dims[stated.apart[0]] for name in stated.apart}


def _sweeps(stated: Contract, match: Match) -> Iterator[Mapping[str, int]]:
    """Yield other sizes at which the operators stand as they were captured: first its own ends."""
    if "L" in stated.dims:
        yield from ({"pos": 0}, {"pos": {**stated.dims, **stated.cut}["L"] - 1})
    for sweep in stated.sweeps:
        if _same_elements(stated, match, sweep):
            yield sweep


def _same_elements(stated: Contract, match: Match, changed: Mapping[str, int]) -> bool:
    """Return whether every value has as many elements to the operators as to the family.

    The size of a head stands in the operators as a number, so it cannot be another one.
    """
    if {"D", "HALF"} & {name for name, size in changed.items() if size != stated.dims[name]}:
        return False
    dims = {**stated.dims, **stated.cut, **changed}
    back = {named: name for name, named in match.names.items()}
    shapes = dict(places(match, dims))
    return all(
        prod(tensor.sizes(dims)) == prod(shapes[back[tensor.name]]) for tensor in stated.tensors
    )


@dataclass(frozen=True, slots=True)
class RegionReference:
    """A region's own operators as a reference, which can be sent to another process.

    With a match tensors come by the family's names, in its shapes, at any of its sizes.
    """

    region: Region
    match: Match | None = None
    tensors: tuple[Tensor, ...] = ()  # of the family

    def __call__(self, given: Mapping[str, Any], numbers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return outputs and state by name."""
        del numbers  # they stand in the operators
        wide = any(str(tensor.dtype) == "torch.float64" for tensor in given.values())
        dtype = "float64" if wide else ""
        if self.match is None:
            return evaluate(self.region, given, dtype=dtype)
        names = self.match.names
        shapes = dict(places(self.match, self._dims(given)))
        own = {
            name: given[named].reshape(shapes[name])
            for name, named in names.items()
            if named in given
        }
        found = evaluate(self.region, own, dtype=dtype)
        return {names[name]: tensor for name, tensor in found.items()}

    def _dims(self, given: Mapping[str, Any]) -> dict[str, int]:
        """Return the dimensions that these tensors have: alone in a shape, else as `H * D`."""
        assert self.match is not None
        sizes = [
            (text, size)
            for tensor in self.tensors
            if tensor.name in given
            for text, size in zip(tensor.shape, given[tensor.name].shape, strict=True)
        ]
        known = {text: size for text, size in sizes if text in self.match.dims}
        dims = {**self.match.dims, **known}
        for text, size in sizes:
            first, times, second = text.partition(" * ")
            if times and first not in known:
                dims[first] = size // dims[second]
        return dims


def _kind(value: Value, dtype: str) -> str:
    return ANY if value.dtype == dtype else value.dtype


def _draw(value: Value) -> str:
    if value.dtype.startswith("int"):
        return "index"
    if value.role == "weight":
        return "matrix" if len(value.shape) > 1 else "weight"
    return "normal"


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
