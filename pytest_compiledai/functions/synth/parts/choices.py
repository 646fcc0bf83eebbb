# compiledai module choices@1
"""Words of a closed set, and what is switched on or off, found in a request."""

from __future__ import annotations

from typing import NamedTuple

from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.tokens import Token

DENIALS = frozenset(
    {
        "no",
        "not",
        "without",
        "don't",
        "exclude",
        "excluding",
        "except",
        "disable",
        "disabled",
        "off",
        "omit",
        "neglect",
        "neglecting",
        "ignore",
        "ignoring",
        "never",
    }
)


class Hit(NamedTuple):
    """An option and where its words stand among the pieces."""

    option: str
    first: int
    last: int


def places_of(pieces: list[Token]) -> dict[str, list[int]]:
    """Return where each word of a request stands, in its own and in lower case."""
    places: dict[str, list[int]] = {}
    for index, piece in enumerate(pieces):
        if piece.kind == "mark":
            continue
        if piece.kind == "quote":
            for word in {*piece.low.split(), *piece.text.split()}:
                places.setdefault(word, []).append(index)
            continue
        places.setdefault(piece.low, []).append(index)
        if piece.text != piece.low:
            places.setdefault(piece.text, []).append(index)
    return places


def hits(pieces: list[Token], places: dict[str, list[int]], field: Field) -> list[Hit]:
    """Return the options whose words stand in a request, the longest where they overlap."""
    found: list[Hit] = []
    for option, words in field.options:
        for start in places.get(words[0], ()):
            last = stands(pieces, words, start)
            if last is not None:
                found.append(Hit(option, start, last))
    if len(found) < 2:
        return found
    found.sort(key=lambda hit: (hit.first, hit.first - hit.last))
    kept: list[Hit] = []
    for hit in found:
        if not kept or hit.first > kept[-1].last:
            kept.append(hit)
    return kept


def stands(pieces: list[Token], words: tuple[str, ...], start: int) -> int | None:
    """Return the last piece of words that stand one after another, None where they do not."""
    if pieces[start].kind == "quote":
        return start if tuple(pieces[start].low.replace("_", " ").split()) == words else None
    for offset, word in enumerate(words):
        if start + offset >= len(pieces) or not says(pieces[start + offset], word):
            return None
    return start + len(words) - 1


def says(piece: Token, word: str) -> bool:
    """Return whether a piece is a word of an option; a short one has its own case."""
    return piece.low == word if len(word) > 2 else piece.text == word


def is_denied(pieces: list[Token], index: int) -> bool:
    """Return whether a word before a piece, in the same breath, says no."""
    for piece in reversed(pieces[max(0, index - 4) : index]):
        if piece.low in (",", ".", ";", "and", "but"):
            return False
        if piece.low in DENIALS:
            return True
    return False


def switched(pieces: list[Token], field: Field) -> tuple[bool, list[int]] | None:
    """Return whether a request switches something on, and by which pieces; None: it is silent."""
    places: list[int] = []
    for forms in field.switches:
        place = next((i for i, piece in enumerate(pieces) if piece.stem in forms), None)
        if place is None:
            return None
        places.append(place)
    return (not is_denied(pieces, min(places)), places) if places else None
