"""The Wilson interval."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.interval import Interval
from pytest_compiledai.core.interval import portion
from pytest_compiledai.core.interval import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "confidence", "low", "high"),
    [
        (20, 20, 0.95, 0.8389, 1.0),
        (0, 20, 0.95, 0.0, 0.1611),
        (81, 263, 0.95, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.95, 0.0624, 0.1605),  # the same table
        (1, 29, 0.95, 0.0061, 0.1718),  # the same table
        (5, 10, 0.99, 0.1842, 0.8158),  # by hand from z = 2.5758
    ],
)
def test_known_values(
    successes: int, trials: int, confidence: float, low: float, high: float
) -> None:
    """The ends agree with published values to four places."""
    interval = wilson(successes, trials, confidence)

    assert (low, high) == (round(interval.low, 4), round(interval.high, 4))


def test_no_trials_say_nothing() -> None:
    """Without trials every share is possible."""
    assert Interval(low=0.0, high=1.0) == wilson(0, 0)


def test_ends_are_exact_at_the_bounds() -> None:
    """No success leaves 0 possible, no failure leaves 1 possible, without rounding."""
    assert [wilson(0, n).low for n in range(1, 50)] == [0.0] * 49
    assert [wilson(n, n).high for n in range(1, 50)] == [1.0] * 49


@pytest.mark.parametrize(
    ("successes", "trials", "confidence"), [(-1, 2, 0.95), (3, 2, 0.95), (1, 2, 0.0), (1, 2, 1.0)]
)
def test_impossible_counts_are_refused(successes: int, trials: int, confidence: float) -> None:
    """Counts and confidences that cannot be are errors."""
    with pytest.raises(ValueError):
        wilson(successes, trials, confidence)


@pytest.mark.parametrize(("bar", "total"), [(0.55, 100), (0.07, 100), (0.29, 100), (1, 7), (0, 7)])
def test_a_share_is_the_decimal_that_is_written(bar: float, total: int) -> None:
    """As floats 0.55 of 100 is more than 55, and 0.29 of 100 less than 29."""
    assert round(bar * total) == portion(bar, total)
