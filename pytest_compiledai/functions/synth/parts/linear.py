# compiledai module linear@1
"""A linear model over hashed words and pieces of words, in whole numbers of one byte each."""

from __future__ import annotations

import math
import re
from binascii import crc32
from collections.abc import Sequence

PLACES = 16384  # rows of the table of weights; a power of two
WORDS = re.compile(r"\w+|[^\w\s]")
ZERO = 128  # the byte of the weight nothing
MOST_ADDED = 256  # rows of bytes whose sum fits two bytes


def grams(text: str) -> list[str]:
    """Return words, pairs of words, and pieces of three and four characters of each word."""
    words = WORDS.findall(text.lower())
    found = [f"{one} {other}" for one, other in zip(["", *words], [*words, ""], strict=True)]
    for word in words:
        framed = f"<{word}>"
        found.append(framed)
        found += [framed[i : i + 3] for i in range(len(framed) - 2)]
        found += [framed[i : i + 4] for i in range(len(framed) - 3)]
    return found


def places(texts: Sequence[object]) -> list[int]:
    """Return the rows of the table that some fields' texts select, each once."""
    found: dict[int, None] = {}
    for number, text in enumerate(texts):
        if isinstance(text, str):
            for gram in grams(text):
                found[crc32(gram.encode("utf-8", "replace"), number) % PLACES] = None
    return list(found)


def summed(rows: bytes, width: int, selected: Sequence[int]) -> list[int]:
    """Return the sum of the selected rows, column by column.

    A row is read as one number, so that one addition adds all its columns.
    """
    half = (width + 1) // 2
    mask = int.from_bytes(b"\xff\x00" * half, "little")
    totals = [-ZERO * len(selected)] * (2 * half)
    for first in range(0, len(selected), MOST_ADDED):
        even = odd = 0
        for place in selected[first : first + MOST_ADDED]:
            row = int.from_bytes(rows[place * width : (place + 1) * width], "little")
            even += row & mask
            odd += (row >> 8) & mask
        for parity, number in ((0, even), (1, odd)):
            lanes = number.to_bytes(2 * half, "little")
            for column in range(half):
                totals[2 * column + parity] += lanes[2 * column] + 256 * lanes[2 * column + 1]
    return totals[:width]


def decided(totals: Sequence[int], size: int, biases: Sequence[int]) -> tuple[int, float]:
    """Return the column that fits best, and how sure that is.

    Sure is a high score, high above the next one: what fits nothing has a low one everywhere.
    """
    root = math.sqrt(size)
    sums = [total / root + bias for total, bias in zip(totals, biases, strict=True)]
    best = sums.index(max(sums))
    first = sums.pop(best)
    return best, 2 * first - max(sums)
