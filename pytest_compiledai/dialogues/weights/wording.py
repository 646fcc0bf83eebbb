"""What a simulated user writes for an intent that it was told.

The language is the flow's own examples between carriers, with typing errors. It is far easier than
what people write: figures on it are conformance on a grammar, not dialogue quality.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from functools import lru_cache
from typing import Final
from typing import NamedTuple

from pytest_compiledai.dialogues.flow import PLACEHOLDER
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Slot
from pytest_compiledai.dialogues.flow import placeholders


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


#: What stands before and after an utterance: for data, for the threshold, for the test.
CARRIERS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "none": (("",), ("",)),
    "train": (
        ("", "", "", "well,", "ok,", "hi,", "so", "um,", "please,", "hello there,", "oh,"),
        ("", "", "", "please", "thanks", "if possible", "ok?", "right now", "thank you", "i guess"),
    ),
    "calibrate": (
        _parts(
            "alright then, | look, | good morning, | erm, | excuse me, | hey, | actually, | hm,"
            "| you know what, | let us see, | one moment, | the thing is | by the way, | in short,"
            "| as far as i know | dear team,"
        ),
        _parts(
            "cheers | that is all | you see | for real | if you do not mind | when you can | thx"
            "| whenever it suits | kind regards | in case that helps | to start with | or so"
            "| as a favour | i suppose | at your convenience | there you go"
        ),
    ),
    "test": (
        ("to be honest", "listen,", "sorry to bother you,", "as i said before,", "good evening,"),
        ("much appreciated", "would be great", "as soon as you can", "my friend", "many thanks"),
    ),
}
#: Parts of those of the threshold: what carriers that nobody has seen do is told by their spread.
FOLDS: Final = tuple(f"calibrate {fold}" for fold in range(4))
_PARTS: Final = {
    **CARRIERS,
    **{
        name: (CARRIERS["calibrate"][0][at::4], CARRIERS["calibrate"][1][at::4])
        for at, name in enumerate(FOLDS)
    },
}
#: Words of everyday English that carry no intent by themselves; none of a test carrier's own.
_COMMON_TEXT: Final = """
a about actually after again all already also and anyway are at away back basically because been
before being but by case come course day did do each even ever every few find first for from
getting give guys had has have he her here him his how if in into is it its just kind know last
later least let like little long made make maybe me mean more most must need new next not now of
on one only or other our out over perhaps place point quite rather really right same say see she
should since some something sort still such sure take tell than that the their them then there
these they thing think this those though through time to today together too under until up us
use very want was way we week were what when where which while who why will with world yet you
your
"""
_COMMON: Final = tuple(re.findall(r"[a-z]+", _COMMON_TEXT))
_LIKE: Final = 16  # values of like shape that are tried
_EVERYDAY: Final = 0.6  # share of made-up words that are everyday words, of those not loose
_RESEMBLING: Final = 0.5  # share of the others that begin or end as a word of the flow
_LONG: Final = 6  # letters of such a word, at least
_KINDS: Final = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxz"
_VOWELS: Final = "aeiouy"


class Said(NamedTuple):
    """An utterance, and what it states."""

    intent: str
    text: str
    values: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How users write."""

    carriers: str = "none"
    typos: float = 0.0  # share of utterances with one
    noise: float = 0.0  # share of utterance edges with made-up words
    loose: float = 0.0  # share of these that are words of other examples
    often: bool = False  # and these come up as often as examples have them
    held_out: bool = False  # utterances and values that no data is made of


PLAIN: Final = Style()
#: With words of other examples, so that a whole example counts for more than a word of another.
TRAIN: Final = Style(carriers="train", typos=0.12, noise=0.35, loose=0.35, often=True)
#: The same for an encoder, which knows frequent words: more of them, and it abstains for nothing.
ENCODED: Final = replace(TRAIN, often=False)


def draw(flow: Flow, intent: str, rng: random.Random, style: Style = PLAIN) -> Said:
    """Return something that a user who means ``intent`` may write."""
    known = flow.intents[intent]
    template = rng.choice((style.held_out and known.holdout) or known.examples)
    return written(flow, intent, template, rng, style)


def written(flow: Flow, intent: str, template: str, rng: random.Random, style: Style) -> Said:
    """Return what a user writes who says ``template``, with values, carriers and slips."""
    texts, values = {}, {}
    for name in placeholders(template):
        texts[name], values[name] = _stated(flow.slots[name], rng, style)
    if rng.random() < style.typos:
        template = _mistyped(template, rng)
    before, after = map(rng.choice, _carriers(style.carriers, flow.phrases))
    if rng.random() < style.noise:
        before = _made_up(flow, rng, style)
    if rng.random() < style.noise:
        after = _made_up(flow, rng, style)
    text = PLACEHOLDER.sub(lambda match: texts[match[1]], template)
    return Said(intent, " ".join(part for part in (before, text, after) if part), values)


