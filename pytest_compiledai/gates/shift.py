"""How far the inputs of production are from the golden ones, field by field.

Pure. A field's values fall into named bins made from the golden rows; the population stability
index Σ (q - p) ln(q / p) compares the shares of the bins, p of the golden rows and q of the calls.
Under no shift it is near (1/N + 1/M) χ² with one degree less than there are bins (B. Yurdakul and
J. Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
Validation 14 (2020) 89-100), so with few golden rows a large index alone says nothing.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.interval import chi_square_quantile
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.core.sampled import is_redacted
from pytest_compiledai.core.words import shown

ABSENT: Final = "absent"
NULL: Final = "null"
OTHER: Final = "other"
_CATEGORY_ROWS: Final = 5  # golden rows a value, on average, of a field that has categories
_LONGEST_CATEGORY: Final = 64  # characters; a longer text is no category

Observed = Mapping[str, Sequence[Any]]  # path of a field -> what one call has there


class _Absent:
    """Stands for a property that is not there."""


_ABSENT: Final = _Absent()


def observed(node: Node, value: Any) -> dict[str, list[Any]]:
    """Return what an input that conforms has at each field; what was redacted is left out."""
    found: dict[str, list[Any]] = {}
    for path, item in _walk(node, value, ""):
        found.setdefault(path, []).append(item)
    return found


def _walk(node: Node, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and is_redacted(value):
        return
    if isinstance(node, UnionNode):
        node = next((option for option in node.options if _holds(option, value)), node)
    if isinstance(node, ObjectNode) and isinstance(value, dict):
        yield from _walk_object(node, value, path)
    elif isinstance(node, ArrayNode) and isinstance(value, list):
        yield f"{path}[] count", len(value)
        for item in value:
            yield from _walk(node.items, item, f"{path}[]")
    elif not isinstance(value, dict | list):
        yield path, value


def _walk_object(
    node: ObjectNode, value: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Any]]:
    lead = f"{path}." if path else ""
    for name, child in node.properties.items():
        if name in value:
            yield from _walk(child, value[name], f"{lead}{name}")
        else:
            yield f"{lead}{name}", _ABSENT
    if not isinstance(node.additional, bool):
        for name in sorted(value.keys() - node.properties.keys()):
            yield from _walk(node.additional, value[name], f"{lead}*")


def _holds(node: Node, value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(node, ObjectNode)
    return isinstance(value, list) and isinstance(node, ArrayNode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the input and its bins, as the golden rows made them."""

    path: str
    bin_of: Callable[[Any], str]
    categories: frozenset[Any] | None  # those that golden rows have; None: no such field
    golden: Mapping[str, float]  # bin -> golden rows
    once: int  # categories that one golden row alone has
    is_told: bool  # whether enough golden rows have it to say how it shifts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How one field of the calls compares with the golden rows."""

    field: Field
    calls: float  # calls that have the field
    counts: Mapping[str, float]  # bin -> calls
    psi: float | None  # None: too few golden rows for two bins, or no call
    critical: float
    fresh: Mapping[str, int]  # category no golden row has, as shown -> calls
    fresh_calls: int

    @property
    def rows(self) -> float:
        """How many golden rows have the field."""
        return sum(self.field.golden.values())

    def nulls(self) -> tuple[float, float]:
        """Return how many golden rows and calls have null here, or nothing."""
        golden, calls = self.field.golden, self.counts
        return _nothing(golden), _nothing(calls)

    def risen(self) -> str | None:
        """Return the bin that adds most to the index of those with more calls than expected."""
        total, rows = self.calls or 1.0, self.rows or 1.0
        rises = {b: self.counts.get(b, 0) / total - self.field.golden.get(b, 0) / rows
                 for b in {*self.counts, *self.field.golden}}  # fmt: skip
        name = max(sorted(rises), key=lambda b: rises[b], default=None)
        return name if name is not None and rises[name] > 0 else None

    def figures(self) -> dict[str, Any]:
        """Return the figures of the report: shares of each bin, golden rows first."""
        rows, calls = self.rows or 1.0, self.calls or 1.0
        bins = sorted({*self.field.golden, *self.counts})
        shares = {b: [self.field.golden.get(b, 0) / rows, self.counts.get(b, 0) / calls]
                  for b in bins}  # fmt: skip
        return {
            "psi": None if self.psi is None else round(self.psi, 6),
            "critical": round(self.critical, 6),
            "bins": {b: [round(share, 6) for share in pair] for b, pair in shares.items()},
            "new": dict(self.fresh),
        }


def _nothing(counts: Mapping[str, float]) -> float:
    return counts.get(NULL, 0.0) + counts.get(ABSENT, 0.0)


def fields_of(golden: Sequence[Observed], *, bins: int, bin_rows: int) -> list[Field]:
    """Return the fields that golden rows have, with at most ``bins`` bins of ``bin_rows`` rows."""
    paths = sorted({path for row in golden for path in row})
    return [_field(path, golden, bins, bin_rows) for path in paths]


