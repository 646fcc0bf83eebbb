"""The page on reports: its command writes what its table names."""

from __future__ import annotations

from pytest_compiledai.settings import REPORT_SUFFIXES


def test_the_commands_write_what_they_name(page, frozen):
    """A reader who types the page's command has both files."""
    frozen.follow(page("reports.md"))

    assert frozen.read("build/compiled.html").startswith("<!doctype html>")
    assert '"version": "2.1.0"' in frozen.read("build/compiled.sarif")


def test_the_table_names_every_form(page):
    """A form that can be asked for is described."""
    text = page("reports.md").text

    assert [suffix for suffix in REPORT_SUFFIXES if f"| `{suffix}` |" not in text] == []
