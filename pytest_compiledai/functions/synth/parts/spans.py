# compiledai module spans@1
"""Texts of a request that can be a field's value: quotations, names, identifiers."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from pytest_compiledai.functions.synth.parts.stopwords import STOP_WORDS
from pytest_compiledai.functions.synth.parts.tokens import Token

INSIDE_NAMES = frozenset(
    {"of", "the", "de", "la", "del", "van", "von", "for", "to", "in", "on", "a"}
)
SHORT_FORMS = frozenset({"ltd", "inc", "st", "dr", "mr", "mrs", "ms", "jr", "co", "mt"})
LANDMARKS = frozenset(
    "river lake ocean sea island islands mountain mountains desert valley county park".split()
)
NUMERALS = frozenset({"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"})
SENTENCE_ENDS = frozenset({".", "?", "!", ":", ";"})


class Span(NamedTuple):
    """A text that could be a value, and where it stands among the pieces."""

    text: str
    form: str  # quote, name, id, date, clock
    first: int
    last: int


def spans(text: str, pieces: list[Token], known: Set[str], *, commas: bool) -> list[Span]:
    """Return the texts that could be values, in order."""
    found: list[Span] = []
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        if piece.kind == "word" and piece.text == piece.low:
            index += 1
            continue  # as most are: no name begins here
        if piece.kind in ("quote", "id", "date", "clock"):
            found.append(Span(piece.text, piece.kind, index, index))
        elif begins_name(pieces, index, known):
            last = name_end(pieces, index)
            if commas:
                last = with_region(pieces, last)
            if any(p.stem not in known for p in pieces[index : last + 1] if p.kind == "word"):
                whole = text[pieces[index].start : pieces[last].end]
                found.append(Span(unowned(whole), "name", index, last))
            index = last
        index += 1
    return found


def unowned(text: str) -> str:
    """Return a name without the ending of an owner."""
    return text[:-2] if text.endswith(("'s", "\u2019s")) else text


def begins_name(pieces: list[Token], index: int, known: Set[str]) -> bool:
    """Return whether a name begins at a piece: a capital where no sentence asks for one."""
    piece = pieces[index]
    if piece.kind != "word" or not piece.text[0].isupper():
        return False
    if piece.low in STOP_WORDS:
        return False
    starts = index == 0 or pieces[index - 1].low in SENTENCE_ENDS
    return not starts or (piece.stem not in known and piece.low not in VERBS)


VERBS = frozenset(
    "add analyze arrange book buy change compare convert delete draw generate identify locate "
    "order play predict recommend remove schedule send set simulate sort start stop translate "
    "update plan design evaluate solve discover track monitor review read write open close "
    "cancel reserve extract download upload verify assess measure visualize plot launch run "
    "execute switch turn enable disable call rank recall mix train build cook prepare bake "
    "modify adjust select pick choose suggest sum multiply divide subtract integrate "
    "differentiate factor simplify initiate initialize fill post submit request report "
    "summarize name view hire rent order perform conduct develop organize examine investigate "
    "explore collect gather inspect obtain acquire increase decrease raise lower reduce turn "
    "apply assign connect count detect draft enter filter format join link list load log map mark "
    "match merge move notify open paint process publish query register reset restart reverse save "
    "scan share ship sign sketch sum summarize test trace transfer type use validate watch".split()
)


def name_end(pieces: list[Token], index: int) -> int:
    """Return the index of the last piece of the name that begins at a piece."""
    last = index
    while True:
        following = next_of_name(pieces, last)
        if following is None:
            return last
        last = following


def with_region(pieces: list[Token], last: int) -> int:
    """Return the end of a place with the names that follow behind commas: Riga, Latvia."""
    while last + 2 < len(pieces) and pieces[last + 1].low == "," and is_capital(pieces[last + 2]):
        last = name_end(pieces, last + 2)
    return last


def next_of_name(pieces: list[Token], last: int) -> int | None:
    """Return the index of the next piece of a name, None where it ends."""
    if last + 1 >= len(pieces):
        return None
    piece = pieces[last + 1]
    if piece.low == "." and pieces[last].low in SHORT_FORMS:
        return last + 1
    if is_capital(piece) or piece.low in LANDMARKS:
        return last + 1
    if piece.low in INSIDE_NAMES:
        for ahead in (last + 2, last + 3):
            if ahead < len(pieces) and is_capital(pieces[ahead]):
                linked = all(p.low in ("of", "the") for p in pieces[last + 1 : ahead])
                return ahead if linked and piece.low == "of" else None
    if piece.low == "&" and last + 2 < len(pieces) and is_capital(pieces[last + 2]):
        return last + 2
    if piece.low == "," and last + 2 < len(pieces) and is_state(pieces[last + 2]):
        return last + 2
    return None


def is_capital(piece: Token) -> bool:
    """Return whether a piece is a word with a capital that can belong to a name."""
    return piece.kind == "word" and piece.text[0].isupper() and piece.low not in STOP_WORDS


def is_state(piece: Token) -> bool:
    """Return whether a piece is an abbreviated state or country: MA, D.C., UK."""
    plain = piece.text.replace(".", "")
    return piece.kind == "word" and plain.isupper() and 2 <= len(plain) <= 3
