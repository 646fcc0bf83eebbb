"""Places with the regions behind their commas, and names behind labels."""

from __future__ import annotations

from pytest_compiledai.functions.synth.parts import documents
from pytest_compiledai.functions.synth.parts.regions import with_regions
from pytest_compiledai.functions.synth.parts.spans import spans
from pytest_compiledai.functions.synth.parts.tokens import tokens


def places(text: str) -> list[str]:
    pieces = tokens(text)
    found = spans(text, pieces, frozenset(), commas=False)
    return [item.text for item in with_regions(text, pieces, found)]


def test_a_region_behind_a_comma_belongs_to_its_place():
    """Countries and states join the place before them; a list of cities stays one."""
    assert places("a hotel in Berlin, Germany") == ["Berlin, Germany"]
    assert places("hotels in Berlin, Paris and Rome") == ["Berlin", "Paris", "Rome"]
    assert places("flights to France, Germany") == ["France", "Germany"]


def test_a_legal_form_alone_is_no_name():
    """It belongs to the line before; what stands behind a label is a name of its own."""
    values = [item.value for item in documents.names_in(["SHOP", "SDN BHD", "OWN BY: LEE LTD"])]

    assert "SDN BHD" not in values
    assert "SHOP SDN BHD" in values
    assert "LEE LTD" in values
