"""Inputs that a wrong kernel does not survive, drawn from a secret seed.

Which inputs are drawn matters more than how many: near-uniform scores hide a wrong softmax,
weights of one hide a missing weight, a length that is a multiple of the block hides the tail.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

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
#: Larger than any layer hands over: nothing that a region sums or squares leaves the format yet.
LARGE: Mapping[str, float] = {"float32": 1e12, "bfloat16": 1e12}
#: Factor on few numbers of what flows in, as a trained model's channels have it.
OUTLIERS: Mapping[str, float] = {"float32": 3e4, "float16": 300.0, "bfloat16": 3e4}
_OUTLIER_SHARE = 1 / 64
_ZERO_SHARE = 1 / 4  # of the same case, as a gate or a mask leaves them
#: Sizes of each run that no text can know; and positions, a secret stride apart.
SECRET_SIZES, SECRET_POSITIONS = 8, 12
#: A scale at which scores are nearly equal, so that one of thousands is missed.
_LEVEL = 0.5
#: Which of a table's rows cases of other sizes ask for, in turn.
_INDICES: tuple[Literal["any", "first", "last"], ...] = ("last", "any", "first")
#: Positions that kernels take at once, or a multiple of what they take.
_BLOCK = 64
#: Primes: so many positions have every remainder by each number up to their count.
_STRIDES = (17, 19, 23, 29, 31, 37, 41, 43, 47)


#: A number that is none or without end, and the tensor that holds it, of those that can.
Odd = tuple[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question put to a kernel."""

    name: str
    dims: Mapping[str, int]
    seed: int
    scale: float = 1.0
    skew: int = 0  # elements every buffer starts behind a boundary
    odd: tuple[Odd, ...] = ()  # each put into one place of its tensor
    index: Literal["any", "first", "last"] = "any"  # of those that a table has
    negative: bool = False  # what flows in is below zero, by as much as the scale at least
    step: float = 0.0  # what flows in is rounded to multiples of this, so that numbers are equal
    outliers: float = 1.0  # what few numbers of what flows in are multiplied by; others are zero
    #: What outputs and scratch hold before: NaN, a number, or what the last call of this size left.
    before: Literal["nan", "number", "last"] = "nan"
    again: str = ""  # must answer this earlier case's bits
    numbers: Mapping[str, float] = field(default_factory=dict)


def cases(contract: Contract, dtype: str, seed: int) -> Iterator[Case]:
    """Yield the cases of one dtype, the region's own sizes (or their cut) first."""
    own = {**contract.dims, **contract.cut}
    seed ^= zlib.crc32(dtype.encode()) << 16  # another dtype is another draw

    def case(name: str, number: int, **changes: Any) -> Case:
        stated = {"dims": own, "numbers": contract.numbers, **changes}
        return Case(name=name, seed=seed ^ (number * 0x9E3779B97F4A7C15 & (1 << 62) - 1), **stated)

    yield case("plain", 1)
    # At the addresses of the first: what was remembered of it, or left in its buffers, is wrong.
    yield case("other values", 2, before="last")
    yield case("plain again", 1, skew=1, again="plain", before="number")
    for number, scale in enumerate(SCALES[dtype]):
        yield case(f"scale {scale:g}", 3 + number, scale=scale)
    yield case("zeros", 6, scale=0.0, before="number")
    yield case("below zero", 7, scale=SCALES[dtype][-1], negative=True)
    yield case("outliers and zeros", 13, outliers=OUTLIERS[dtype])
    if dtype in LARGE:
        yield case("large numbers", 14, scale=LARGE[dtype])
    if any(not _is_float(tensor) for tensor in contract.outputs):
        yield case("equal numbers", 8, step=EQUAL_STEP)
    for name, number, odd in _odd(contract, seed):
        yield case(name, number, odd=odd)
    sweeps = [*contract.sweeps, *_secret_sizes(contract, seed)]
    scales = _secret_scales(dtype, seed, len(sweeps))
    deep = list(_deep_positions(contract, seed))
    sweeps, scales = [*sweeps, *deep], [*scales, *[_LEVEL] * len(deep)]
    for number, (sweep, scale) in enumerate(zip(sweeps, scales, strict=True)):
        sizes = " ".join(f"{name}={size}" for name, size in sorted(sweep.items()))
        stated = {"dims": {**own, **sweep}, "skew": number % 3, "index": _INDICES[number % 3]}
        yield case(f"sizes {sizes}", 16 + number, scale=scale, **stated)


