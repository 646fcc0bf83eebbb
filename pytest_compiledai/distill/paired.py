"""Intervals of paired differences, and after how many calls a cascade pays."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_compiledai.core.interval import Interval
from pytest_compiledai.core.interval import wilson


def paired(pairs: Sequence[tuple[bool, bool]], confidence: float) -> Interval:
    """Return the interval of the share right first minus the share right second, from -1 to 1.

    Newcombe's method 10: the Wilson intervals of both shares, combined by their correlation.
    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 2635-2650. No pairs say nothing.
    """
    total = len(pairs)
    if not total:
        return Interval(low=-1.0, high=1.0)
    both = sum(a and b for a, b in pairs)
    first, second = (sum(column) for column in zip(*pairs, strict=True))
    neither = total - first - second + both
    left, right = wilson(first, total, confidence), wilson(second, total, confidence)
    p, q = first / total, second / total
    # Method 10 corrects the numerator of phi for continuity where it is positive.
    product: float = both * neither - (first - both) * (second - both)
    if product > 0:
        product = max(product - total / 2, 0.0)
    margins = first * second * (total - first) * (total - second)
    phi = product / math.sqrt(margins) if margins else 0.0

    def half(down: float, up: float) -> float:
        return math.sqrt(max(0.0, down * down - 2 * phi * down * up + up * up))

    difference = p - q
    return Interval(
        low=max(-1.0, difference - half(p - left.low, right.high - q)),
        high=min(1.0, difference + half(left.high - p, q - right.low)),
    )


def cascade_usd(*, samples: float, student: float, agreeing: float, teacher: float) -> float:
    """Return the cost of one call: N c_s(k) + (1 - a) c_t, in the unit of the prices.

    ``samples`` are asked of the student on average; ``agreeing`` is the share of calls that never
    reach the teacher.
    """
    return samples * student + (1 - agreeing) * teacher


def break_even(*, demonstrations: float, teacher: float, call: float) -> float | None:
    """Return the calls after which the demonstrations are paid: N* = D c_t / (c_t - c).

    None where a call costs no less than the teacher's. With the published 500 demonstrations,
    0.059 and 0.024 USD it is 843 episodes (arXiv 2512.02543).
    """
    saved = teacher - call
    return demonstrations * teacher / saved if saved > 0 else None
