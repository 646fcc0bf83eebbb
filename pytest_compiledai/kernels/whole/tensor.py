"""Tensors as a spec declares them, and the data that a model is compared on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

DTYPES: Final = ("float32", "float64", "int32", "int64")
#: Values of floating-point inputs are drawn at these scales by the fuzz gate.
SCALES: Final = (1e-3, 1.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a model: a name or a number for each axis, and the values it may hold."""

    name: str
    dtype: str
    shape: tuple[str | int, ...]
    low: float
    high: float

    def as_json(self) -> dict[str, Any]:
        """Return what the worker is told."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The sizes that named axes may have: least and most."""

    sizes: Mapping[str, tuple[int, int]]

    def drawn(self, rng: random.Random, number: int) -> dict[str, int]:
        """Return sizes: first all least, all most, then odd and prime ones in between."""
        if number == 0:
            return {name: least for name, (least, _) in self.sizes.items()}
        if number == 1:
            return {name: most for name, (_, most) in self.sizes.items()}
        return {name: rng.randint(least, most) for name, (least, most) in self.sizes.items()}


def drawn_inputs(
    inputs: tuple[Input, ...], axes: Axes, *, count: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield inputs of declared shapes with values in their declared ranges, as nested lists."""
    rng = random.Random(seed)  # noqa: S311 - examples that repeat, no secret
    for number in range(count):
        sizes = axes.drawn(rng, number)
        scale = SCALES[number % len(SCALES)]
        yield {each.name: _values(each, sizes, scale, rng) for each in inputs}


def _values(each: Input, sizes: Mapping[str, int], scale: float, rng: random.Random) -> Any:
    shape = [sizes[axis] if isinstance(axis, str) else axis for axis in each.shape]
    return _nested(each, shape, scale, rng)


def _nested(each: Input, shape: list[int], scale: float, rng: random.Random) -> Any:
    if shape:
        return [_nested(each, shape[1:], scale, rng) for _ in range(shape[0])]
    if each.dtype.startswith("int"):
        return rng.randint(int(each.low), int(each.high))
    return min(each.high, max(each.low, rng.gauss(0.0, 1.0) * scale))
