"""The page on options says what the code says."""

from __future__ import annotations

import os
import re

from pytest_compiledai.options import OPTIONS
from pytest_compiledai.options import Option
from pytest_compiledai.settings import Mode
from pytest_compiledai.settings import read_settings

BEGIN, END = "<!-- options: begin -->\n", "<!-- options: end -->"
REFRESH = "COMPILEDAI_UPDATE_DOCS"


def row(option: Option) -> str:
    value = "\\|".join(option.choices) if option.choices else option.metavar
    flag = f"{option.flag} {value}" if value else option.flag
    return f"| `{flag}` | `{option.setting}` | {option.help} |"


def table() -> str:
    head = ["| option | setting | meaning |", "|---|---|---|"]
    return "\n".join([*head, *map(row, OPTIONS), ""])


def test_the_table_is_what_the_options_are(page):
    """A changed option changes the page; the environment variable writes it anew."""
    before, begin, rest = page("options.md").text.partition(BEGIN)
    found, end, after = rest.partition(END)
    if os.environ.get(REFRESH):
        found = table()
        page("options.md").path.write_text(f"{before}{begin}{found}{end}{after}", encoding="utf-8")

    assert table() == found


def test_the_settings_are_read_as_the_page_writes_them(page, pytester):
    """The configuration file of the page is accepted, and grants what it says."""
    pytester.makepyprojecttoml(page("options.md").block("toml", "pyproject.toml"))

    settings = read_settings(pytester.parseconfig())

    assert settings.out == pytester.path / "src/shop/compiled"
    assert settings.reports == (pytester.path / "build/compiled.json",)
    assert settings.grants["stamped"] == {"clock", "call:rates"}


def test_an_ungranted_capability_reads_as_the_page_says(page, reader):
    """The message of the page is the one that a spec without its grant gets."""
    reader.double()
    reader.write("specs/double.yaml", f"{reader.read('specs/double.yaml')}capabilities: [clock]\n")

    code, said = reader.run("pytest --compile specs")

    assert code == 1
    assert page("options.md").block("text").strip() in " ".join(said.split())


def test_the_exit_codes_are_those_of_the_page(page, reader):
    """Settings that cannot be meant end with 4, nothing collected with 5, commands with 0 and 2."""
    reader.double()

    assert reader.run("pytest --compile-locked --compile-update specs")[0] == 4
    assert reader.run("pytest --compile --co -k nothing_of_this_name specs")[0] == 5
    assert reader.run("compiledai init")[0] == 0
    assert reader.run("compiledai init")[0] == 2
    assert reader.run("compiledai try double '{}'")[0] == 2
    assert reader.run("compiledai check specs/double.py")[0] == 1


def test_every_mode_stands_in_the_table_of_modes(page):
    """Each mode has its line, and no line names another."""
    section = page("options.md").text.partition("## Modes")[2].partition("## ")[0]

    named = re.findall(r"^\| `--compile(?:-(\w+))?`", section, re.MULTILINE)

    assert sorted(str(mode) for mode in Mode) == sorted(name or "compile" for name in named)
