# compiledai module quantities@1
"""Numbers of a request and the fields they belong to."""

from __future__ import annotations

from typing import NamedTuple

from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.pairs import matched
from pytest_compiledai.functions.synth.parts.tokens import SCALES
from pytest_compiledai.functions.synth.parts.tokens import Token
from pytest_compiledai.functions.synth.parts.tokens import number_of
from pytest_compiledai.functions.synth.parts.units import unit_of

BEFORE = (4, 4, 3, 3, 2, 2, 1, 1, 1)  # weight of a cue by its distance in words
AFTER = (4, 3, 2, 1, 1)
BREAKS = frozenset(
    ", ; . ( ? ! : and with then but also or given at for over by from to in having where if "
    "while into on".split()
)
LISTS = frozenset({"numbers", "integers"})
JOINS = frozenset({",", "and", "&", "or"})
ENDS = {"from": ("from",), "since": ("from",), "after": ("from",), "to": ("to",), "until": ("to",)}
SIGNS = {"$": "$", "\u20ac": "\u20ac", "\u00a3": "\u00a3", "\u20b9": "\u20b9", "\u00a5": "\u00a5"}


class Quantity(NamedTuple):
    """A number, or a list of numbers, with its unit and its place among the pieces."""

    values: tuple[float, ...]
    is_list: bool
    dimension: str
    unit: str
    first: int  # index of its first piece
    last: int  # index of its last piece, the unit included


def quantities(pieces: list[Token], kinds: tuple[str, ...]) -> list[Quantity]:
    """Return the numbers of a request among pieces of some kinds, in order."""
    found: list[Quantity] = []
    end = -1
    for index, piece in enumerate(pieces):
        if index <= end or piece.kind not in kinds:
            continue
        read = listed(piece, index) if piece.kind == "list" else quantity_at(pieces, index)
        if read is not None:
            found.append(read)
            end = read.last
    return found


def quantity_at(pieces: list[Token], index: int) -> Quantity | None:
    """Return the number that begins at a piece, with its scale and its unit."""
    value = number_of(pieces[index].text)
    if value is None:
        return None
    sign = SIGNS.get(pieces[index].text.lstrip("-")[:1], "")
    last = index
    following = pieces[index + 1] if index + 1 < len(pieces) else None
    if following is not None and following.start - pieces[index].end <= 1:
        word = following.low
        if is_scale(pieces, index, sign):
            value, last = scaled(value, SCALES[word]), index + 1
            word = pieces[index + 2].low if index + 2 < len(pieces) else ""
        dimension, unit = unit_of(word)
        if dimension:
            last += 1
            if unit == "degree" and last + 1 < len(pieces):
                named = unit_of(pieces[last + 1].low)
                if named[0] == dimension:
                    return Quantity((value,), False, dimension, named[1], index, last + 1)
            return Quantity((value,), False, dimension, unit, index, last)
    if sign:
        return Quantity((value,), False, "money", sign, index, last)
    return Quantity((value,), False, "", "", index, last)


def is_scale(pieces: list[Token], index: int, sign: str) -> bool:
    """Return whether the word after a number multiplies it: 5 million, $5M, 20k."""
    word = pieces[index + 1]
    if word.low not in SCALES:
        return False
    glued = word.start == pieces[index].end
    return len(word.low) > 1 or (glued and (word.text == "k" or sign != ""))


def scaled(value: float, factor: float) -> float:
    """Return a multiple, whole where it is a whole number."""
    product = round(value * factor, 6)
    return int(product) if product == int(product) else product


def listed(piece: Token, index: int) -> Quantity | None:
    """Return the numbers of a bracketed list, None where it holds something else."""
    values: list[float] = []
    for part in piece.text[1:-1].split(","):
        value = number_of(part.strip()) if part.strip()[:1].isdigit() or "-" in part else None
        if value is None:
            return None
        values.append(value)
    return Quantity(tuple(values), True, "", "", index, index)


def runs(pieces: list[Token], found: list[Quantity]) -> list[Quantity]:
    """Return the numbers with those that only commas and `and` part joined to lists."""
    joined: list[Quantity] = []
    for item in found:
        before = joined[-1] if joined else None
        if before is not None and not item.is_list and is_run(pieces, before, item):
            joined[-1] = Quantity(
                (*before.values, *item.values),
                True,
                item.dimension,
                item.unit,
                before.first,
                item.last,
            )
        else:
            joined.append(item)
    return joined


def is_run(pieces: list[Token], before: Quantity, item: Quantity) -> bool:
    """Return whether two numbers stand in one enumeration."""
    between = pieces[before.last + 1 : item.first]
    same = before.dimension in ("", item.dimension)
    return same and 0 < len(between) <= 2 and all(piece.low in JOINS for piece in between)


