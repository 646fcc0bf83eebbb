# compiledai module regions@1
"""Names of countries and states, which stand behind a place and belong to it."""

from __future__ import annotations

from pytest_compiledai.functions.synth.parts.spans import Span
from pytest_compiledai.functions.synth.parts.tokens import Token

REGIONS = frozenset(
    (
        "argentina|australia|austria|belgium|brazil|canada|chile|china|colombia|cuba|denmark|egypt"
        "|england|finland|france|germany|greece|hungary|iceland|india|indonesia|iran|iraq|ireland"
        "|israel|italy|japan|jordan|kenya|latvia|malaysia|mexico|morocco|nepal|netherlands"
        "|new zealand|nigeria|norway|pakistan|peru|philippines|poland|portugal|romania|russia"
        "|saudi arabia|scotland|singapore|south africa|south korea|spain|sweden|switzerland"
        "|thailand|turkey|uk|ukraine|united kingdom|united states|usa|vietnam|wales"
        "|alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia"
        "|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland"
        "|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada"
        "|new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|oklahoma"
        "|oregon|pennsylvania|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont"
        "|virginia|washington|west virginia|wisconsin|wyoming|ontario|quebec|british columbia"
    ).split("|")
)


def with_regions(text: str, pieces: list[Token], found: list[Span]) -> list[Span]:
    """Return the texts, a place and the region behind its comma as one: Berlin, Germany."""
    joined: list[Span] = []
    for item in found:
        before = joined[-1] if joined else None
        if before is not None and is_region_of(pieces, before, item):
            whole = text[pieces[before.first].start : pieces[item.last].end]
            joined[-1] = Span(whole, "name", before.first, item.last)
        else:
            joined.append(item)
    return joined


def is_region_of(pieces: list[Token], before: Span, item: Span) -> bool:
    """Return whether a name is the region of the name that stands before its comma."""
    gap = pieces[before.last + 1 : item.first]
    named = before.form == item.form == "name" and before.text.lower() not in REGIONS
    return named and [piece.low for piece in gap] == [","] and item.text.lower() in REGIONS
