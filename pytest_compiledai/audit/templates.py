"""Prompt templates, mined from prompts that no site is named for.

A prompt is its constant beginning, what varies, and its constant end. Prompts are walked word by
word: while nearly all of a group share the next word, it belongs to the template; where they part,
a part is a template of its own if it goes on being constant for some words, and is what varies
otherwise. The groups found by their beginnings are then split by their ends in the same way. Each
prompt is looked at once a word of its template, so the work is linear in the prompts; a constant
part between two varying ones does not tell templates apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from typing import Final

Words = tuple[str, ...]

SAMPLE_CAP: Final = 20_000  # distinct prompts that templates are mined from
HEAD_CAP: Final = 1_600  # characters from the beginning of a prompt that are looked at
TAIL_CAP: Final = 400  # characters from its end
WORD_CAP: Final = 160  # words of a template at either end
BOUNDARY: Final = "\x1e"  # between the system prompt and the user's message

_WITH_DIGIT = re.compile(r"\b\w*\d\w*")
_WORD = re.compile(r"\w+|[^\w\s]|\x1e")
_AGREE: Final = 0.95  # share of a group that has the next word, for it to belong to the template
_COVER: Final = 0.8  # share of a group that parts must hold together, to be templates
_AHEAD: Final = 12  # words behind the first that are compared between parts
_ALIKE: Final = 0.7  # share of those in common, for parts to be values of one slot
_LEAST: Final = 5  # distinct prompts of a template


@dataclass(slots=True)
class Node:
    """A piece of template, and what it parts into; a node is a leaf where nothing parts off."""

    words: Words  # constant words from where the parent ends
    size: int
    number: int = 0  # of the leaf that takes what no part takes
    parts: dict[str, Node] = field(default_factory=dict)
    ends: Node | None = None  # how the leaf's prompts part by their ends


def head_words(system: str, user: str) -> Words:
    """Return the words that a template's beginning is mined from; digits are all alike."""
    words = _words(user[:HEAD_CAP])
    return ((*_words(system[:HEAD_CAP]), BOUNDARY, *words) if system else words)[: 2 * WORD_CAP]


def tail_words(user: str) -> Words:
    """Return the words that a template's end is mined from, the last one first."""
    return _words(user[-TAIL_CAP:])[::-1][:WORD_CAP]


@lru_cache(maxsize=512)  # a site's system prompt is looked at with each of its calls
def _words(text: str) -> Words:
    return tuple(_WORD.findall(_WITH_DIGIT.sub("0", text)))


class Templates:
    """The templates of a sample of prompts."""

    def __init__(self, prompts: Sequence[tuple[Words, Words]]) -> None:
        heads = [(head, number) for number, (head, _) in enumerate(prompts)]
        self.titles: list[Words] = []
        self.root = _split([row[0] for row in heads], 0, free=True)
        members: dict[int, list[Words]] = {}
        self._number(self.root)
        for head, tail in prompts:
            members.setdefault(self._leaf(head).number, []).append(tail)
        for leaf in _leaves(self.root):
            tails = members.get(leaf.number, [])
            if len(tails) >= 2 * _LEAST:
                leaf.ends = _split(tails, 0, free=len(self.titles[leaf.number]) < _SHORT)
                self._number(leaf.ends)

    def find(self, head: Words, tail: Words) -> tuple[int, int]:
        """Return the template of a prompt: the numbers of its beginning and its end."""
        leaf = self._leaf(head)
        if leaf.ends is None:
            return leaf.number, 0
        return leaf.number, _walk(leaf.ends, tail).number

    def title(self, key: tuple[int, int]) -> Words:
        """Return the constant words of a template: its beginning, else its end."""
        begin, end = self.both(key)
        return begin if len(begin) >= _SHORT or not end else (*begin, *end)

    def both(self, key: tuple[int, int]) -> tuple[Words, Words]:
        """Return the constant words of a template's beginning and of its end."""
        return self.titles[key[0]], self.titles[key[1]][::-1] if key[1] else ()

    def _leaf(self, head: Words) -> Node:
        return _walk(self.root, head)

    def _number(self, node: Node, before: Words = ()) -> None:
        words = (*before, *node.words)
        node.number = len(self.titles)
        self.titles.append(words)
        for part in node.parts.values():
            self._number(part, words)


_SHORT: Final = 3


def _walk(node: Node, words: Words) -> Node:
    at = 0
    while True:
        at += len(node.words)
        part = node.parts.get(words[at]) if at < len(words) else None
        if part is None or not _fits(part, words, at):
            return node
        node = part


def _fits(part: Node, words: Words, at: int) -> bool:
    """Return whether most of a part's constant words stand where they should."""
    window = words[at : at + len(part.words)]
    same = sum(mine == theirs for mine, theirs in zip(part.words, window, strict=False))
    return same >= _COVER * len(part.words)


def _leaves(node: Node) -> list[Node]:
    found = [node]
    for part in node.parts.values():
        found += _leaves(part)
    return found


def _needed(at: int, words: Words) -> int:
    """Return how many constant words make a part a template: more, the longer the beginning is.

    What varies is natural language, which repeats phrases too; behind a long system prompt a short
    phrase is more likely a user's than a template's.
    """
    if at < 8:  # noqa: PLR2004 - fitted on generated logs
        return 5
    return 12 if at >= 16 or BOUNDARY in words else 8  # noqa: PLR2004


def _split(rows: list[Words], at: int, *, free: bool) -> Node:
    """Return the node of a group whose first ``at`` words were dealt with.

    ``free`` says that nothing constant was seen so far: any part may then be a template, and what
    remains is free text.
    """
    start = at
    constant: list[str] = []
    inside = rows
    while at < WORD_CAP:
        word, count = _commonest(inside, at)
        if word is None or count < _AGREE * len(rows) or count < _LEAST:
            break
        inside = [row for row in inside if len(row) > at and row[at] == word]
        constant.append(word)
        at += 1
    node = Node(words=tuple(constant), size=len(rows))
    if at >= WORD_CAP:
        return node
    parts = _parts(inside, at, free=free and at == start)
    wanted = _needed(at, node.words)
    kept = {word: part for word, part in parts.items() if len(part.words) >= wanted or part.parts}
    covered = sum(part.size for part in kept.values())
    if _is_slot(list(kept.values())):
        return node
    if kept and (
        (free and at - start < _SHORT) or (covered >= _COVER * len(rows) and len(kept) > 1)
    ):
        node.parts = kept
    return node


def _is_slot(parts: Sequence[Node]) -> bool:
    """Return whether parts go on alike: then their first words are values in one template."""
    following = [set(part.words[1 : 1 + _AHEAD]) for part in parts]
    following = [words for words in following if words]
    if len(following) < 2:  # noqa: PLR2004 - one part alone
        return False
    largest = max(zip(following, parts, strict=False), key=lambda pair: pair[1].size)[0]
    alike = sum(
        len(words & largest) >= _ALIKE * min(len(words), len(largest)) for words in following
    )
    return 2 * alike > len(following)


def _parts(rows: list[Words], at: int, *, free: bool) -> dict[str, Node]:
    groups: dict[str, list[Words]] = {}
    for row in rows:
        if len(row) > at:
            groups.setdefault(row[at], []).append(row)
    large = {word: group for word, group in groups.items() if len(group) >= _LEAST}
    return {word: _split(large[word], at, free=free) for word in sorted(large)}


def _commonest(rows: list[Words], at: int) -> tuple[str | None, int]:
    counts = Counter(row[at] for row in rows if len(row) > at)
    if not counts:
        return None, 0
    return max(counts.items(), key=lambda pair: (pair[1], pair[0]))
