# compiledai module reading@1
"""One request read: each field's value, or why it is refused."""

from __future__ import annotations

from pytest_compiledai.functions.synth.parts.choices import hits
from pytest_compiledai.functions.synth.parts.choices import switched
from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Refusal
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.quantities import assigned
from pytest_compiledai.functions.synth.parts.quantities import given
from pytest_compiledai.functions.synth.parts.quantities import quantities
from pytest_compiledai.functions.synth.parts.spans import spans
from pytest_compiledai.functions.synth.parts.stopwords import STOP_WORDS
from pytest_compiledai.functions.synth.parts.texts import texts_assigned
from pytest_compiledai.functions.synth.parts.tokens import Token
from pytest_compiledai.functions.synth.parts.tokens import tokens


class Reading:
    """What is known so far of one request."""

    def __init__(self, text: str, knowledge: Knowledge) -> None:
        self.text = text
        self.knowledge = knowledge
        self.pieces = tokens(text)
        self.values: dict[str, Value] = {}
        self.used: set[int] = set()
        self.refusal = ""

    def take(self, name: str, value: Value, first: int, last: int) -> None:
        """Keep a value and which pieces said it."""
        self.values[name] = value
        self.used.update(range(first, last + 1))


def read(text: str, knowledge: Knowledge) -> dict[str, Value] | Refusal:
    """Return the values of the fields by name; a refusal where the request is not clear."""
    reading = Reading(text, knowledge)
    for step in (read_choices, read_numbers, read_texts, read_switches, read_rest, check):
        step(reading)
        if reading.refusal:
            return Refusal(reading.refusal)
    return reading.values


def read_choices(reading: Reading) -> None:
    """Fill fields of a closed set."""
    for field in reading.knowledge.fields:
        if not field.options or field.kind not in ("enum", "enums", "string"):
            continue
        found = hits(reading.pieces, field)
        options = list(dict.fromkeys(hit.option for hit in found))
        if len(options) > 1 and field.kind != "enums":
            reading.refusal = f"{field.name}: {len(options)} of its words"
            return
        if options:
            value: Value = options if field.kind == "enums" else options[0]
            for hit in found:
                reading.take(field.name, value, hit.first, hit.last)


def read_numbers(reading: Reading) -> None:
    """Fill fields of numbers; every number of the request must have its field."""
    pieces = [
        piece._replace(kind="word") if index in reading.used else piece
        for index, piece in enumerate(reading.pieces)
    ]
    found = quantities(pieces)
    pairs = None if found is None else assigned(pieces, found, reading.knowledge)
    if pairs is None:
        reading.refusal = "a number that no field clearly takes"
        return
    for number, item in pairs.items():
        field = reading.knowledge.fields[number]
        reading.take(field.name, given(item, field), item.first, item.last)


def read_texts(reading: Reading) -> None:
    """Fill fields of text from quotations, names, identifiers, dates and times."""
    found = list(spans(reading.text, reading.pieces, reading.knowledge.known))
    found = [item for item in found if not reading.used & set(range(item.first, item.last + 1))]
    fields = reading.knowledge.fields
    lists = [field for field in fields if field.kind == "strings"]
    if len(lists) == 1 and found and not any(f.kind == "string" and f.required for f in fields):
        whole = [item.text for item in found]
        reading.take(lists[0].name, whole, found[0].first, found[-1].last)
        return
    pairs = texts_assigned(reading.pieces, found, reading.knowledge) or {}
    for number, item in pairs.items():
        field = fields[number]
        if field.name in reading.values:
            reading.refusal = f"{field.name}: two values"
            return
        reading.take(field.name, item.text, item.first, item.last)
    left = [item for item in found if item not in pairs.values()]
    if any(item.form != "name" for item in left) or (left and unfilled(reading)):
        reading.refusal = "a text that no field clearly takes"


def unfilled(reading: Reading) -> list[Field]:
    """Return the fields without a value that any words could fill."""
    return [
        field
        for field in reading.knowledge.fields
        if field.free and field.name not in reading.values
    ]


def read_switches(reading: Reading) -> None:
    """Fill fields that are switched on or off."""
    for field in reading.knowledge.fields:
        if field.kind == "boolean":
            found = switched(reading.pieces, field)
            if found is not None:
                reading.take(field.name, found[0], found[1], found[1])


def leftover(reading: Reading) -> list[int]:
    """Return the pieces that nothing explains."""
    return [
        index
        for index, piece in enumerate(reading.pieces)
        if index not in reading.used and is_unexplained(piece, reading.knowledge)
    ]


def is_unexplained(piece: Token, knowledge: Knowledge) -> bool:
    """Return whether a piece says something that neither function nor fields explain."""
    if piece.kind == "mark" or piece.low in STOP_WORDS:
        return False
    return piece.low not in knowledge.known


def read_rest(reading: Reading) -> None:
    """Fill the one required text that is left with the one run of words that is left."""
    needed = [
        field
        for field in reading.knowledge.fields
        if field.required and field.name not in reading.values
    ]
    for field in needed:
        if field.default is not None:
            reading.values[field.name] = field.default
    needed = [field for field in needed if field.default is None]
    if not needed:
        return
    run = leftover(reading)
    joined = bool(run) and run[-1] - run[0] == len(run) - 1
    if len(needed) == 1 and needed[0].kind == "string" and joined and len(run) <= 3:
        pieces = reading.pieces
        text = reading.text[pieces[run[0]].start : pieces[run[-1]].end]
        reading.take(needed[0].name, text, run[0], run[-1])
        return
    reading.refusal = f"{needed[0].name}: no value"


def check(reading: Reading) -> None:
    """Refuse a request that says more than was read, or is about something else."""
    left = leftover(reading)
    free = [field for field in unfilled(reading) if not field.required]
    if left and free:
        word = reading.pieces[left[0]].low
        reading.refusal = f"{word}: perhaps the value of {free[0].name}"
        return
    explained = [
        index
        for index, piece in enumerate(reading.pieces)
        if piece.low in reading.knowledge.known and piece.low not in STOP_WORDS
    ]
    if len(left) > len(explained) or not explained:
        reading.refusal = "more words than the function explains"
