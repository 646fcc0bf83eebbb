# compiledai module reading@1
"""One request read: each field's value, or why it is refused."""

from __future__ import annotations

from pytest_compiledai.functions.synth.parts.choices import Hit
from pytest_compiledai.functions.synth.parts.choices import hits
from pytest_compiledai.functions.synth.parts.choices import places_of
from pytest_compiledai.functions.synth.parts.choices import switched
from pytest_compiledai.functions.synth.parts.days import shaped
from pytest_compiledai.functions.synth.parts.doubts import Reading
from pytest_compiledai.functions.synth.parts.doubts import check
from pytest_compiledai.functions.synth.parts.doubts import leftover
from pytest_compiledai.functions.synth.parts.doubts import unfilled
from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Refusal
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.quantities import Quantity
from pytest_compiledai.functions.synth.parts.quantities import assigned
from pytest_compiledai.functions.synth.parts.quantities import given
from pytest_compiledai.functions.synth.parts.quantities import quantities
from pytest_compiledai.functions.synth.parts.regions import with_regions
from pytest_compiledai.functions.synth.parts.spans import Span
from pytest_compiledai.functions.synth.parts.spans import spans
from pytest_compiledai.functions.synth.parts.texts import texts_assigned
from pytest_compiledai.functions.synth.parts.tokens import Token
from pytest_compiledai.functions.synth.parts.tokens import tokens
from pytest_compiledai.functions.synth.parts.units import unit_of

MEASURES = frozenset(
    {"length", "mass", "temperature", "speed", "area", "volume", "pressure", "energy", "power"}
)
LEADS = frozenset({"of", "for", "about", "on", "in", "with", "as", "a", "an", "called", "named"})
COMMON = frozenset({"", "language"})  # roles that words without a capital fill
BETWEEN = frozenset({"number", "no", "is", "of", ":", "=", "#", "id", "no."})
A_YEAR = {
    **dict.fromkeys(("annually", "yearly"), 1),
    **dict.fromkeys(("semiannually", "semi-annually", "biannually"), 2),
    "quarterly": 4,
    "monthly": 12,
    "weekly": 52,
    "daily": 365,
}
FALLS = frozenset("loss losing decrease decreases decline drop reduction".split())


def read(
    text: str, knowledge: Knowledge, base: dict[str, Value] | None = None
) -> dict[str, Value] | Refusal:
    """Return the values of the fields by name; a refusal where the request is not clear.

    A part of a request takes what it does not say from the call before it, ``base``.
    """
    return read_pieces(text, tokens(text), knowledge, base)


def read_pieces(
    text: str, pieces: list[Token], knowledge: Knowledge, base: dict[str, Value] | None = None
) -> dict[str, Value] | Refusal:
    """Return what ``read`` does, of a request that is in pieces already."""
    reading = Reading(text, pieces, knowledge, base)
    for step in (
        read_choices,
        read_formulas,
        read_numbered,
        read_numbers,
        read_periods,
        read_units,
        read_texts,
        read_switches,
        read_rest,
        check,
    ):
        step(reading)
        if reading.refusal:
            return Refusal(reading.refusal)
    return reading.values


def read_choices(reading: Reading) -> None:
    """Fill fields of a closed set."""
    fields = [
        field
        for field in reading.knowledge.fields
        if field.options and field.kind in ("enum", "enums", "string")
    ]
    if not fields:
        return
    places = places_of(reading.pieces)
    every = {field.name: hits(reading.pieces, places, field) for field in fields}
    for field in fields:
        others = [hit for name, found in every.items() if name != field.name for hit in found]
        found = [hit for hit in every[field.name] if not is_inside(hit, others)]
        options = list(dict.fromkeys(hit.option for hit in found))
        if len(options) > 1 and field.kind != "enums":
            reading.refusal = f"{field.name}: {len(options)} of its words"
            return
        if options:
            value: Value = options if field.kind == "enums" else options[0]
            for hit in found:
                reading.take(field.name, value, hit.first, hit.last)


def is_inside(hit: Hit, others: list[Hit]) -> bool:
    """Return whether the words of an option are a part of another one's."""
    return any(
        other.first <= hit.first <= hit.last <= other.last
        and other.last - other.first > hit.last - hit.first
        for other in others
    )