def scores(
    pieces: list[Token], found: list[Quantity], knowledge: Knowledge, chosen: list[int]
) -> list[list[int]]:
    """Return for each number how well it fits each of the chosen fields."""
    table: list[list[int]] = []
    start = 0
    for index, item in enumerate(found):
        before = start
        near = pieces[max(start, item.first - len(BEFORE)) : item.first]
        left = [piece.stem for piece in reversed(near)]
        row = [fit(item, knowledge.fields[number], left) for number in chosen]
        if pieces[item.first].kind == "count" and not item.dimension:
            add_word_doubt(row, knowledge, chosen)
        if not (index and is_joined(pieces, found[index - 1], item)):
            add_cues(row, left, BEFORE, knowledge, chosen)
        following = found[index + 1].first if index + 1 < len(found) else len(pieces)
        places = range(item.last + 1, following)
        cut = next((i for i in places if pieces[i].stem in BREAKS), None)
        most = item.last + 4 if cut is None else cut
        right = [piece.stem for piece in pieces[item.last + 1 : min(most, following)]]
        add_cues(row, right, AFTER, knowledge, chosen)
        start = cut or item.last + 1
        add_names(row, pieces, item.first, knowledge, chosen)
        add_whole_name(row, pieces[before : item.first], knowledge, chosen)
        table.append(row)
    add_mentions(table, pieces, found, knowledge, chosen)
    prefer_units(table, found, knowledge, chosen)
    return table


def add_whole_name(
    row: list[int], pieces: list[Token], knowledge: Knowledge, chosen: list[int]
) -> None:
    """Add much for the field whose whole name stands before a number: dataset_b with 1, 2."""
    said = [piece.low for piece in pieces if piece.kind == "id"]
    names = [knowledge.fields[n].name.rpartition(".")[2].lower() for n in chosen if said]
    said = [low for low in said if low in names]
    if said:
        row[names.index(said[-1])] += 30


def add_word_doubt(row: list[int], knowledge: Knowledge, chosen: list[int]) -> None:
    """Take from a number in words, which counts things, the fields that measure."""
    for place, number in enumerate(chosen):
        if knowledge.fields[number].kind == "number":
            row[place] -= 12


def prefer_units(
    table: list[list[int]], found: list[Quantity], knowledge: Knowledge, chosen: list[int]
) -> None:
    """Take from plain numbers the fields for each of which there is a number with its unit."""
    for dimension in {item.dimension for item in found if item.dimension}:
        places = [p for p, n in enumerate(chosen) if knowledge.fields[n].dimension == dimension]
        if sum(item.dimension == dimension for item in found) < len(places):
            continue
        for row, item in zip(table, found, strict=True):
            for place in places if not item.dimension else ():
                row[place] -= 8


def is_joined(pieces: list[Token], before: Quantity, item: Quantity) -> bool:
    """Return whether nothing but commas and `and` stands between two numbers."""
    return all(piece.low in JOINS for piece in pieces[before.last + 1 : item.first])


def add_mentions(
    table: list[list[int]],
    pieces: list[Token],
    found: list[Quantity],
    knowledge: Knowledge,
    chosen: list[int],
) -> None:
    """Add much where names come first and their values follow: base and height as 6 and 10."""
    first = 0
    while first < len(found):
        last = first
        while last + 1 < len(found) and is_joined(pieces, found[last], found[last + 1]):
            last += 1
        size = last - first + 1
        if size > 1:
            start = found[first - 1].last + 1 if first else 0
            named = mentioned(pieces[start : found[first].first], knowledge, chosen)
            if len(named) == size:
                for offset, place in enumerate(named):
                    table[first + offset][place] += 30
        first = last + 1


def mentioned(pieces: list[Token], knowledge: Knowledge, chosen: list[int]) -> list[int]:
    """Return the places of the fields that pieces name and no other field shares, in order."""
    found: list[int] = []
    for piece in pieces:
        named = [
            place
            for place, number in enumerate(chosen)
            if piece.stem in knowledge.fields[number].names
        ]
        if len(named) == 1 and named[0] not in found:
            found.append(named[0])
    return found


def fit(item: Quantity, field: Field, left: list[str]) -> int:
    """Return how well a number's form, its unit and the word before it fit a field."""
    if item.is_list != (field.kind in LISTS):
        return -99
    if field.kind.startswith("integer") and any(value != int(value) for value in item.values):
        return -99
    return fit_unit(item, field) + (10 if left and field.role in ENDS.get(left[0], ()) else 0)


def fit_unit(item: Quantity, field: Field) -> int:
    """Return how well a number's unit fits a field."""
    if not item.dimension or not field.dimension:
        return year_fit(item, field)
    if item.dimension != field.dimension:
        return -12
    if item.unit == field.unit:
        return 12
    return 6 if not field.unit or item.unit == "degree" else -99  # in another unit


