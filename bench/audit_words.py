"""Words for generated logs: an everyday vocabulary, pseudo-words, and noise."""

from __future__ import annotations

import random

FUNCTION = [
    "the",
    "a",
    "of",
    "to",
    "and",
    "in",
    "that",
    "it",
    "is",
    "was",
    "for",
    "on",
    "with",
    "as",
    "at",
    "by",
    "this",
    "have",
    "from",
    "not",
    "are",
    "but",
    "what",
    "all",
    "were",
    "when",
    "we",
    "there",
    "can",
    "an",
    "your",
    "which",
    "their",
    "if",
    "do",
    "will",
    "each",
    "about",
    "how",
    "up",
    "out",
    "them",
    "then",
    "many",
    "some",
    "so",
    "these",
    "would",
    "other",
    "into",
    "has",
    "more",
    "two",
    "could",
    "my",
    "than",
    "been",
    "who",
    "its",
    "now",
    "did",
    "get",
    "come",
    "may",
    "please",
    "hello",
    "thanks",
    "regarding",
    "since",
]
SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "bu",
    "ca",
    "ce",
    "co",
    "da",
    "de",
    "di",
    "do",
    "du",
    "fa",
    "fe",
    "fi",
    "ga",
    "go",
    "ha",
    "he",
    "hi",
    "ka",
    "ke",
    "ki",
    "la",
    "le",
    "li",
    "lo",
    "lu",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "no",
    "pa",
    "pe",
    "pi",
    "po",
    "ra",
    "re",
    "ri",
    "ro",
    "ru",
    "sa",
    "se",
    "si",
    "so",
    "ta",
    "te",
    "ti",
    "to",
    "va",
    "ve",
    "vi",
    "vo",
    "za",
    "zo",
]
ENDINGS = ("", "", "n", "r", "s", "t", "l", "nd", "st", "ck", "m", "ng")
NAMES = [
    "Anna",
    "Bruno",
    "Carla",
    "Dario",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Irene",
    "Jonas",
    "Karin",
    "Luca",
    "Marta",
    "Nils",
    "Olga",
    "Paul",
    "Rosa",
    "Sven",
    "Tilda",
    "Viktor",
]
SURNAMES = [
    "Adler",
    "Berg",
    "Conti",
    "Dahl",
    "Egger",
    "Frost",
    "Gallo",
    "Hahn",
    "Ibsen",
    "Jansen",
    "Keller",
    "Lang",
    "Moro",
    "Novak",
    "Olsen",
    "Pirelli",
    "Quist",
    "Rossi",
    "Stern",
    "Thoma",
]
CITIES = [
    "Oslo",
    "Lyon",
    "Porto",
    "Turin",
    "Ghent",
    "Cork",
    "Basel",
    "Graz",
    "Malmo",
    "Sevilla",
    "Utrecht",
    "Tampere",
]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def word(rng: random.Random) -> str:
    """Return a pseudo-word."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 2, 3)))) + rng.choice(
        ENDINGS
    )


def vocabulary(rng: random.Random, size: int) -> list[str]:
    """Return different pseudo-words."""
    found: dict[str, None] = {}
    while len(found) < size:
        found[word(rng)] = None
    return list(found)


def zipf(rng: random.Random, words: list[str]) -> str:
    """Return a word, earlier ones more often."""
    return words[min(int(len(words) * rng.random() ** 2.2), len(words) - 1)]


def sentence(rng: random.Random, words: list[str], length: int) -> str:
    """Return a sentence: function words and words of a vocabulary mixed."""
    picked = [
        rng.choice(FUNCTION) if rng.random() < 0.5 else zipf(rng, words) for _ in range(length)
    ]
    return " ".join(picked).capitalize() + rng.choice((".", ".", ".", "!", "?"))


def prose(rng: random.Random, words: list[str], sentences: int) -> str:
    """Return some sentences."""
    return " ".join(sentence(rng, words, rng.randint(5, 14)) for _ in range(sentences))


def noisy(rng: random.Random, text: str) -> str:
    """Return a text as people type it: spacing, case and a typo now and then."""
    roll = rng.random()
    if roll < 0.06:
        return text.replace(" ", "  ", 2)
    if roll < 0.10:
        return f"{text}\n"
    if roll < 0.14:
        return text.lower()
    if roll < 0.18 and len(text) > 20:
        at = rng.randrange(5, len(text) - 5)
        return text[:at] + text[at + 1 :] if text[at].isalpha() and text[at - 1].isalpha() else text
    return text


def date(rng: random.Random) -> tuple[int, int, int]:
    """Return a year, a month and a day."""
    return rng.randint(2019, 2026), rng.randint(1, 12), rng.randint(1, 28)


def number(rng: random.Random, digits: int) -> str:
    """Return a number of so many digits."""
    return str(rng.randrange(10 ** (digits - 1), 10**digits))


def person(rng: random.Random) -> str:
    """Return a full name."""
    return f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
