"""docs/cost.md: its commands say what the page shows."""

from __future__ import annotations


def test_the_page_is_what_a_reader_sees(page, reader):
    """A unit that asked no model is explained as shown."""
    reader.double().follow(page("cost.md"))