def year_fit(item: Quantity, field: Field) -> int:
    """Return how well a number without a unit fits as a year of the calendar."""
    value = item.values[0] if item.values else 0
    calendar = not item.is_list and value == int(value) and 1800 <= value <= 2100
    if field.dimension == "calendar":
        return 12 if calendar and not item.dimension else -12
    return 0


def add_cues(
    row: list[int],
    words: list[str],
    decay: tuple[int, ...],
    knowledge: Knowledge,
    chosen: list[int],
) -> None:
    """Add what the words beside a number say for each field."""
    cues = knowledge.cues
    for word, nearness in zip(words, decay, strict=False):
        for number, weight in cues.get(word, ()):
            if number in chosen:
                row[chosen.index(number)] += weight * nearness


def add_names(
    row: list[int], pieces: list[Token], first: int, knowledge: Knowledge, chosen: list[int]
) -> None:
    """Add much for a field that is named right before its value: `a = 1`, `x: 3`."""
    if first < 2:
        return
    between, name = pieces[first - 1].low, pieces[first - 2].stem
    if between not in ("=", ":", "is", "as", "of", "equals"):
        return
    for place, number in enumerate(chosen):
        if name in knowledge.fields[number].names:
            row[place] += 40 if between in ("=", ":") else 6


def given(item: Quantity, field: Field) -> Value:
    """Return a number as the value of a field."""
    values = [cast_number(value, item, field) for value in item.values]
    return values if field.kind in LISTS else values[0]


def cast_number(value: float, item: Quantity, field: Field) -> float:
    """Return a number in the form of a field; 5 % is 0.05 unless the field is in percent."""
    if field.kind.startswith("integer"):
        return int(value)
    if item.dimension == "percent" and not field.percent:
        return round(float(value) / 100, 12)
    return float(value)


def numeric(knowledge: Knowledge) -> list[int]:
    """Return the fields that take numbers."""
    kinds = ("integer", "number", "numbers", "integers")
    return [i for i, field in enumerate(knowledge.fields) if field.kind in kinds]


def assigned(
    pieces: list[Token], found: list[Quantity], knowledge: Knowledge
) -> dict[int, Quantity] | None:
    """Return field -> number for all numbers of a request, None where that is not clear."""
    chosen = numeric(knowledge)
    if any(knowledge.fields[i].kind in LISTS for i in chosen):
        found = runs(pieces, found)
    if not found:
        return {}
    if len(found) > len(chosen):
        return None
    table = scores(pieces, found, knowledge, chosen)
    pairs = matched(table, 3)
    rest = [row for row in range(len(found)) if row not in pairs]
    taken = set(pairs.values())
    columns = [c for c in range(len(chosen)) if c not in taken]
    if rest and not (
        in_order(table, rest, columns, chosen, knowledge, pairs)
        or by_dimension(table, found, rest, columns, chosen, knowledge, pairs)
    ):
        return None
    return {chosen[column]: found[row] for row, column in pairs.items()}


def in_order(
    table: list[list[int]],
    rest: list[int],
    columns: list[int],
    chosen: list[int],
    knowledge: Knowledge,
    pairs: dict[int, int],
) -> bool:
    """Give the numbers left to the fields left where their order, or there being one, decides."""
    needed = [c for c in columns if knowledge.fields[chosen[c]].required]
    if len(needed) != len(rest):
        return False
    series = {knowledge.fields[chosen[c]].series for c in needed}
    if len(rest) > 1 and (len(series) > 1 or "" in series):
        return False
    if any(table[row][column] < -5 for row, column in zip(rest, needed, strict=False)):
        return False
    pairs.update(zip(rest, needed, strict=False))
    return True


def by_dimension(
    table: list[list[int]],
    found: list[Quantity],
    rest: list[int],
    columns: list[int],
    chosen: list[int],
    knowledge: Knowledge,
    pairs: dict[int, int],
) -> bool:
    """Give the numbers left to the fields left, in order among those that measure the same."""
    needed = [c for c in columns if knowledge.fields[chosen[c]].required]
    if len(needed) != len(rest) or any(not found[row].dimension for row in rest):
        return False
    made: dict[int, int] = {}
    for dimension in dict.fromkeys(found[row].dimension for row in rest):
        rows = [row for row in rest if found[row].dimension == dimension]
        fields = [c for c in needed if knowledge.fields[chosen[c]].dimension == dimension]
        series = {knowledge.fields[chosen[c]].series for c in fields}
        if len(rows) != len(fields) or (len(rows) > 1 and (len(series) > 1 or "" in series)):
            return False
        made.update(zip(rows, fields, strict=True))
    if len(made) != len(rest) or any(table[row][column] < -5 for row, column in made.items()):
        return False
    pairs.update(made)
    return True
