# compiledai module doubts@1
"""What is known of a request so far, and why it may not be answered."""

from __future__ import annotations

from pytest_compiledai.functions.synth.parts.days import TIME_WORDS
from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.quantities import Quantity
from pytest_compiledai.functions.synth.parts.spans import VERBS
from pytest_compiledai.functions.synth.parts.stopwords import STOP_WORDS
from pytest_compiledai.functions.synth.parts.tokens import Token
from pytest_compiledai.functions.synth.parts.units import unit_of

ASKING = frozenset({"and", "please", "to", "you", "then", "me", "i", "also"})
OFTEN = frozenset(
    "monthly quarterly weekly daily biweekly semiannually semi-annually twice thrice double triple "
    "half dozen".split()
)
ORDINAL_WORDS = frozenset("first second third fourth fifth".split())
COUNTERS = frozenset({"top", "n", "limit", "count"})
SUPERLATIVES = frozenset("top best highest largest biggest most".split())
# Words that narrow nothing which a field could take; in capitals they may be a part of a name.
PLAIN = frozenset(
    "approximate approximately best certain estimated expect expected following good identified "
    "local nearby occurred provided".split()
)
TURNS = frozenset("next last past coming".split())  # before a number: the next 3 days
FEW_ALONE = 1  # unexplained words beside texts alone: only numbers and formulas are told surely
UNEXPLAINED = "a word that nothing explains, and a field without a value"
UNEXPLAINED_TEXTS = "words that nothing explains, and no number"
UNSAID = "more words than the function explains"


class Reading:
    """What is known so far of one request."""

    def __init__(
        self,
        text: str,
        pieces: list[Token],
        knowledge: Knowledge,
        base: dict[str, Value] | None,
    ) -> None:
        self.text = text
        self.knowledge = knowledge
        self.pieces = pieces
        self.base = base  # values of the call before; None: the request is a whole
        self.values: dict[str, Value] = {}
        self.used: set[int] = set()
        self.refusal = ""
        self.quantities: list[Quantity] = []

    def take(self, name: str, value: Value, first: int, last: int) -> None:
        """Keep a value and which pieces said it."""
        self.values[name] = value
        self.used.update(range(first, last + 1))


def unfilled(reading: Reading) -> list[Field]:
    """Return the fields without a value that any words could fill."""
    return [
        field
        for field in reading.knowledge.fields
        if field.free and field.name not in reading.values
    ]


def leftover(reading: Reading) -> list[int]:
    """Return the pieces that nothing explains."""
    return [
        index
        for index in range(len(reading.pieces))
        if index not in reading.used and is_unexplained(reading.pieces, index, reading.knowledge)
    ]


def is_unexplained(pieces: list[Token], index: int, knowledge: Knowledge) -> bool:
    """Return whether a piece says something that neither function nor fields explain."""
    piece = pieces[index]
    if (
        piece.kind == "mark"
        or piece.low in STOP_WORDS
        or piece.low in ORDINAL_WORDS
        or piece.stem in knowledge.known
    ):
        return False
    if piece.text in PLAIN or (piece.low in TURNS and is_number(pieces, index + 1)):
        return False
    asks = index == 0 or pieces[index - 1].kind == "mark" or pieces[index - 1].low in ASKING
    return not (asks and piece.low in VERBS)


def is_number(pieces: list[Token], index: int) -> bool:
    """Return whether there is a number at an index."""
    return index < len(pieces) and pieces[index].kind in ("number", "count")


def could_be(piece: Token, field: Field) -> bool:
    """Return whether a word that nothing explains could be the value of a field."""
    if field.role in ("date", "time"):
        return piece.low in TIME_WORDS
    if field.role == "unit":
        return any(unit_of(piece.low[:size])[0] for size in (4, 5, 6, 20))
    return True


def check(reading: Reading) -> None:
    """Refuse a request that says more than was read, or is about something else."""
    left = leftover(reading)
    for field in reading.knowledge.fields:
        if field.name not in reading.values and is_hinted(reading, field):
            reading.refusal = f"{field.name}: spoken of, and no value"
            return
    for field in unfilled(reading):
        word = next((i for i in left if could_be(reading.pieces[i], field)), None)
        if word is not None:
            reading.refusal = f"{reading.pieces[word].low}: perhaps the value of {field.name}"
            return
    said = {piece.stem for piece in reading.pieces if piece.low not in STOP_WORDS}
    explained = said & reading.knowledge.known
    if reading.base is not None:
        return
    if left and (is_open(reading) or (is_partial(reading) and is_astray(reading, left))):
        reading.refusal = UNEXPLAINED
        return
    if len(left) > FEW_ALONE and not is_measured(reading):
        reading.refusal = UNEXPLAINED_TEXTS
        return
    told = is_told(said, reading.knowledge)
    if (len(left) > len(explained) and not told) or not (told or is_about(said, reading.knowledge)):
        reading.refusal = UNSAID


def is_measured(reading: Reading) -> bool:
    """Return whether a request holds a number that was read, or a formula."""
    return bool(reading.quantities) or any(piece.kind == "formula" for piece in reading.pieces)


def is_partial(reading: Reading) -> bool:
    """Return whether a field has no value."""
    return any(field.name not in reading.values for field in reading.knowledge.fields)


def is_open(reading: Reading) -> bool:
    """Return whether a field has no value that words beyond the function's could mean."""
    return any(
        field.name not in reading.values
        and field.kind not in ("integer", "number", "boolean")
        and field.role not in ("unit", "date", "time")
        for field in reading.knowledge.fields
    )


def is_astray(reading: Reading, left: list[int]) -> bool:
    """Return whether a request begins with what nothing explains, or a number goes on with it."""
    content = (
        index
        for index, piece in enumerate(reading.pieces)
        if piece.kind == "word" and piece.low not in STOP_WORDS and piece.low not in VERBS
    )
    numbers = {item.last for item in reading.quantities}
    return next(content, -1) in left or any(index - 1 in numbers for index in left)


def is_told(said: set[str], knowledge: Knowledge) -> bool:
    """Return whether a request says most of a function's description."""
    return len(knowledge.told) > 1 and 3 * len(said & knowledge.told) >= 2 * len(knowledge.told)


def is_about(said: set[str], knowledge: Knowledge) -> bool:
    """Return whether the words of a request are those of a function."""
    return not knowledge.topic or bool(said & knowledge.topic)


def is_near_option(reading: Reading, field: Field) -> bool:
    """Return whether a word that nothing explains belongs to an option that was not found."""
    left = {reading.pieces[index].low[:4] for index in leftover(reading)}
    return any(word[:4] in left for _, words in field.options for word in words if len(word) > 3)


def is_hinted(reading: Reading, field: Field) -> bool:
    """Return whether a request speaks of a field for which it has no value."""
    often = (i for i, piece in enumerate(reading.pieces) if piece.low in OFTEN)
    if field.kind in ("integer", "number") and any(i not in reading.used for i in often):
        return True
    if field.role == "unit" or field.kind == "boolean":
        return False
    if field.kind == "integer" and field.names & COUNTERS:
        return any(piece.low in SUPERLATIVES for piece in reading.pieces)
    if field.options and is_near_option(reading, field):
        return True
    filled = [one.names for one in reading.knowledge.fields if one.name in reading.values]
    return any(
        piece.stem in field.names
        and not any(piece.stem in names for names in filled)
        and piece.stem not in reading.knowledge.topic
        and piece.stem not in reading.knowledge.told
        for index, piece in enumerate(reading.pieces)
        if index not in reading.used
    )
