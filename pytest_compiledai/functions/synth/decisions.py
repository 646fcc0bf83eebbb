"""Decision lists over observed fields: rules that no train row contradicts, and none beyond."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.functions.synth.parts.deciding import Test
from pytest_compiledai.functions.synth.parts.deciding import holds
from pytest_compiledai.functions.synth.parts.ops import words_in
from pytest_compiledai.functions.synth.parts.stopwords import STOP_WORDS

Example = tuple[Mapping[str, Any], Any]
Rule = tuple[tuple[Test, ...], Any]
LEAST_SUPPORT = 3  # rows that a rule explains before it is one
LEAST_DEFAULT = 6  # rows of one answer that are left before the answer is for all others
MOST_VALUES = 12  # of a field, before its values are no closed set
MOST_TESTS = 400
MOST_RULES = 40


def learned(rows: Sequence[Example], *, default: bool) -> list[Rule]:
    """Return rules in order; with ``default`` the last may hold for whatever no other does.

    Each rule is right on every row left to it and explains several; a row that no rule explains is
    left out, and an input that no rule fits is abstained from.
    """
    left = frozenset(range(len(rows)))
    held = rows_held(rows, candidates(rows))
    labels = [canonical_json(label) for _, label in rows]
    rules: list[Rule] = []
    while left and len(rules) < MOST_RULES:
        tests = best_tests({test: some & left for test, some in held.items()}, labels)
        if tests is None:
            break
        covered = left.intersection(*(held[test] for test in tests))
        rules.append((tests, rows[min(covered)][1]))
        left -= covered
    if default and len({labels[i] for i in left}) == 1 and len(left) >= LEAST_DEFAULT:
        rules.append(((), rows[min(left)][1]))
    return rules


def rows_held(rows: Sequence[Example], tests: Sequence[Test]) -> dict[Test, frozenset[int]]:
    """Return the numbers of the rows for which each test holds; each text is read once."""
    held: dict[Test, set[int]] = {test: set() for test in tests}
    for number, (data, _) in enumerate(rows):
        for name, value in data.items():
            for word in words_in(value) if isinstance(value, str) else ():
                if ("has", name, word) in held:
                    held["has", name, word].add(number)
        for test in tests:
            if test[0] != "has" and holds(data, test):
                held[test].add(number)
    return {test: frozenset(some) for test, some in held.items()}


def best_tests(
    held: Mapping[Test, frozenset[int]], labels: Sequence[bytes]
) -> tuple[Test, ...] | None:
    """Return the tests that explain most rows without a mistake, the simplest of equals."""
    useful = [test for test, some in held.items() if len(some) >= LEAST_SUPPORT]
    pairs = itertools.combinations(useful[:60], 2)
    best: tuple[int, int, str] | None = None
    chosen: tuple[Test, ...] | None = None
    for one in itertools.chain(((test,) for test in useful), pairs):
        covered = frozenset.intersection(*(held[test] for test in one))
        if len(covered) < LEAST_SUPPORT or len({labels[i] for i in covered}) != 1:
            continue
        rank = (-len(covered), len(one), repr(one))
        if best is None or rank < best:
            best, chosen = rank, one
    return chosen


def candidates(rows: Sequence[Example]) -> list[Test]:
    """Return the tests that rows suggest, those of closed sets and numbers before words."""
    names = sorted({name for data, _ in rows for name in data})
    tests: list[Test] = []
    for name in names:
        values = [data[name] for data, _ in rows if name in data]
        if len(values) < len(rows):
            tests += [("given", name, True), ("given", name, False)]
        tests += closed(name, values)
        tests += bounds(name, rows)
    words = itertools.chain.from_iterable(worded(name, rows) for name in names)
    return list(dict.fromkeys([*tests, *words]))[:MOST_TESTS]


def closed(name: str, values: Sequence[Any]) -> Iterator[Test]:
    """Yield a test for each value of a closed set."""
    plain = [value for value in values if isinstance(value, str | bool)]
    counts = Counter((type(value).__name__, value) for value in plain)
    if len(counts) <= MOST_VALUES:
        for (_, value), _ in sorted(counts.items(), key=repr):
            yield ("is", name, value)


def bounds(name: str, rows: Sequence[Example]) -> Iterator[Test]:
    """Yield the bounds of numbers at which answers change; between two bounds nobody knows."""
    points = sorted(
        (data[name], canonical_json(label))
        for data, label in rows
        if type(data.get(name)) in (int, float)
    )
    for (low, one), (high, other) in itertools.pairwise(points):
        if one != other and low != high:
            yield ("most", name, low)
            yield ("least", name, high)


def worded(name: str, rows: Sequence[Example]) -> Iterator[Test]:
    """Yield a test for each word that several texts hold, the most common first."""
    counts: Counter[str] = Counter()
    for data, _ in rows:
        if isinstance(data.get(name), str):
            counts.update(words_in(data[name]) - STOP_WORDS)
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for word, count in common:
        if count >= LEAST_SUPPORT:
            yield ("has", name, word)


def decided(rules: Sequence[Rule], data: Mapping[str, Any], missing: Any) -> Any:
    """Return what the first rule says that holds, ``missing`` where none does."""
    for tests, label in rules:
        if all(holds(data, test) for test in tests):
            return label
    return missing