def read_formulas(reading: Reading) -> None:
    """Fill fields that take a formula, in order."""
    fields = [field for field in reading.knowledge.fields if field.role == "formula"]
    found = [index for index, piece in enumerate(reading.pieces) if piece.kind == "formula"]
    if len(found) > len(fields) or (fields and len(found) not in (0, len(fields))):
        reading.refusal = "formulas that no field clearly takes"
        return
    for field, index in zip(fields, found, strict=False):
        text = reading.pieces[index].text.replace("^", "**")
        reading.take(field.name, text, index, index)


def read_numbered(reading: Reading) -> None:
    """Fill fields of text whose name stands right before a number: docket number 123."""
    for field in reading.knowledge.fields:
        if field.kind != "string" or field.role not in ("id", "year"):
            continue
        for index, piece in enumerate(reading.pieces):
            before = reading.pieces[max(0, index - 3) : index][::-1]
            named = next((one for one in before if one.low not in BETWEEN), None)
            if piece.kind == "number" and named is not None and named.stem in field.names:
                if field.name in reading.values:
                    reading.refusal = f"{field.name}: two values"
                    return
                reading.take(field.name, piece.text, index, index)


def read_periods(reading: Reading) -> None:
    """Fill the field that counts periods of a year from a word such as quarterly."""
    fields = [field for field in reading.knowledge.fields if field.role == "periods"]
    said = [i for i, piece in enumerate(reading.pieces) if piece.low in A_YEAR]
    if len(fields) == len(said) == 1 and fields[0].name not in reading.values:
        count = A_YEAR[reading.pieces[said[0]].low]
        reading.take(fields[0].name, count, said[0], said[0])


def read_numbers(reading: Reading) -> None:
    """Fill fields of numbers; every number in digits must have its field, words for one may."""
    pieces = [
        piece._replace(kind="word") if index in reading.used else piece
        for index, piece in enumerate(reading.pieces)
    ]
    pairs: dict[int, Quantity] | None = None
    every = quantities(pieces, ("number", "list", "count"))
    if not every:
        return
    for found in (every, quantities(pieces, ("number", "list"))):
        pairs = assigned(pieces, found, reading.knowledge)
        if pairs is not None:
            break
    if pairs is None:
        reading.refusal = "a number that no field clearly takes"
        return
    reading.quantities = list(pairs.values())
    if any(is_negative(reading.pieces, item.first) for item in reading.quantities):
        reading.refusal = "a loss, which may be a number below nothing"
        return
    for number, item in pairs.items():
        field = reading.knowledge.fields[number]
        reading.take(field.name, given(item, field), item.first, item.last)


def is_negative(pieces: list[Token], first: int) -> bool:
    """Return whether a number is what something falls by."""
    return any(piece.low in FALLS for piece in pieces[max(0, first - 3) : first])


def read_texts(reading: Reading) -> None:
    """Fill fields of text from quotations, names, identifiers, dates and times."""
    fields = reading.knowledge.fields
    commas = any(field.comma for field in fields)
    found = [
        item
        for item in spans(reading.text, reading.pieces, reading.knowledge.known, commas=commas)
        if not reading.used & set(range(item.first, item.last + 1))
        and not (item.form == "id" and is_name(reading, item.first))
    ]
    if not all(item.text for item in found):
        reading.refusal = "a quotation of nothing"
        return
    if sum(field.role == "place" for field in fields) == 1:
        found = with_regions(reading.text, reading.pieces, found)
    lists = [field for field in fields if field.kind == "strings"]
    row = enumerated(reading.pieces, found)
    if len(lists) == 1 and len(row) > 1 and any(f.kind == "string" for f in fields):
        reading.take(lists[0].name, [item.text for item in row], row[0].first, row[-1].last)
        found = [item for item in found if item not in row]
    if len(lists) == 1 and found and not any(f.kind == "string" and f.required for f in fields):
        whole = [item.text for item in found]
        reading.take(lists[0].name, whole, found[0].first, found[-1].last)
        return
    pairs = texts_assigned(reading.pieces, found, reading.knowledge)
    for number, item in pairs.items():
        take_text(reading, fields[number], item)
    left = [item for item in found if item not in pairs.values()]
    asked = bool(left) and (reading.base is not None or bool(unfilled(reading)))
    if asked or any(item.form != "name" for item in left):
        reading.refusal = "a text that no field clearly takes"


