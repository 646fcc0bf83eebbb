"""Texts in which a schema's regular expression is found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_MORE: Final = 3  # repeats beyond the least that are drawn
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": re.compile(r"[0-9]"),
    "CATEGORY_NOT_DIGIT": re.compile(r"[^0-9]"),
    "CATEGORY_SPACE": re.compile(r"[ \t-\r]"),
    "CATEGORY_NOT_SPACE": re.compile(r"[^ \t-\r]"),
    "CATEGORY_WORD": re.compile(r"[A-Za-z0-9_]"),
    "CATEGORY_NOT_WORD": re.compile(r"[^A-Za-z0-9_]"),
}


def pattern_strategy(pattern: str, alphabet: Sequence[str]) -> SearchStrategy[str]:
    """Return texts drawn along ``pattern``, which the schema has accepted.

    Anchors are taken to hold, so the caller filters; classes are drawn from ``alphabet`` and from
    the characters the pattern itself names.
    """
    # The parser has no public name; Hypothesis rests on the same one.
    tree = import_module("re._parser").parse(pattern, re.ASCII)
    return _Drawer(tuple(dict.fromkeys((*alphabet, *pattern)))).sequence(tree)


class _Drawer:
    def __init__(self, alphabet: Sequence[str]) -> None:
        from hypothesis import strategies as st

        self.st = st
        self.alphabet = alphabet

    def sequence(self, items: Any) -> SearchStrategy[str]:
        parts = [self.item(str(name), argument) for name, argument in items]
        if len(parts) == 1:
            return parts[0]
        return self.st.tuples(*parts).map("".join)

    def item(self, name: str, argument: Any) -> SearchStrategy[str]:
        if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            return self.letter(name, argument)
        if name == "SUBPATTERN":
            return self.sequence(argument[3])
        if name == "BRANCH":
            return self.st.one_of([self.sequence(option) for option in argument[1]])
        if name in {"MAX_REPEAT", "MIN_REPEAT"}:
            low, high, items = argument
            most = min(int(high), int(low) + _MORE)
            repeated = self.st.lists(self.sequence(items), min_size=int(low), max_size=most)
            return repeated.map("".join)
        return self.st.just("")  # an anchor

    def letter(self, name: str, argument: Any) -> SearchStrategy[str]:
        if name == "LITERAL":
            return self.st.just(chr(argument))
        if name == "NOT_LITERAL":
            return self.among(lambda letter: ord(letter) != argument)
        if name == "ANY":
            return self.among(lambda letter: letter not in "\n\r\u2028\u2029")
        return self.among(lambda letter: _accepts(argument, letter), argument)

    def among(self, accepts: Any, named: Any = ()) -> SearchStrategy[str]:
        ends = [chr(code) for kind, value in named for code in _ends(str(kind), value)]
        letters = [x for x in dict.fromkeys((*ends, *self.alphabet)) if accepts(x)]
        return self.st.sampled_from(letters) if letters else self.st.nothing()


def _ends(kind: str, value: Any) -> tuple[int, ...]:
    if kind == "LITERAL":
        return (value,)
    return (value[0], value[1]) if kind == "RANGE" else ()


def _accepts(items: Any, letter: str) -> bool:
    negated = str(items[0][0]) == "NEGATE"
    found = any(_matches(str(kind), value, letter) for kind, value in items[negated:])
    return found is not negated


def _matches(kind: str, value: Any, letter: str) -> bool:
    if kind == "LITERAL":
        return ord(letter) == int(value)
    if kind == "RANGE":
        return int(value[0]) <= ord(letter) <= int(value[1])
    return _CATEGORIES[str(value)].fullmatch(letter) is not None
