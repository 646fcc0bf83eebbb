"""Scores of an output against a row's right one, and distances between outputs; all from 0 to 1."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from operator import mul
from typing import Any
from typing import Final

from pytest_compiledai.distill.agreeing import canonical
from pytest_compiledai.distill.embedding import Hashed

_NONE: Final = object()  # what no JSON value equals
_WORD: Final = re.compile(r"\w+|[^\w\s]")


def exact(output: str, right: str) -> float:
    """Return 1 where both have one form, else 0."""
    return float(canonical(output) == canonical(right))


def fields(output: str, right: str) -> float:
    """Return the share of the right answer's fields that the output has, as JSON objects."""
    wanted, found = _object(right), _object(output)
    if wanted is None or found is None:
        return exact(output, right)
    return float(sum(found.get(k, _NONE) == v for k, v in wanted.items()) / len(wanted))


def overlap(output: str, right: str) -> float:
    """Return the F1 of the words of both."""
    one, other = (Counter(words(text)) for text in (output, right))
    shared = (one & other).total()
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def form(output: str, right: str) -> float:
    """Return the share of the right answer's keys that the output has, as JSON objects."""
    wanted, found = _object(right), _object(output)
    if wanted is None:
        return float(_object(output) is None)
    return len(set(wanted) & set(found or {})) / len(set(wanted) | set(found or {}))


def edit(one: str, other: str) -> float:
    """Return the Levenshtein distance of the words, as a share of the longer text's."""
    left, right = words(one), words(other)
    row = list(range(len(right) + 1))
    for at, word in enumerate(left, start=1):
        before, row[0] = row[0], at
        for place, wanted in enumerate(right, start=1):
            kept = before + (word != wanted)
            before, row[place] = row[place], min(kept, row[place] + 1, row[place - 1] + 1)
    return row[-1] / max(len(left), len(right), 1)


def jaccard(one: str, other: str) -> float:
    """Return the share of all words that only one of both has."""
    left, right = set(words(one)), set(words(other))
    return 1 - len(left & right) / len(left | right) if left | right else 0.0


def embedding(one: str, other: str) -> float:
    """Return half of one minus the cosine of the hashed vectors."""
    left, right = Hashed().vectors([one, other])
    return float(min(1.0, max(0.0, (1 - sum(map(mul, left, right))) / 2)))


def words(text: str) -> list[str]:
    """Return the words and signs of a text."""
    return _WORD.findall(text)


METRICS: Final[Mapping[str, Callable[[str, str], float]]] = {
    "exact": exact,
    "fields": fields,
    "overlap": overlap,
    "form": form,
}
DISTANCES: Final[Mapping[str, Callable[[str, str], float]]] = {
    "edit": edit,
    "jaccard": jaccard,
    "embedding": embedding,
}


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(canonical(text))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value else None