def whole(contract: Contract, seed: int) -> Case | None:
    """Return a case of the region's own sizes where ``cases`` cuts them; None where it does not."""
    if not contract.cut:
        return None
    return Case(name="own sizes", dims=contract.dims, seed=seed ^ 7, numbers=contract.numbers)


def in_part(contract: Contract, dtype: str, seed: int) -> Iterator[Case]:
    """Yield cases of the region's own sizes of which a few programs are asked.

    A position is the last one, then a secret one; so is the scale.
    """
    secret = random.Random(seed ^ zlib.crc32(dtype.encode()) ^ 7)  # noqa: S311 - secret by its seed
    scales = _LEVEL, *_secret_scales(dtype, seed ^ 7, 1)
    for number, scale in enumerate(scales):
        ends = {name: contract.dims.get("L", contract.dims[name] + 1) for name in contract.dynamic}
        at = {name: secret.randrange(end) if number else end - 1 for name, end in ends.items()}
        yield Case(
            name="own sizes, in part",
            dims={**contract.dims, **at},
            seed=secret.getrandbits(60),
            scale=scale,
            index="any" if number else "last",
            numbers=contract.numbers,
        )


def _secret_scales(dtype: str, seed: int, count: int) -> list[float]:
    """Return factors between the stated ones, one of each part, so that no wide window is safe."""
    least, most = SCALES[dtype][0], SCALES[dtype][-1]
    secret = random.Random(seed)  # noqa: S311 - the seed is the secret
    places = [(part + secret.random()) / count for part in range(count)]
    secret.shuffle(places)
    return [least * (most / least) ** place for place in places]


def _secret_sizes(contract: Contract, seed: int) -> list[dict[str, int]]:
    """Return sizes that no text can know: of what varies, and of what the family calls free."""
    own = {**contract.dims, **contract.cut}
    if not contract.dynamic and not contract.free:
        return []
    secret = random.Random(seed ^ 1)  # noqa: S311 - the seed is the secret
    stride = secret.choice(_STRIDES)
    reach = SECRET_POSITIONS * stride
    first = {name: secret.randrange(max(1, own[name] - reach)) for name in contract.dynamic}
    found = []
    for number in range(SECRET_POSITIONS if first else SECRET_SIZES):
        # A position may be 0, a size may not.
        there = {name: (at + number * stride) % max(1, own[name]) for name, at in first.items()}
        found.append(there | {name: secret.randint(1, own[name]) for name in contract.free})
    return found


