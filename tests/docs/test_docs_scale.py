"""docs/scale.md: what it spreads, and the options that it names."""

from __future__ import annotations

import importlib.util

import pytest

from pytest_compiledai.ci.__main__ import _parser
from pytest_compiledai.fanout import BACKENDS


@pytest.mark.skipif(importlib.util.find_spec("joblib") is None, reason="needs the extra `scale`")
def test_the_page_is_what_a_reader_sees(page, reader):
    """Parts on one machine freeze what the page says, and locked mode takes it."""
    reader.double().follow(page("scale.md"), without=("sh",))


def test_the_table_names_every_option_and_backend(page):
    """What `ci spread` takes is described."""
    text = page("scale.md").text
    commands = next(a for a in _parser()._actions if a.choices and "spread" in a.choices).choices
    options = [a.option_strings[-1] for a in commands["spread"]._actions if a.dest != "help"]

    assert [] == [option for option in options if f"`{option}" not in text]
    assert [] == [backend for backend in BACKENDS if f"`{backend}`" not in text]