def enumerated(pieces: list[Token], found: list[Span]) -> list[Span]:
    """Return the one run of texts that only commas and `and` part; none where there are several."""
    rows: list[list[Span]] = []
    for item in found:
        gap = pieces[rows[-1][-1].last + 1 : item.first] if rows else []
        joined = bool(gap) and all(piece.low in (",", "and", "&") for piece in gap)
        if joined and rows[-1][-1].form == item.form:
            rows[-1].append(item)
        else:
            rows.append([item])
    several = [row for row in rows if len(row) > 1]
    return several[0] if len(several) == 1 else []


def is_name(reading: Reading, index: int) -> bool:
    """Return whether a piece is the name of a field, as in `cash_flows = [1, 2]`."""
    low = reading.pieces[index].low
    names = {field.name.rpartition(".")[2].lower() for field in reading.knowledge.fields}
    return low in names


def take_text(reading: Reading, field: Field, item: Span) -> None:
    """Give a text to a field, in the shape that the field asks for."""
    text = shaped(item.text, field.shape) if item.form == "date" else item.text
    if text is not None:
        text = dict(field.written).get(text.lower(), text)
    if field.name in reading.values:
        reading.refusal = f"{field.name}: two values"
    elif text is None:
        reading.refusal = f"{field.name}: a date that is not clear"
    elif field.code and not (text.isupper() and len(text) <= 3):
        reading.refusal = f"{field.name}: no abbreviation"
    elif field.comma and "," not in text:
        reading.refusal = f"{field.name}: a place without its state or country"
    else:
        reading.take(field.name, text, item.first, item.last)


def read_units(reading: Reading) -> None:
    """Fill a field that names a unit: the unit that stands alone, else that of the numbers."""
    fields = [f for f in reading.knowledge.fields if f.role == "unit" and f.kind == "string"]
    if len(fields) != 1 or fields[0].name in reading.values:
        return
    alone = [
        index
        for index, piece in enumerate(reading.pieces)
        if index not in reading.used and len(piece.low) > 1 and unit_of(piece.low)[0] in MEASURES
    ]
    named = [reading.pieces[index] for index in alone] or [
        reading.pieces[item.last] for item in reading.quantities if item.dimension in MEASURES
    ]
    units = {unit_of(piece.low) for piece in named}
    if len(units) > 1:
        reading.refusal = f"{fields[0].name}: {len(units)} units"
    if len(units) != 1:
        return
    reading.used.update(alone)
    default = fields[0].default
    if not (isinstance(default, str) and unit_of(default.lower()) in units):
        reading.values[fields[0].name] = named[0].text


def read_switches(reading: Reading) -> None:
    """Fill fields that are switched on or off."""
    for field in reading.knowledge.fields:
        if field.kind == "boolean":
            found = switched(reading.pieces, field)
            if found is not None:
                reading.values[field.name] = found[0]
                reading.used.update(found[1])


def is_at_rest(reading: Reading) -> bool:
    """Return whether a request says that something starts without speed."""
    return any(piece.low in ("rest", "dropped", "stationary") for piece in reading.pieces)


def read_rest(reading: Reading) -> None:
    """Fill the one required text that is left with the one run of words that is left."""
    needed = [
        field
        for field in reading.knowledge.fields
        if field.required and field.name not in reading.values
    ]
    for field in needed:
        value = (reading.base or {}).get(field.name, field.default)
        if field.dimension == "speed" and field.role == "from" and is_at_rest(reading):
            value = 0
        if value is not None:
            reading.values[field.name] = value
    for name, value in (reading.base or {}).items():
        reading.values.setdefault(name, value)
    needed = [field for field in needed if field.name not in reading.values]
    if not needed:
        return
    run = leftover(reading) if reading.base is None else []
    joined = bool(run) and run[-1] - run[0] == len(run) - 1 and len(run) <= 3
    led = joined and run[0] > 0 and reading.pieces[run[0] - 1].low in LEADS
    if led and len(needed) == 1 and needed[0].kind == "string" and needed[0].role in COMMON:
        pieces = reading.pieces
        following = pieces[run[-1] + 1].stem if run[-1] + 1 < len(pieces) else ""
        if following in needed[0].names:
            reading.refusal = f"{needed[0].name}: a word that may belong to it"
            return
        text = reading.text[pieces[run[0]].start : pieces[run[-1]].end]
        reading.take(needed[0].name, text, run[0], run[-1])
        return
    reading.refusal = f"{needed[0].name}: no value"