def _field(path: str, golden: Sequence[Observed], bins: int, bin_rows: int) -> Field:
    values = [item for row in golden for item in row.get(path, ())]
    real = [item for item in values if item is not _ABSENT and item is not None]
    with_it = sum(path in row for row in golden)
    most = max(1, min(bins, with_it // bin_rows))
    is_texts = bool(real) and all(isinstance(item, str) for item in real)
    is_numbers = bool(real) and all(type(item) in (int, float) for item in real)
    few = len({_same(item) for item in real}) <= max(2, with_it // _CATEGORY_ROWS)
    short = all(len(item) <= _LONGEST_CATEGORY for item in real if isinstance(item, str))
    categories = None
    if is_numbers and not few:
        bin_of = _intervals(sorted(real), most, "")
    elif is_texts and not (few and short):
        bin_of = _lengths(real, most)
    else:
        bin_of = _named(real, bin_rows)
        categories = frozenset(_same(item) for item in real) if is_texts else None
    return Field(
        path=path,
        bin_of=lambda item: _bin(item, bin_of),
        categories=categories,
        golden=_counts(golden, path, lambda item: _bin(item, bin_of)),
        once=min(_once(real), with_it) if categories is not None else 0,
        is_told=with_it >= 2 * bin_rows,
    )


def _bin(item: Any, bin_of: Callable[[Any], str]) -> str:
    if item is _ABSENT:
        return ABSENT
    return NULL if item is None else bin_of(item)


def _same(item: Any) -> tuple[str, Any]:
    """Return a key that is equal for equal JSON scalars: true is not 1, 1.0 is."""
    return ("bool" if isinstance(item, bool) else "", item)


def _intervals(ordered: Sequence[Any], most: int, unit: str) -> Callable[[Any], str]:
    """Return the bin of a number: intervals of equal shares, and what no golden value reaches."""
    least, last = ordered[0], ordered[-1]
    inner = {ordered[len(ordered) * n // most] for n in range(1, most)} - {least}
    ends = [least, *sorted(inner)]
    texts = [shown(end) for end in ends]
    names = [f"below {texts[0]}{unit}"]
    names += [f"{low} to below {high}{unit}" for low, high in itertools.pairwise(texts)]
    names += [f"{texts[-1]} to {shown(last)}{unit}"]

    def bin_of(item: Any) -> str:
        if type(item) not in (int, float):
            return OTHER
        return f"above {shown(last)}{unit}" if item > last else names[bisect_right(ends, item)]

    return bin_of


def _lengths(texts: Sequence[str], most: int) -> Callable[[Any], str]:
    of_length = _intervals(sorted(map(len, texts)), most, " characters")
    return lambda item: of_length(len(item)) if isinstance(item, str) else OTHER


def _named(values: Sequence[Any], bin_rows: int) -> Callable[[Any], str]:
    """Return the bin of a category: its own where enough golden rows have it."""
    counts = Counter(map(_same, values))
    own = {key: shown(key[1]) for key, count in counts.items() if count >= bin_rows}
    return lambda item: own.get(_same(item), OTHER)


def _counts(rows: Sequence[Observed], path: str, bin_of: Callable[[Any], str]) -> dict[str, float]:
    """Return rows a bin; one that has several values there counts once, in parts."""
    counts: dict[str, float] = {}
    for row in rows:
        items = row.get(path, ())
        for item in items:
            name = bin_of(item)
            counts[name] = counts.get(name, 0.0) + 1 / len(items)
    return counts


def _once(values: Sequence[Any]) -> int:
    return sum(count == 1 for count in Counter(map(_same, values)).values())


def compare(
    fields: Sequence[Field], calls: Sequence[Observed], *, chance: float, half: float, named: int
) -> list[Shift]:
    """Return the shift of every field; ``chance`` is shared out among them (Bonferroni)."""
    each = chance / max(1, len(fields))
    return [_shift(field, calls, each, half, named) for field in fields]


def _shift(
    field: Field, calls: Sequence[Observed], chance: float, half: float, named: int
) -> Shift:
    counts = _counts(calls, field.path, field.bin_of)
    fresh = [_fresh(field, row) for row in calls]
    rows, total = sum(field.golden.values()), sum(counts.values())
    names = sorted({*field.golden, *counts})
    usable = len(names) > 1
    psi, critical = None, 0.0
    if total and usable and field.is_told:
        psi = _index(names, field.golden, counts, half)
        critical = (1 / rows + 1 / total) * chi_square_quantile(1 - chance, len(names) - 1)
    seen = Counter(shown(item) for items in fresh for item in items)
    return Shift(
        field=field,
        calls=total,
        counts=counts,
        psi=psi,
        critical=critical,
        fresh=dict(sorted(seen.items(), key=lambda pair: (-pair[1], pair[0]))[:named]),
        fresh_calls=sum(bool(items) for items in fresh),
    )


def _fresh(field: Field, row: Observed) -> set[Any]:
    if field.categories is None:
        return set()
    known = field.categories
    items = (i for i in row.get(field.path, ()) if i is not _ABSENT and i is not None)
    return {item for item in items if _same(item) not in known}


def _index(
    names: Sequence[str], golden: Mapping[str, float], calls: Mapping[str, float], half: float
) -> float:
    rows = sum(golden.values()) + half * len(names)
    total = sum(calls.values()) + half * len(names)
    pairs = (((golden.get(n, 0) + half) / rows, (calls.get(n, 0) + half) / total) for n in names)
    return math.fsum((q - p) * math.log(q / p) for p, q in pairs)


def stands_out(shift: Shift, row: Observed) -> bool:
    """Return whether a call is one of those that make the shift."""
    if _fresh(shift.field, row):
        return True
    risen = shift.risen()
    return any(shift.field.bin_of(item) == risen for item in row.get(shift.field.path, ()))
