"""The page on programs without a model, followed from top to bottom."""

from __future__ import annotations

import sys

import pytest

from pytest_compiledai.functions.synth import records
from pytest_compiledai.functions.synth.decisions import LEAST_SUPPORT


@pytest.mark.skipif(
    sys.platform != "linux", reason="executes generated code, which needs the sandbox"
)
def test_the_page_on_synthesis_holds_from_top_to_bottom(page, reader):
    """The spec of the page is frozen without a model, and judged again in locked mode."""
    (reader.folder / "specs").mkdir()

    reader.follow(page("synth.md"), without=("text",))

    assert "_RULES" not in reader.read("compiled/address_of.py")


def test_the_numbers_of_the_page_are_the_codes():
    """Folds, rows a rule needs, and rows a case needs."""
    assert (records.FOLDS, LEAST_SUPPORT, records.LEAST_GROUP) == (5, 3, 2)
