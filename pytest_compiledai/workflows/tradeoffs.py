"""The trade-off set: configurations of which none is better in everything, and how to pick one.

Standard library only, so that production reads a frozen set without NumPy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

if TYPE_CHECKING:
    import polars as pl

FILE = "tradeoffs.json"
CONFIDENCE = 0.9  # of each end of an interval, where a set does not say it
_SOON = 1e-9  # seconds: a logarithm needs some


class Range(NamedTuple):
    """A figure and its interval at the set's confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One way to run the workflow."""

    id: str
    label: str  # its structure in one line
    structure: int  # which of the flow's structures
    settings: Mapping[str, str]  # slot -> setting
    accuracy: Range  # of a mean over many problems
    new_problems: Range  # where the mean over as many problems as there are test rows will lie
    seconds: Mapping[str, float]  # mean, p50, p95
    p95: Range  # seconds
    cost: Range  # USD a problem


class NothingFits(LookupError):
    """No configuration keeps the bounds that were given."""


@dataclass(frozen=True, slots=True)
class TradeOffs:
    """Configurations by rising seconds; every way of picking one looks at interval ends.

    Accuracy counts by its lower end, seconds by the figure the spec optimises, cost by its mean.
    """

    configurations: tuple[Configuration, ...]
    latency: str = "p95"  # mean | p50 | p95
    data: Mapping[str, Any] | None = None  # the artifact as a whole
    reached: str = ""  # of an empty part: what the whole set reaches

    def __iter__(self) -> Iterator[Configuration]:
        return iter(self.configurations)

    def __len__(self) -> int:
        return len(self.configurations)

    def __getitem__(self, name: str) -> Configuration:
        """Return the configuration with this id, or the one chosen under this name in the spec."""
        chosen = (self.data or {}).get("chosen", {})
        for configuration in self.configurations:
            if configuration.id == chosen.get(name, name):
                return configuration
        known = ", ".join([*chosen, *(c.id for c in self.configurations)])[:200]
        raise KeyError(f"{name!r} is no configuration; expected one of {known}")

    def within(
        self, *, accuracy: float = 0.0, seconds: float = math.inf, cost: float = math.inf
    ) -> TradeOffs:
        """Return the part of the set that keeps these bounds; accuracy by its lower end."""
        kept = tuple(
            c
            for c in self.configurations
            if c.accuracy.low >= accuracy and self._time(c) <= seconds and c.cost.mean <= cost
        )
        reached = "" if kept or not self.configurations else self._ends()
        return TradeOffs(kept, self.latency, self.data, reached)

    def best(self) -> Configuration:
        """Return the most accurate configuration. Raises ``NothingFits`` for an empty set."""
        return self._first(lambda c: (-c.accuracy.low, self._time(c), c.cost.mean))

    def fastest(self) -> Configuration:
        """Return the fastest configuration. Raises ``NothingFits``."""
        return self._first(lambda c: (self._time(c), -c.accuracy.low, c.cost.mean))

    def cheapest(self) -> Configuration:
        """Return the cheapest configuration. Raises ``NothingFits``."""
        return self._first(lambda c: (c.cost.mean, -c.accuracy.low, self._time(c)))

    def prudent(self, *, accuracy: float) -> Configuration:
        """Return the fastest whose accuracy keeps its bound, where a likely miss is worth waiting.

        A chance of missing ``accuracy`` counts as that share of the time's logarithm, times the
        points of its standard error: at one point a sure miss counts as e times the time. So the
        margin is sized by the number of problems: with few, time buys less certainty, and a fixed
        price would have more targets missed. Raises ``NothingFits``.
        """
        confidence = float((self.data or {}).get("confidence", CONFIDENCE))
        return self.within(accuracy=accuracy)._first(  # noqa: SLF001 - of its own class
            lambda c: (
                math.log(max(self._time(c), _SOON))
                + price(accuracy, c.accuracy.mean, c.accuracy.low, confidence),
                c.cost.mean,
                c.id,
            )
        )

    def budget(self, *, usd: float, problems: int) -> Configuration:
        """Return the most accurate one that answers so many problems for ``usd``.

        Raises ``NothingFits``, and ``ValueError`` for no problems.
        """
        if problems < 1:
            raise ValueError(f"{problems} problems; expected 1 or more")
        return self.within(cost=usd / problems).best()

    def utility(self, *, second: float = 0.0, usd: float = 0.0) -> Configuration:
        """Return the one of most worth: accuracy less ``second`` a second and ``usd`` a dollar."""
        return self._first(
            lambda c: (-(c.accuracy.low - second * self._time(c) - usd * c.cost.mean), c.id)
        )

    def knee(self) -> Configuration:
        """Return the one after which time buys least: farthest above fastest-to-best's line.

        Time is taken by its logarithm, for what is slow is slow by factors.
        """
        fast, best = self.fastest(), self.best()
        start, end = (math.log(max(self._time(c), _SOON)) for c in (fast, best))
        rise = best.accuracy.low - fast.accuracy.low

        def above(c: Configuration) -> float:
            where = (math.log(max(self._time(c), _SOON)) - start) / (end - start or 1.0)
            return c.accuracy.low - fast.accuracy.low - rise * where

        return self._first(lambda c: (-round(above(c), 12), self._time(c)))

    def table(self) -> str:
        """Return the set as text, a line a configuration."""
        head = (
            f"{'id':6}{'accuracy':>9}{'low':>7}{'high':>7}{'p50 s':>9}{'p95 s':>9}{'USD':>10}  what"
        )
        return "\n".join([head, *map(_line, self.configurations)])

    def rows(self) -> list[dict[str, Any]]:
        """Return the set as plain rows."""
        return [
            {
                "id": c.id,
                "accuracy": c.accuracy.mean,
                "accuracy_low": c.accuracy.low,
                "accuracy_high": c.accuracy.high,
                "seconds": c.seconds["mean"],
                "p50": c.seconds["p50"],
                "p95": c.seconds["p95"],
                "cost": c.cost.mean,
                "label": c.label,
                "settings": json.dumps(dict(c.settings), sort_keys=True),
            }
            for c in self.configurations
        ]

    def to_df(self) -> pl.DataFrame:
        """Return the set as a data frame (polars; the extra `workflows`)."""
        import polars as pl

        return pl.DataFrame(self.rows())

    def _time(self, configuration: Configuration) -> float:
        return configuration.seconds[self.latency]

    def _first(self, key: Callable[[Configuration], tuple[Any, ...]]) -> Configuration:
        if not self.configurations:
            bounds = f"no configuration keeps these bounds; {self.reached}widen one of them"
            raise NothingFits(bounds)
        return min(self.configurations, key=key)

    def _ends(self) -> str:
        """Return how far the set goes, for the message that nothing fits."""
        best, fast, cheap = self.best(), self.fastest(), self.cheapest()
        return (
            f"{best.id} surely reaches {best.accuracy.low:.3f}, {fast.id} takes "
            f"{self._time(fast):.3g} s, {cheap.id} {cheap.cost.mean:.3g} USD a problem; "
        )


