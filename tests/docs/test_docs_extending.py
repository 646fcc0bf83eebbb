"""The page on extending: its gate and its kind are complete, and run."""

from __future__ import annotations

import pytest_compiledai


def test_the_page_holds_from_top_to_bottom(page, reader):
    """The gate judges and is locked, the kind compiles and loads, and a taken name ends the run."""
    reader.double()

    reader.follow(page("extending.md"))

    assert '"short@1"' in reader.read("compiledai.lock")


def test_the_kind_finds_what_is_wrong_with_a_table(page, reader):
    """A gate of the project's kind turns a spec down, and nothing is frozen."""
    extending = page("extending.md")
    spec = extending.block("yaml", "table/specs/codes.yaml")
    reader.write("conftest.py", extending.block("python", "table/conftest.py"))
    reader.write("specs/codes.yaml", f"{spec}  - {{from: france, to: FX}}\n")

    code, said = reader.run("pytest --compile specs")

    assert code == 1
    assert "found 4 rows and 3 keys; expected each key once [syntax.table]" in said
    assert not (reader.folder / "compiledai.lock").exists()


def test_the_page_names_all_that_is_public(page):
    """The page tells every public name of the package."""
    text = page("extending.md").text

    assert [name for name in pytest_compiledai.__all__ if f"`{name}`" not in text] == []
