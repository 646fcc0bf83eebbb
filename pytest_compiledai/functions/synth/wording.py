"""The words of names and descriptions, and their forms."""

from __future__ import annotations

import re

from pytest_compiledai.functions.synth.lexicon import SAME
from pytest_compiledai.functions.synth.parts.tokens import PREFIX

_WORD = re.compile(r"[^\W\d_]+(?:[/^'-]\w+)*")
_SPLIT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def words_of_name(name: str) -> list[str]:
    """Return the words of an identifier, in lower case."""
    return [word.lower() for word in _SPLIT.findall(name)]


def words_of(text: str) -> list[str]:
    """Return the words of a description, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def forms(word: str) -> set[str]:
    """Return a word and its inflections, as requests write it."""
    found = {word}
    stem = word
    for ending, instead in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word[: -len(ending)] + instead
            found.add(stem)
            if ending in ("ing", "ed", "es"):
                found.add(stem + "e")
                if len(stem) > 3 and stem[-1] == stem[-2]:
                    found.add(stem[:-1])
            break
    for base in list(found):
        hissing = base.endswith(("s", "x", "ch", "sh", "z"))
        found |= {base + ("es" if hissing else "s"), base + "ing"}
        if base.endswith("e"):
            found |= {base + "d", base[:-1] + "ing"}
        elif base.endswith("y"):
            found |= {base[:-1] + "ies", base[:-1] + "ied"}
        else:
            found |= {base + "ed"}
    return found


def stems(word: str) -> set[str]:
    """Return the beginnings of a word's forms, as pieces of a request have them."""
    return {form[:PREFIX] for form in forms(word)}


def same_words(word: str) -> set[str]:
    """Return the words that say the same."""
    groups = (line.split() for line in SAME)
    return {word, *(other for group in groups if word in group for other in group)}
