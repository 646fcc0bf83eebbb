"""Words that people put round what they mean: some to learn from, others for gates alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

#: (before, after); the bare utterance is always there.
LEARNT: Final = (
    ("", ""),
    ("hi, ", ""),
    ("well, ", ""),
    ("please ", ""),
    ("um ", ""),
    ("i think ", ""),
    ("okay so ", ""),
    ("yes hello, ", ""),
    ("", " please"),
    ("", ", thanks"),
    ("", " if you can"),
    ("", " i guess"),
    ("", ", that's all"),
    ("sorry, ", " please"),
    ("let me see, ", ""),
)
HELD_OUT: Final = (
    ("good morning, ", ""),
    ("right then, ", ""),
    ("ehm ", ""),
    ("to be honest, ", ""),
    ("you know, ", ""),
    ("", " would be great"),
    ("", ", cheers"),
    ("", " for now"),
    ("", " if possible"),
    ("look, ", " if that is fine"),
)


def carried(text: str, carriers: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Yield the utterance within each carrier."""
    for before, after in carriers:
        yield f"{before}{text}{after}"
