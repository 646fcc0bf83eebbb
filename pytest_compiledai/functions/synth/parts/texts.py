# compiledai module texts@1
"""Texts of a request and the fields they belong to."""

from __future__ import annotations

from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.pairs import matched
from pytest_compiledai.functions.synth.parts.quantities import add_cues
from pytest_compiledai.functions.synth.parts.spans import Span
from pytest_compiledai.functions.synth.parts.tokens import Token

ROLES = {
    "from": ("from", "start"),
    "to": ("to", "end"),
    "into": ("to",),
    "in": ("place", "language"),
    "at": ("place", "time"),
    "near": ("place",),
    "around": ("place",),
    "by": ("by",),
    "on": ("date", "place"),
    "between": ("from", "series"),
    "within": ("place",),
}
FORMS = {
    ("date", "date"): 15,
    ("clock", "time"): 15,
    ("id", "id"): 8,
    ("clock", "date"): -20,
    ("date", "time"): -20,
    ("name", "date"): -20,
    ("name", "time"): -20,
    ("name", "id"): -20,
    ("date", "place"): -20,
    ("clock", "place"): -20,
    ("id", "place"): -20,
    ("id", "date"): -20,
    ("id", "time"): -20,
    ("clock", ""): -20,
    ("date", ""): -20,
    ("clock", "by"): -20,
    ("date", "by"): -20,
    ("clock", "id"): -20,
    ("date", "id"): -20,
    ("clock", "language"): -20,
}


def texts_assigned(pieces: list[Token], found: list[Span], knowledge: Knowledge) -> dict[int, Span]:
    """Return field -> text where that is clear."""
    chosen = [i for i, field in enumerate(knowledge.fields) if field.kind == "string"]
    if not chosen or not found:
        return {}
    table = [text_scores(pieces, item, knowledge, chosen) for item in found]
    pairs = matched(table, 2)
    rest = [row for row in range(len(found)) if row not in pairs]
    taken = set(pairs.values())
    needed = [
        c for c in range(len(chosen)) if c not in taken and knowledge.fields[chosen[c]].required
    ]
    vague = [knowledge.fields[chosen[c]] for c in needed]
    unsure = len(chosen) > 1 and any(not (field.role or field.series) for field in vague)
    if len(rest) == len(needed) == 1 and len(found) == len(chosen):
        unsure = False  # every text has a field but one, and every field a text but one
    fits = not unsure and all(
        table[row][column] > -9 for row, column in zip(rest, needed, strict=False)
    )
    if rest and len(needed) == len(rest) and fits and alike(knowledge, chosen, needed):
        pairs.update(zip(rest, needed, strict=False))
    return {chosen[column]: found[row] for row, column in pairs.items()}


def alike(knowledge: Knowledge, chosen: list[int], columns: list[int]) -> bool:
    """Return whether one field is left, or fields whose order decides."""
    series = {knowledge.fields[chosen[c]].series for c in columns}
    return len(columns) == 1 or (len(series) == 1 and "" not in series)


def text_scores(
    pieces: list[Token], item: Span, knowledge: Knowledge, chosen: list[int]
) -> list[int]:
    """Return how well a text fits each of the chosen fields."""
    before = pieces[max(0, item.first - 4) : item.first][::-1]
    left = [piece.stem for piece in before]
    right = [piece.stem for piece in pieces[item.last + 1 : item.last + 3]]
    lows = [piece.low for piece in before]
    row = [form_fit(item, knowledge.fields[number], lows) for number in chosen]
    add_cues(row, until_break(left), (4, 4, 2, 1), knowledge, chosen)
    add_cues(row, until_break(right), (3, 1), knowledge, chosen)
    if item.form == "name" and len(chosen) > 1:
        vague = {place for place, number in enumerate(chosen) if not knowledge.fields[number].role}
        beside = {*left[:1], *right[:1]}
        for place in vague:
            if not beside & knowledge.fields[chosen[place]].names:
                row[place] = min(row[place], 0)
    return row


def until_break(words: list[str]) -> list[str]:
    """Return the words before the first mark that parts a sentence."""
    cut = next((i for i, word in enumerate(words) if word in (",", ".", ";", "?", "and")), None)
    return words if cut is None else words[:cut]


def form_fit(item: Span, field: Field, left: list[str]) -> int:
    """Return how well the form of a text and the word before it fit a field."""
    score = -20 if field.role == "unit" else FORMS.get((item.form, field.role), 0)
    before = next((word for word in left[:2] if word not in ("the", "a", "an", "city")), "")
    if field.role in ROLES.get(before, ()):
        score += 8
    elif before in ("from", "to") and field.role in ("from", "to"):
        score -= 8
    return score
