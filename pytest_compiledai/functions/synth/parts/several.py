# compiledai module several@1
"""A request that asks for several calls, and the function that a request is about."""

from __future__ import annotations

import itertools
import re

from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Refusal
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.reading import read
from pytest_compiledai.functions.synth.parts.reading import read_pieces
from pytest_compiledai.functions.synth.parts.spans import begins_name
from pytest_compiledai.functions.synth.parts.spans import name_end
from pytest_compiledai.functions.synth.parts.stopwords import STOP_WORDS
from pytest_compiledai.functions.synth.parts.tokens import Token
from pytest_compiledai.functions.synth.parts.tokens import number_of
from pytest_compiledai.functions.synth.parts.tokens import tokens
from pytest_compiledai.functions.synth.parts.units import unit_of

PARTERS = frozenset({",", "and", "&"})
MOST_CALLS = 8
LEAST_LEAD = 3  # of the function that a request is about, over the next
LEAST_ALONE = 2  # where nothing speaks for any other
UNCLEAR = Refusal("no function that the request is clearly about")
REFERRING = frozenset("result results resulting previous back these those".split())
SEVERAL = frozenset(
    "and two three four both each also then another different various respectively".split()
)
# Where a request may fall into parts: at sentences, at words that begin another thing, at `and`.
SENTENCES = r"(?<=[a-z0-9'\")])[.?!;] +"
ANOTHER = (
    r",? (?:and then|then|and also|also|and another|another|and for|plus|and finally|followed by"
    r"|as well as)\b"
)
ORDINALS = r"(?:,|[.?!;])? (?:and |while |where |but )?(?=(?:the|a) (?:second|third|fourth|other) )"
CUTS = (
    re.compile(SENTENCES),
    re.compile(f"{SENTENCES}|{ORDINALS}", re.IGNORECASE),
    re.compile(f"{SENTENCES}|{ANOTHER}"),
    re.compile(f"{SENTENCES}|{ANOTHER}|,? (?:and|while) (?=between |from )"),
    re.compile(f"{SENTENCES}|{ANOTHER}|,? and "),
)


def chosen(text: str, offered: tuple[Knowledge, ...]) -> tuple[int, dict[str, Value]] | Refusal:
    """Return which function a request is about, and its values."""
    pieces = tokens(text)
    said = {piece.stem for piece in pieces if piece.low not in STOP_WORDS}
    points = [nearness(said, offered, index) for index in range(len(offered))]
    second, best = sorted(points)[-2:]
    if best - second < (LEAST_LEAD if second else LEAST_ALONE):
        return UNCLEAR
    found = [
        (index, values)
        for index, knowledge in enumerate(offered)
        if points[index] == best
        and not isinstance(values := read_pieces(text, pieces, knowledge), Refusal)
    ]
    return found[0] if len(found) == 1 else UNCLEAR


def nearness(said: set[str], offered: tuple[Knowledge, ...], index: int) -> int:
    """Return how much of what tells a function from the others a request says."""
    others = [other for place, other in enumerate(offered) if place != index]
    names = frozenset().union(*(other.topic for other in others))
    told = frozenset().union(*(other.told | other.topic for other in others))
    own = offered[index]
    points = 3 * len(said & (own.topic - names)) + len(said & (own.told - told - own.topic))
    fields = frozenset().union(*(field.names for other in others for field in other.fields))
    asked = frozenset().union(*(field.names for field in own.fields))
    return points + len(said & (asked - fields - told - own.topic - own.told))


def read_several(text: str, knowledge: Knowledge) -> list[dict[str, Value]] | Refusal:
    """Return the values of each call that a request asks for."""
    pieces = tokens(text)
    calls = read_calls(text, pieces, knowledge)
    if not isinstance(calls, Refusal) and is_miscounted(pieces, calls):
        return Refusal("another number of things than of calls")
    return calls


def is_miscounted(pieces: list[Token], calls: list[dict[str, Value]]) -> bool:
    """Return whether a word counts things, as in `two circles`, and not as many as the calls."""
    for piece, following in itertools.pairwise(pieces):
        count = number_of(piece.text) if piece.kind == "count" else None
        if count is None or count < 2 or following.kind != "word" or unit_of(following.low)[0]:
            continue
        if count != len(calls):
            return True
    return False


