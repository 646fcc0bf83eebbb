"""Texts that look like orders to a model, or hide characters: a hint for reviewers.

It decides nothing. What it knows are characters without a use in data and a few turns of phrase in
English, so it misses most attempts; `python -m bench.injection` says how many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any
from typing import Final

from pytest_compiledai.core.place import Place

#: Characters looked at in one spec and its rows; a text can be made to cost 4 s a million.
_MOST: Final = 200_000

#: Tags, marks of direction, invisible operators; not the joiners of emoji and of some scripts.
_HIDDEN: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2060-\u2069\U000e0000-\U000e007f]")
_VERB: Final = r"\b(?:ignore|disregard|forget|overlook|override|bypass)\b"
_NOUN: Final = (
    r"(?:instructions?|directives?|directions|commands?|prompts?|rules|guidelines|orders)"
)
_TOLD: Final = r"you(?:['\u2019]ve|\s+have|\s+were)\s+(?:been\s+)?(?:told|instructed|given)"
_PHRASES: Final = re.compile(
    rf"{_VERB}(?:\W+\w+){{0,6}}?\W+(?:previous|prior|earlier|preceding|above|your)\b"
    rf"(?:\W+\w+){{0,3}}?\W+{_NOUN}\b"
    rf"|{_VERB}\s+(?:the|all of the|everything)\s+(?:above|previous|prior)\b"
    rf"|{_VERB}(?:\W+\w+){{0,4}}?\W+{_TOLD}"
    r"|<\s*/?\s*(?:system|god|admin|developer)(?:\s+mode)?\s*>"
    r"|<\|im_(?:start|end)\|>|\[\s*/?inst\s*\]",
    re.IGNORECASE,
)


def suspicious(values: Iterable[tuple[Place, Any]]) -> Iterator[Place]:
    """Yield the places of JSON values that hold such a text, of the first 200,000 characters."""
    looked = 0
    for place, value in values:
        texts = list(_texts(value))
        looked += sum(map(len, texts))
        if looked > _MOST:
            return
        if any(map(is_suspicious, texts)):
            yield place


def remarks_of(values: Iterable[tuple[Place, Any]]) -> Iterator[str]:
    """Yield what the summary says of each place that ``suspicious`` finds."""
    for place in suspicious(values):
        yield f"{place}: a text that looks like an order to a model, or hides characters"


def is_suspicious(text: str) -> bool:
    """Return whether a text hides characters or has a phrase that orders a model about."""
    return _HIDDEN.search(text) is not None or _PHRASES.search(text) is not None


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value, names of properties too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
