"""The page on dialogues: its flow compiles, and answers as the page says."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="the extra `linear` is not installed")


def test_the_page_holds_from_top_to_bottom(page, reader):
    """The flow is frozen and a conversation goes as it is written."""
    reader.follow(page("dialogues.md"))

    assert 'kind = "dialogue"' in reader.read("compiledai.lock")
