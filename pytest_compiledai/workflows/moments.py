"""What a few samples a query say about more of them: moments, bounds, and the Beta model.

With c right of r samples of a query, m1 = E[c/r] and m2 = E[c(c-1)/(r(r-1))] estimate E[p] and
E[p²] without bias, where p is the query's own chance of a right answer.
"""

from __future__ import annotations

import math
from typing import Final
from typing import NamedTuple

import numpy as np

from pytest_compiledai.workflows.profile import RIGHT
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints

_TINY: Final = 1e-12


class Moments(NamedTuple):
    """Estimates of E[p] and E[p²] over queries."""

    m1: float
    m2: float


class Beta(NamedTuple):
    """How p differs between queries; `a + b` is infinite where it does not, 0 where p is 0 or 1."""

    mean: float
    weight: float  # a + b

    def any_of(self, k: int) -> float:
        """Return the chance that at least one of ``k`` samples of a query is right.

        1 - B(a, b+k) / B(a, b); at the ends of `weight` 1 - (1-mean)^k and mean.
        """
        if self.weight <= _TINY:
            return self.mean
        if math.isinf(self.weight):
            return 1 - (1 - self.mean) ** k
        b = (1 - self.mean) * self.weight
        return 1 - math.prod((b + i) / (self.weight + i) for i in range(k))


class Two(NamedTuple):
    """Two kinds of queries: ``share`` of them with chance ``first``, the others with ``second``."""

    share: float
    first: float
    second: float

    def next(self, right: Ints, draws: int) -> Floats:
        """Return the chance that a query's next sample is right, of which ``right`` were so far."""
        wrong = draws - right
        kinds = ((self.share, self.first), (1 - self.share, self.second))
        weights = [share * p**right * (1 - p) ** wrong for share, p in kinds]
        total = weights[0] + weights[1]
        hits = weights[0] * self.first + weights[1] * self.second
        mean = self.share * self.first + (1 - self.share) * self.second
        return np.where(total > _TINY, hits / np.maximum(total, _TINY), mean)


def ends(found: Moments) -> tuple[Two, Two]:
    """Return the two shapes with these moments between which one right of any number lies.

    Some queries are never right, or some always: the principal representations, see ``any_of``.
    """
    never, always = _end(found.m1, found.m2), _end(1 - found.m1, 1 - 2 * found.m1 + found.m2)
    return never, Two(always.share, 1 - always.first, 1 - always.second)


def _end(m1: float, m2: float) -> Two:
    """Return the shape with an atom at 0."""
    m2 = min(max(m2, m1 * m1), m1)  # what samples give may be no moments of anything
    if m2 <= _TINY:
        return Two(1.0, 0.0, 0.0)
    return Two(1 - m1 * m1 / m2, 0.0, m2 / m1)


def moments(right: Ints, drawn: Ints) -> Moments | None:
    """Return the moments of ``right`` [Q] of ``drawn`` [Q]; None when no query has two samples."""
    many = drawn >= 2  # noqa: PLR2004 - a pair
    if not many.any():
        return None
    c, r = right[many].astype(float), drawn[many].astype(float)
    return Moments(m1=float(np.mean(c / r)), m2=float(np.mean(c * (c - 1) / (r * (r - 1)))))


def beta(found: Moments) -> Beta:
    """Return the Beta model with these moments, its weight cut to what a Beta can have.

    The correlation of two samples of a query is rho = (m2 - m1²) / (m1 - m1²) = 1 / (a + b + 1).
    """
    m1, m2 = found
    spread = m1 * (1 - m1)
    if spread <= _TINY:
        return Beta(mean=m1, weight=math.inf)
    rho = min(1.0, (m2 - m1 * m1) / spread)
    return Beta(mean=m1, weight=math.inf if rho <= _TINY else 1 / rho - 1)


def any_of(found: Moments, k: int) -> tuple[float, float]:
    """Return the least and the most that the chance of one right of ``k`` samples can be.

    Whatever the shape in which p differs between queries: two moments do not tell it. With q = 1-p
    the chance is 1 - E[q^k], and E[q^k] is least when q is 0 or E[q²]/E[q], and greatest when q is
    1 or (E[q]-E[q²]) / (1-E[q]): the principal representations of Chebyshev and Markov. No bounds
    from two moments are narrower.
    """
    q1, q2 = 1 - found.m1, 1 - 2 * found.m1 + found.m2
    if q1 <= _TINY:
        return 1.0, 1.0
    if q1 >= 1 - _TINY:
        return 0.0, 0.0
    least = q2 ** (k - 1) / q1 ** (k - 2)
    other = max(0.0, q1 - q2) / (1 - q1)
    most = 1.0 - (1 - q1) / (1 - other) * (1 - other**k) if other < 1 - _TINY else q1
    return 1 - max(least, most), 1 - least


def majority_of_three(found: Moments) -> tuple[float, float]:
    """Return the least and the most that the chance of two right of three samples can be.

    E[3p² - 2p³] with the bounds on E[p³] of ``any_of``.
    """
    any_low, any_high = any_of(found, 3)
    m3 = [value - 3 * found.m1 + 3 * found.m2 for value in (any_low, any_high)]
    return 3 * found.m2 - 2 * m3[1], 3 * found.m2 - 2 * m3[0]


def right_and_drawn(score: Floats, query: Ints, queries: int) -> tuple[Ints, Ints]:
    """Return right answers and rows of each query; a score of a half and more is right."""
    right = np.bincount(query, weights=(score >= RIGHT).astype(float), minlength=queries)
    return right.astype(np.int64), np.bincount(query, minlength=queries)