def price(accuracy: float, mean: float, low: float, confidence: float) -> float:
    """Return what the chance counts that a share is below ``accuracy``, in e-folds of time.

    The chance, normal about its ``mean``, times its standard error in points; ``low`` is where the
    share is not below at ``confidence``.
    """
    error = (mean - low) / NormalDist().inv_cdf(confidence)
    if error <= 0:
        return float(mean < accuracy)
    return 100 * error * NormalDist().cdf((accuracy - mean) / error)


def _line(c: Configuration) -> str:
    settings = ", ".join(f"{slot}={setting}" for slot, setting in c.settings.items())
    return (
        f"{c.id:6}{c.accuracy.mean:9.3f}{c.accuracy.low:7.3f}{c.accuracy.high:7.3f}"
        f"{c.seconds['p50']:9.2f}{c.seconds['p95']:9.2f}{c.cost.mean:10.5f}  {c.label}: {settings}"
    )


def read_tradeoffs(data: bytes) -> TradeOffs:
    """Return a frozen set, for example ``read_tradeoffs(compiled.load(name)[FILE])``."""
    value = json.loads(data)
    return TradeOffs(
        tuple(_configuration(item) for item in value["configurations"]), value["latency"], value
    )


def _configuration(item: Mapping[str, Any]) -> Configuration:
    ranges = {key: Range(*item[key]) for key in ("accuracy", "new_problems", "p95", "cost")}
    return Configuration(**{**item, **ranges})


def as_json(configuration: Configuration) -> dict[str, Any]:
    """Return what ``read_tradeoffs`` reads of a configuration, figures to six digits."""
    value = {name: getattr(configuration, name) for name in Configuration.__slots__}
    for key, figure in value.items():
        if isinstance(figure, Range):
            value[key] = [_six(part) for part in figure]
    value["seconds"] = {key: _six(part) for key, part in configuration.seconds.items()}
    value["settings"] = dict(configuration.settings)
    return value


def _six(value: float) -> float:
    # Sums in another order, on another processor, differ in the last bits; artifacts must not.
    return float(f"{value:.6g}")
