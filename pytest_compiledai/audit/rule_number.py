"""The pilot for computed numbers: an arithmetic step over the numbers of the input."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from pytest_compiledai.audit.example import Example

_TRY: Final = 80  # rows that steps are tried on
_OPERATIONS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else float("nan"),
    "% of": lambda a, b: a * b / 100,
    "less %": lambda a, b: a * (1 - b / 100),
    "plus %": lambda a, b: a * (1 + b / 100),
}


class Step(NamedTuple):
    """An arithmetic step: the sum of all, a number times a constant, or one of two numbers."""

    operation: str
    first: str = ""
    second: str = ""
    constant: float = 1.0

    def of(self, numbers: Mapping[str, float]) -> float | None:
        """Return the number a step yields; None where its inputs are missing."""
        if self.operation == "sum":
            return sum(numbers.values()) if numbers else None
        if self.first not in numbers:
            return None
        if self.operation == "scale":
            return numbers[self.first] * self.constant
        if self.second not in numbers:
            return None
        return _OPERATIONS[self.operation](numbers[self.first], numbers[self.second])


def find_step(examples: Sequence[Example], targets: Sequence[float | None]) -> Step | None:
    """Return the step that yields most targets; None where none yields any."""
    tried = [
        (example.numbers, target)
        for example, target in zip(examples[:_TRY], targets[:_TRY], strict=True)
        if target is not None
    ]
    best, most = None, 0
    for step in _steps(tried):
        right = sum(near(step.of(numbers), target) for numbers, target in tried)
        if right > most:
            best, most = step, right
    return best


def near(value: float | None, target: float) -> bool:
    """Return whether a number is the target, rounded as the target is."""
    return value is not None and abs(value - target) <= max(0.0051, 1e-6 * abs(target))


def _steps(tried: Sequence[tuple[Mapping[str, float], float]]) -> Iterator[Step]:
    names = sorted({name for numbers, _ in tried[:8] for name in numbers})[:8]
    yield Step("sum")
    for first in names:
        # The largest number has the smallest error of rounding, relative to it.
        _, scale = max(
            ((abs(n[first]), t / n[first]) for n, t in tried[:20] if n.get(first)), default=(0, 0)
        )
        for digits in (2, 3, 4, 8):
            if round(scale, digits):
                yield Step("scale", first, constant=round(scale, digits))
        for second in names:
            if first != second:
                yield from (Step(operation, first, second) for operation in _OPERATIONS)
