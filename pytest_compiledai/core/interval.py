"""How sure a share of successes is, given how few trials there were."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A closed interval of shares between 0 and 1."""

    low: float
    high: float


def portion(bar: float, total: int) -> Fraction:
    """Return the share ``bar`` of ``total``, as it is written: 0.55 of 100 is 55, and no more."""
    return Fraction(repr(bar)) * total


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Return the two-sided Wilson score interval of a share, without continuity correction.

    With p = successes / trials and z the normal quantile of (1 + confidence) / 2, its ends are
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Source: E. B. Wilson, "Probable inference,
    the law of succession, and statistical inference", JASA 22 (1927) 209-212.
    No trials say nothing: the interval is (0, 1). Raises ``ValueError`` for impossible counts.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence}; it lies between 0 and 1")
    if trials == 0:
        return Interval(low=0.0, high=1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    middle = share + z * z / (2 * trials)
    scale = 1 + z * z / trials
    # The ends are exact at 0 and at all successes; floating point leaves 1e-17 there.
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == trials else (middle + half) / scale
    return Interval(low=low, high=high)


def trials_to_show(share: float, bar: float, confidence: float = 0.95) -> int | None:
    """Return the fewest trials at which ``share`` of them puts the interval's low end at ``bar``.

    None where no number of trials does. The low end of Wilson's interval is the share p0 with
    (p - p0) / √(p0(1-p0)/n) = z, so n = z² p0(1-p0) / (p - p0)².
    """
    if share <= bar:
        return 1 if bar <= 0 else None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return max(1, math.ceil(z * z * bar * (1 - bar) / (share - bar) ** 2 - 1e-9))


def chi_square_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of the chi-square distribution, to about 1 % (3 % at one degree).

    Source: E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", PNAS 17 (1931)
    684-688: (X/k)^(1/3) is near normal with mean 1 - 2/9k and variance 2/9k.
    """
    spread = 2 / (9 * degrees)
    root = 1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)
    return degrees * root * root * root