def read_calls(
    text: str, pieces: list[Token], knowledge: Knowledge
) -> list[dict[str, Value]] | Refusal:
    """Return the values of each call: of a request's parts, else of its enumeration."""
    said = {piece.low for piece in pieces}
    if said & REFERRING:
        return Refusal("a part of the request that refers to another")
    before: list[str] = []
    for cut in CUTS:
        parts = [part for part in cut.split(text) if part.strip()]
        if len(parts) > 1 and parts != before:
            found = read_parts(parts, knowledge, idle=cut in CUTS[:2])
            if found is not None:
                return found
        before = parts
    versions = varied(text, pieces, knowledge)
    if len(versions) == 1 and said & SEVERAL:
        return Refusal("a request for several calls that are not clear")
    calls: list[dict[str, Value]] = []
    for version in versions:
        values = read(version, knowledge)
        if isinstance(values, Refusal):
            return values
        if values not in calls:
            calls.append(values)
    if len(calls) != len(versions) or not is_variation(calls):
        return Refusal("parts of the request that read alike")
    return calls


def read_parts(
    parts: list[str], knowledge: Knowledge, *, idle: bool
) -> list[dict[str, Value]] | None:
    """Return the values of each part of a request; None where one of them is not clear.

    With ``idle`` a part may say nothing, as a sentence before or after does.
    """
    calls: list[dict[str, Value]] = []
    for part in parts:
        pieces = tokens(part)
        if not items_of(pieces, knowledge):
            if idle:
                continue
            return None
        values = read_pieces(part, pieces, knowledge, calls[-1] if calls else {})
        if isinstance(values, Refusal) or values in calls:
            return None
        calls.append(values)
    return calls if len(calls) > 1 and is_variation(calls) else None


def is_variation(found: list[dict[str, Value]]) -> bool:
    """Return whether calls fill the same fields."""
    return all(values.keys() == found[0].keys() for values in found)


def varied(text: str, pieces: list[Token], knowledge: Knowledge) -> list[str]:
    """Return the request once for each thing that it enumerates."""
    rows = enumerations(pieces, knowledge)
    sizes = {len(row) for row in rows}
    paired = len(rows) < 2 or any(piece.low == "respectively" for piece in pieces)
    if len(sizes) != 1 or max(sizes) > MOST_CALLS or not paired:
        return [text]
    (size,) = sizes
    return [with_items(text, pieces, rows, number) for number in range(size)]


def with_items(
    text: str, pieces: list[Token], rows: list[list[tuple[int, int]]], number: int
) -> str:
    """Return the request with one item left of each enumeration."""
    made, end = "", 0
    for row in rows:
        made += text[end : pieces[row[0][0]].start]
        first, last = row[number]
        made += text[pieces[first].start : pieces[last].end]
        end = pieces[row[-1][1]].end
    return made + text[end:]


def enumerations(pieces: list[Token], knowledge: Knowledge) -> list[list[tuple[int, int]]]:
    """Return the runs of numbers or texts that only commas and `and` part, two items or more."""
    items = list(items_of(pieces, knowledge))
    if any(field.series and field.kind == "string" for field in knowledge.fields):
        items = [item for item in items if item[0] not in ("name", "quote")]
    rows: list[list[tuple[int, int]]] = []
    kinds: list[str] = []
    for kind, first, last in items:
        gap = pieces[rows[-1][-1][1] + 1 : first] if rows else []
        joined = bool(gap) and all(piece.low in PARTERS for piece in gap)
        if rows and joined and kinds[-1] == kind:
            rows[-1].append((first, last))
        else:
            rows.append([(first, last)])
            kinds.append(kind)
    return [row for row in rows if len(row) > 1]


def items_of(pieces: list[Token], knowledge: Knowledge) -> list[tuple[str, int, int]]:
    """Return the numbers, names and quotations of a request as kind, first and last piece."""
    found: list[tuple[str, int, int]] = []
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        last = index
        kind = piece.kind
        if kind == "number" and index + 1 < len(pieces) and unit_of(pieces[index + 1].low)[0]:
            last = index + 1
        elif begins_name(pieces, index, knowledge.known):
            kind, last = "name", name_end(pieces, index)
        if kind in ("number", "quote", "id", "name", "date", "clock"):
            found.append((kind, index, last))
        index = last + 1
    return found
