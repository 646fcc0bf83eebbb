# compiledai module fields@1
"""What a program knows of the fields it fills, and what it found for one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Value = str | float | bool | list[str] | list[float]


class Field(NamedTuple):
    """One field to fill from a request."""

    name: str
    kind: str  # integer, number, string, enum, boolean, numbers, strings, enums
    required: bool
    names: frozenset[str] = frozenset()  # words that stand for the field directly
    dimension: str = ""
    unit: str = ""
    series: str = ""  # fields of one series take values in the order of the request
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()  # value, its words
    role: str = ""  # from, to, place, by, date, id ...
    default: Value | None = None
    percent: bool = False  # a share is kept in percent
    switches: tuple[tuple[str, ...], ...] = ()  # words that must all stand there, in any form
    shape: str = ""  # how a date is written, such as YYYY-MM-DD
    code: bool = False  # an abbreviation in capitals
    comma: bool = False  # a place with its state or country behind a comma
    written: tuple[tuple[str, str], ...] = ()  # what requests say, how it is written
    free: bool = False  # any words of the request could be its value


class Knowledge(NamedTuple):
    """What a program knows of one function."""

    fields: tuple[Field, ...]
    cues: Mapping[str, tuple[tuple[int, int], ...]]  # word -> field and weight
    known: frozenset[str]  # words that the description explains
    topic: frozenset[str] = frozenset()  # beginnings of the words of the function's name
    told: frozenset[str] = frozenset()  # beginnings of the words of its description


class Refusal(NamedTuple):
    """Why a request is not answered."""

    reason: str


def cued(rows: Mapping[tuple[tuple[int, int], ...], str]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return word -> fields and weights, from the words of each combination of these."""
    return {word: places for places, words in rows.items() for word in words.split()}
