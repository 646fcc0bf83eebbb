"""The bench of dialogues on the smaller example: unknown carriers are understood, or not answered."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="the extra `linear` is not installed")

from bench.dialogues import SPECS
from bench.dialogues import measured


def test_unknown_carriers_are_understood_or_not_answered():
    """Of known wording in unknown carriers 70 % are answered, and 99 % of those rightly."""
    (path,) = (path for path in SPECS if path.stem == "travel")

    rows = {row["set"]: row for row in measured(path, embedder=False)}

    assert rows["carriers"]["coverage"] >= 0.7
    assert rows["carriers"]["right"] >= 0.99
    assert rows["wording"]["right"] >= 0.9