@lru_cache(maxsize=64)
def _carriers(name: str, phrases: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the carriers of a flow: of two words or more, those that its examples do not have.

    What an example has means something: `that is all` may be how users leave.
    """
    before, after = (
        tuple(c for c in part if " " not in c or c.strip(",?") not in phrases) or ("",)
        for part in _PARTS[name]
    )
    return before, after


def shape(template: str) -> str:
    """Return a template with its slots nameless: what it looks like to one who knows no values."""
    return PLACEHOLDER.sub("{}", template.casefold())


def nothing(flow: Flow, rng: random.Random, style: Style = TRAIN) -> str:
    """Return words that tell no intent; for weights between the carriers that words with one have.

    An encoder that learned such turns would take carriers it never saw for nothing.
    """
    found = " ".join(_made_up(flow, rng, style) for _ in range(rng.randint(1, 2)))
    return _carried(flow, found, rng, style.carriers) if style.often else found


def hollow(flow: Flow, template: str, telling: frozenset[str], rng: random.Random) -> str:
    """Return an example with invented words in the places of those that tell its intent."""

    def other(match: re.Match[str]) -> str:
        return _foreign(flow, rng) if match[0].casefold() in telling else match[0]

    return _carried(flow, re.sub(r"[A-Za-z]+", other, template), rng, TRAIN.carriers)


def _carried(flow: Flow, text: str, rng: random.Random, carriers: str) -> str:
    before, after = map(rng.choice, _carriers(carriers, flow.phrases))
    return " ".join(part for part in (before, text, after) if part)


def _stated(slot: Slot, rng: random.Random, style: Style) -> tuple[str, str | int]:
    """Return how a user writes a value, and the value; of patterns also values of like shape."""
    text = rng.choice(slot.written(held_out=style.held_out))
    if slot.pattern and style.noise:
        # Until one fits: examples that are kept would stand out among the values, and be learned.
        others = (like(text, rng) for _ in range(_LIKE))
        text = next((other for other in others if re.fullmatch(slot.pattern, other)), text)
    return text, slot.value_of(text)


def like(text: str, rng: random.Random) -> str:
    """Return a text of like shape: other digits for digits, other letters for letters."""
    return "".join(
        next((rng.choice(kind) for kind in _KINDS if character in kind), character)
        for character in text
    )


def _mistyped(text: str, rng: random.Random) -> str:
    """Return the text with one letter dropped, doubled or swapped, never inside a ``{slot}``."""
    spots = [
        match.start() + place
        for match in re.finditer(r"(?<![{\w])[a-z]{4,}(?![}\w])", text)
        for place in range(1, len(match[0]) - 1)
    ]
    if not spots:
        return text
    spot = rng.choice(spots)
    one, two = text[spot], text[spot + 1]
    return text[:spot] + rng.choice((two, one + one + two, two + one)) + text[spot + 2 :]


def _made_up(flow: Flow, rng: random.Random, style: Style) -> str:
    """Return one to five words that mean nothing here, as good as in any order.

    They are everyday words and invented ones, none of them of the flow, and loose words of it.
    """
    found = []
    for _ in range(rng.randint(1, 5)):
        if flow.loose and rng.random() < style.loose:
            found.append(rng.choice(flow.often if style.often else flow.loose))
            continue
        word = rng.choice(_COMMON) if rng.random() < _EVERYDAY else _foreign(flow, rng)
        if word not in flow.words and word not in flow.stated:
            found.append(word)
    return " ".join(found) + rng.choice(("", "", ",", "?"))


def _foreign(flow: Flow, rng: random.Random) -> str:
    """Return an invented word; half of them have a part of a word of the flow.

    A part tells nothing: who learned `representative` must not hear it in `affirmative`.
    """
    word, known = _invented(rng), _long(flow.words)
    if not known or rng.random() >= _RESEMBLING:
        return word
    like = rng.choice(known)
    kept = rng.randint(2, len(like) - 3)  # fewer letters than a typing error leaves
    return word + like[-kept:] if rng.random() < 0.5 else like[:kept] + word  # noqa: PLR2004 - even


@lru_cache(maxsize=16)
def _long(words: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if len(word) >= _LONG))


def _invented(rng: random.Random) -> str:
    kinds = rng.choice((_CONSONANTS + _VOWELS, _VOWELS))
    word = rng.choice(kinds)
    for _ in range(rng.randint(1, 7)):
        kinds = _CONSONANTS if kinds == _VOWELS else _VOWELS
        word += rng.choice(kinds) * rng.choice((1, 1, 1, 2))
    return word
