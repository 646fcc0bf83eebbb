"""Inputs that a wrong kernel does not survive, drawn from a secret seed.

Which inputs are drawn matters more than how many: near-uniform scores hide a wrong softmax,
weights of one hide a missing weight, a length that is a multiple of the block hides the tail.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor

if TYPE_CHECKING:
    import torch

#: Factors on what a layer before would hand over; float16 stops at 30, where squares overflow.
SCALES: Mapping[str, tuple[float, ...]] = {
    "float32": (1e-6, 1e-3, 300.0),
    "float16": (1e-3, 30.0),
    "bfloat16": (1e-6, 1e-3, 300.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question put to a kernel."""

    name: str
    dims: Mapping[str, int]
    seed: int
    scale: float = 1.0
    skew: int = 0  # elements every buffer starts behind a boundary
    nan: bool = False
    again: str = ""  # must answer this earlier case's bits
    numbers: Mapping[str, float] = field(default_factory=dict)


def cases(contract: Contract, dtype: str, seed: int) -> Iterator[Case]:
    """Yield the cases of one dtype, the region's own sizes (or their cut) first."""
    own = {**contract.dims, **contract.cut}

    def case(name: str, number: int, **changes: Any) -> Case:
        stated = {"dims": own, "numbers": contract.numbers, **changes}
        return Case(name=name, seed=seed ^ (number * 0x9E3779B97F4A7C15 & (1 << 62) - 1), **stated)

    yield case("plain", 1)
    yield case("other values", 2)
    yield case("plain again", 1, skew=1, again="plain")
    for number, scale in enumerate(SCALES[dtype]):
        yield case(f"scale {scale:g}", 3 + number, scale=scale)
    yield case("a NaN", 9, nan=True)
    for number, sweep in enumerate(contract.sweeps):
        sizes = " ".join(f"{name}={size}" for name, size in sorted(sweep.items()))
        yield case(f"sizes {sizes}", 16 + number, dims={**own, **sweep}, skew=number % 3)


def draw(contract: Contract, case: Case, dtype: str) -> dict[str, torch.Tensor]:
    """Return the input tensors of a case; ``inout`` ones as they are before."""
    import torch

    drawn = {}
    for tensor in contract.tensors:
        if tensor.role == "output":
            continue
        generator = torch.Generator().manual_seed(case.seed ^ zlib.crc32(tensor.name.encode()))
        drawn[tensor.name] = _draw(tensor, case, dtype, generator)
    if case.nan:
        _spoil(contract, drawn, case.seed)
    return drawn


def _draw(tensor: Tensor, case: Case, dtype: str, generator: Any) -> torch.Tensor:
    import torch

    sizes = tensor.sizes(case.dims)
    if tensor.draw == "index":
        below = expression.value(tensor.below, case.dims)
        kind = getattr(torch, tensor.dtype)
        chosen: torch.Tensor = torch.randint(0, below, sizes, generator=generator, dtype=kind)
        return chosen
    if tensor.draw == "last":  # a position or length: the case's own, stated as an expression
        where: torch.Tensor = torch.full(
            sizes,
            expression.value(tensor.below, case.dims),
            dtype=getattr(torch, tensor.dtype),
        )
        return where
    values = DRAWS[tensor.draw](sizes, generator) * tensor.scale
    if tensor.draw in SCALED:
        values = values * case.scale
    elif tensor.draw == "peaked" and case.scale > 1.0:
        values = values * BEYOND
    if tensor.poison_from:
        start = expression.value(tensor.poison_from, case.dims)
        values[..., start:, :] = float("nan")
    kind = dtype if tensor.dtype == ANY else tensor.dtype
    drawn: torch.Tensor = values.to(getattr(torch, kind))
    return drawn


def _normal(sizes: tuple[int, ...], generator: Any) -> torch.Tensor:
    import torch

    return torch.randn(sizes, generator=generator, dtype=torch.float64)


def _weight(sizes: tuple[int, ...], generator: Any) -> torch.Tensor:
    # A gain around one, never one: a kernel that leaves it out is wrong by half.
    gain: torch.Tensor = 1.0 + 0.5 * _normal(sizes, generator)
    return gain


def _matrix(sizes: tuple[int, ...], generator: Any) -> torch.Tensor:
    # Columns of unit length, so that a product stays at the scale of its input.
    columns: torch.Tensor = _normal(sizes, generator) / max(1, sizes[-1]) ** 0.5
    return columns


def _angle(sizes: tuple[int, ...], generator: Any) -> torch.Tensor:
    import torch

    return torch.rand(sizes, generator=generator, dtype=torch.float64) * 2.0 - 1.0


def _peaked(sizes: tuple[int, ...], generator: Any) -> torch.Tensor:
    # Scores that differ: a softmax over near-uniform ones forgives a wrong base or maximum.
    return 6.0 * _normal(sizes, generator)


DRAWS: Mapping[str, Callable[[tuple[int, ...], Any], Any]] = {
    "normal": _normal,
    "weight": _weight,
    "matrix": _matrix,
    "angle": _angle,
    "peaked": _peaked,
    "fixed": _normal,
}
#: Makes peaked scores leave the range of an exponential that no maximum was taken from.
BEYOND = 8.0
#: What a case's scale multiplies: what flows through the region, not its weights.
SCALED = frozenset({"normal"})


def _spoil(contract: Contract, drawn: dict[str, torch.Tensor], seed: int) -> None:
    """Put one NaN into the first tensor that flows through the region."""
    for tensor in contract.tensors:
        if tensor.name in drawn and tensor.draw in ("normal", "peaked") and tensor.role == "input":
            flat = drawn[tensor.name].view(-1)
            flat[seed % max(1, flat.numel())] = float("nan")
            return