def _deep_positions(contract: Contract, seed: int) -> Iterator[dict[str, int]]:
    """Yield secret positions beyond those of a cut cache, at the edges of blocks and elsewhere."""
    if not contract.dynamic or "L" not in contract.cut:
        return
    base = max(contract.sweeps, key=lambda sweep: sweep.get("L", 0))
    whole = base["L"]
    secret = random.Random(seed ^ 2)  # noqa: S311 - the seed is the secret
    blocks = whole // _BLOCK
    for beside in (-1, 0, 1, None, None, None):
        edge = _BLOCK * secret.randrange(1 + blocks // 8, blocks)
        at = secret.randrange(whole) if beside is None else edge + beside
        yield {**base, **dict.fromkeys(contract.dynamic, at)}


def _can_hold(tensor: Tensor) -> bool:
    return tensor.role == "input" and tensor.draw in ("normal", "peaked", "fixed")


def _is_float(tensor: Tensor) -> bool:
    return not tensor.dtype.startswith(("int", "bool"))


def draw(contract: Contract, case: Case, dtype: str) -> dict[str, torch.Tensor]:
    """Return the input tensors of a case; ``inout`` ones as they are before."""
    import torch

    drawn = {}
    for tensor in contract.tensors:
        if tensor.role == "output":
            continue
        generator = torch.Generator().manual_seed(case.seed ^ zlib.crc32(tensor.name.encode()))
        drawn[tensor.name] = _draw(tensor, case, dtype, generator)
    for number in range(len(case.odd)):
        _spoil(contract, drawn, case, number)
    return drawn


def _draw(tensor: Tensor, case: Case, dtype: str, generator: Any) -> torch.Tensor:
    import torch

    sizes = tensor.sizes(case.dims)
    if tensor.draw == "index":
        below = expression.value(tensor.below, case.dims)
        kind = getattr(torch, tensor.dtype)
        first, end = {"any": (0, below), "first": (0, 1), "last": (below - 1, below)}[case.index]
        chosen: torch.Tensor = torch.randint(first, end, sizes, generator=generator, dtype=kind)
        return chosen
    if tensor.draw == "last":  # a position or length: the case's own, stated as an expression
        where: torch.Tensor = torch.full(
            sizes,
            expression.value(tensor.below, case.dims),
            dtype=getattr(torch, tensor.dtype),
        )
        return where
    values = DRAWS[tensor.draw](sizes, generator) * tensor.scale
    # What is written into is not zero with what flows in: nothing written would look right.
    if tensor.draw in SCALED and (case.scale or tensor.role == "input"):
        values = (-values.abs() - 1.0 if case.negative else values) * case.scale
        values = torch.round(values / case.step) * case.step if case.step else values
        if case.outliers > 1.0:
            place = torch.rand(sizes, generator=generator)
            beyond = (values.abs() + 1.0) * values.sign()  # above the rest, each of them
            values = torch.where(place < _OUTLIER_SHARE, beyond * case.outliers, values)
            values = torch.where(place > 1.0 - _ZERO_SHARE, 0.0, values)
    elif tensor.draw == "peaked" and case.scale != 1.0:
        values = values * (BEYOND if case.scale > 1.0 else FLAT)
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
#: Makes them nearly equal, so that what is left out of many is missed however small its share.
FLAT = 1 / 16
#: Tensors that a NaN or an infinity is put into, one after the other.
MOST_SPOILED = 4
_NEXT_ODD = 7919  # elements from one such number to the next in one tensor
#: Coarse enough that the largest of a thousand numbers stands there more than once.
EQUAL_STEP = 0.5
#: What a case's scale multiplies: what flows through the region, not its weights.
SCALED = frozenset({"normal"})


def _odd(contract: Contract, seed: int) -> Iterator[tuple[str, int, tuple[Odd, ...]]]:
    """Yield a NaN in each tensor in turn, likewise an infinity of either sign, and both."""
    tensors = range(min(MOST_SPOILED, sum(map(_can_hold, contract.tensors))))
    sign = 1.0 if seed & 1 else -1.0
    for place in tensors:
        yield "a NaN", 9 + place, ((place, math.nan),)
        yield "an infinity", 64 + place, ((place, sign * math.inf),)
        sign = -sign
    # Which of a NaN and an infinity is the larger is no mathematics.
    if tensors and all(_is_float(tensor) for tensor in contract.outputs):
        last = tensors[-1]
        yield "infinities and a NaN", 68, ((0, math.inf), (last, -math.inf), (last, math.nan))


def _spoil(
    contract: Contract,
    drawn: dict[str, torch.Tensor],
    case: Case,
    number: int,
) -> None:
    """Put one of a case's odd numbers into its tensor, where it is to be read."""
    which, odd = case.odd[number]
    tensor = [tensor for tensor in contract.tensors if _can_hold(tensor)][which]
    held = drawn[tensor.name]
    if tensor.poison_from:
        held = held[..., : expression.value(tensor.poison_from, case.dims), :]
    at = (case.seed + number * _NEXT_ODD) % max(1, held.numel())
    place = []
    for size in reversed(held.shape):
        place.append(at % size)
        at //= size
    held[tuple(reversed(place))] = odd
