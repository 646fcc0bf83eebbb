"""Which template family says the mathematics of a captured region, and under which names.

A family fits where the region's terms are the family's, every input has its place and every size
agrees; names of modules and values decide nothing. A match is a proposal all the same: whether a
kernel computes the region is for the gates to say, which compare it with the region's operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.patterns import Draft
from pytest_compiledai.kernels.patterns import drafts
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import Value
from pytest_compiledai.kernels.terms import FLOATS
from pytest_compiledai.kernels.terms import Term
from pytest_compiledai.kernels.terms import squeezed
from pytest_compiledai.kernels.terms import terms_of

if TYPE_CHECKING:
    from pytest_compiledai.kernels.candidate import Candidate
    from pytest_compiledai.kernels.candidate import Language
    from pytest_compiledai.kernels.contract import Contract

_INDICES = frozenset({"int32", "int64"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A family, its name for each of a region's values, and the sizes of its dimensions."""

    family: str
    names: Mapping[str, str]  # the region's name -> the family's
    dims: Mapping[str, int]
    #: The region's own shapes as expressions over the dimensions, by the region's name.
    shapes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


def matched(region: Region) -> Match | None:
    """Return the family that computes ``region``; None where no shipped one does."""
    for draft in drafts(region, terms_of(region)):
        if (found := _match(region, draft)) is not None:
            return found
    return None


def language_of(targets: Sequence[str]) -> Language | None:
    """Return the language of proposals for ``targets``; None for processors of both sorts."""
    if list(targets) == ["cpu"]:
        return "cpp"
    return None if "cpu" in targets else "triton"


def kind_of(region: Region) -> str:
    """Return the float type that ``region`` computes in: its outputs', else its inputs'."""
    values = (*region.outputs, *region.inputs)
    return next((value.dtype for value in values if value.dtype in FLOATS), "float32")


def space(region: Region, targets: Sequence[str]) -> tuple[Contract | None, list[Candidate]]:
    """Return the family's contract of ``region`` and its candidates; None where there is none."""
    from pytest_compiledai.kernels.adapting import contract_of
    from pytest_compiledai.kernels.families import family

    match, language = matched(region), language_of(targets)
    if match is None or language is None or not _speaks(language, region):
        return None, []
    contract = contract_of(region, kind_of(region), match=match)
    found = family(match.family).candidates(contract, language=language)
    return (contract, found) if found else (None, [])


def proposals(region: Region, targets: Sequence[str], most: int) -> list[Candidate]:
    """Return at most ``most`` of the family's candidates, spread over its space."""
    _, found = space(region, targets)
    return found[:: max(1, len(found) // most)][:most]


def _speaks(language: Language, region: Region) -> bool:
    """Return whether templates of a language read the region's types: C++ knows float alone."""
    kinds = {value.dtype for value in (*region.inputs, *region.outputs)}
    return language != "cpp" or kinds <= {"float32", *_INDICES}


def _match(region: Region, draft: Draft) -> Match | None:
    """Return the match of a draft whose sizes, types and values all have their place."""
    from pytest_compiledai.kernels.families import facts_of

    facts = facts_of(draft.family)
    if set(draft.dims) != set(facts["dims"]):
        return None
    names: dict[str, str] = {}
    shapes: dict[str, tuple[str, ...]] = {}
    for tensor in facts["tensors"]:
        value, shape = _filled(region, draft, tensor["name"])
        if value is None or value.name in names or not _fits(tensor, value):
            return None
        stated = _stated(value, shape, tensor["shape"], draft.dims)
        if stated is None:
            return None
        names[value.name], shapes[value.name] = tensor["name"], stated
    if set(names) != {value.name for value in (*region.inputs, *region.outputs)}:
        return None
    numbers = {key: float(draft.held[key]) for key in facts.get("numbers", {})}
    return Match(family=draft.family, names=names, dims=draft.dims, shapes=shapes, numbers=numbers)


def _filled(region: Region, draft: Draft, name: str) -> tuple[Value | None, tuple[int, ...]]:
    """Return the region's value in a place of the family, and its sizes as the family sees them."""
    if name in draft.made:
        value = region.value(draft.made[name])
        return value, squeezed(value.shape)
    found: Any = draft.held.get(name)
    if not isinstance(found, Term):
        return None, ()
    base = found.args[0] if found.op == "view" else found
    return (region.value(base.name) if base.op == "input" else None), found.shape


def _fits(tensor: Mapping[str, Any], value: Value) -> bool:
    stated = tensor.get("dtype", ANY)
    kinds = FLOATS if stated == ANY else _INDICES
    return value.dtype in kinds and is_row_major(value)


def is_row_major(value: Value) -> bool:
    """Return whether a value lies as a kernel's interface has it, which knows no strides."""
    expected = 1
    for size, stride in zip(reversed(value.shape), reversed(value.strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _stated(
    value: Value, seen: tuple[int, ...], expected: Sequence[str], dims: Mapping[str, int]
) -> tuple[str, ...] | None:
    """Return the value's own shape as expressions; None where the sizes are others.

    A row that was cut into equal parts before is so many of its last size.
    """
    sized = [(str(text), expression.value(str(text), dims)) for text in expected]
    named = [(text, size) for text, size in sized if size != 1]
    if tuple(size for _, size in named) != seen:
        return None
    if squeezed(value.shape) == seen:
        parts = iter([text for text, _ in named])
        return tuple("1" if size == 1 else next(parts) for size in value.shape)
    if len(named) != 1 or len(squeezed(value.shape)) != 2:  # noqa: PLR2004 - one row of heads
        return None
    inner = squeezed(value.shape)[1]
    parts = iter([f"{named[0][0]} // {inner}", str(inner)])
    return tuple("1" if size == 1 else next(parts) for size in value.shape)


def places(match: Match, dims: Mapping[str, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the region's values with their shapes at other sizes. Raises ``ExpressionError``."""
    for name, shape in match.shapes.items():
        yield name, tuple(expression.value(text, dims) for text in shape)
