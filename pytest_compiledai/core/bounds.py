"""The bounds a schema states for numbers: checked, and refused where they leave no value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from typing import Protocol

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.keywords import APPLIES
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.words import shown


class Fault(Protocol):
    """Makes the error at a keyword."""

    def __call__(self, keyword: str, *, found: str, expected: str) -> SpecError:
        """Return the error."""


def decimal(value: float) -> Fraction:
    """Return a number as the decimal it is written as, so that 19.99 is a multiple of 0.01."""
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def integer_node(data: Mapping[str, Any], fault: Fault) -> IntegerNode:
    """Return an integer's node, its bounds made whole and inclusive."""
    given = _given(data, fault)
    step = given.get("multipleOf")
    if step is not None and step != int(step):
        expected = "a whole number beside `integer`"
        raise fault("multipleOf", found=shown(step), expected=expected)
    lows = [math.ceil(given["minimum"])] if "minimum" in given else []
    if "exclusiveMinimum" in given:
        lows.append(math.floor(given["exclusiveMinimum"]) + 1)
    highs = [math.floor(given["maximum"])] if "maximum" in given else []
    if "exclusiveMaximum" in given:
        highs.append(math.ceil(given["exclusiveMaximum"]) - 1)
    low, high = max(lows, default=None), min(highs, default=None)
    every = 1 if step is None else int(step)
    if low is not None and high is not None and -(-low // every) * every > high:
        raise _empty(given, fault)
    return IntegerNode(minimum=low, maximum=high, multiple_of=None if step is None else every)


def number_node(data: Mapping[str, Any], fault: Fault) -> NumberNode:
    """Return a number's node."""
    given = _given(data, fault)
    if _leaves_nothing(given):
        raise _empty(given, fault)
    return NumberNode(
        minimum=given.get("minimum"),
        maximum=given.get("maximum"),
        exclusive_minimum=given.get("exclusiveMinimum"),
        exclusive_maximum=given.get("exclusiveMaximum"),
        multiple_of=given.get("multipleOf"),
    )


def _given(data: Mapping[str, Any], fault: Fault) -> dict[str, float]:
    """Return the stated bounds, each a finite number."""
    given = {keyword: data[keyword] for keyword in APPLIES["number"] if keyword in data}
    for keyword, value in given.items():
        finite = type(value) is int or (type(value) is float and math.isfinite(value))
        if not finite or (keyword == "multipleOf" and value <= 0):
            expected = "a finite number" + (" above 0" if keyword == "multipleOf" else "")
            raise fault(keyword, found=shown(value), expected=expected)
    return given


def _leaves_nothing(given: Mapping[str, float]) -> bool:
    lows = [(decimal(given[key]), key != "minimum") for key in _LOWS if key in given]
    highs = [(decimal(given[key]), key != "maximum") for key in _HIGHS if key in given]
    if not lows or not highs:
        return False
    low, above = max(lows)
    high, below = min(highs, key=lambda bound: (bound[0], not bound[1]))
    if "multipleOf" in given:
        step = decimal(given["multipleOf"])
        least = math.ceil(low / step) * step
        low = least + step if above and least == low else least
        above = False
    return low > high or (low == high and (above or below))


def _empty(given: Mapping[str, float], fault: Fault) -> SpecError:
    stated = ", ".join(f"`{keyword}: {value}`" for keyword, value in given.items())
    found = f"{stated} together"
    return fault(next(iter(given)), found=found, expected="bounds that leave a value")


_LOWS = ("minimum", "exclusiveMinimum")
_HIGHS = ("maximum", "exclusiveMaximum")
