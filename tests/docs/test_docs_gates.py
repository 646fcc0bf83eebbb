"""The page on gates: its defaults are the code's, and its findings are what the examples get."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.gate import ALWAYS_ON
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.fuzz import FuzzSettings
from pytest_compiledai.gates.latency import LatencySettings
from pytest_compiledai.gates.syntax import SyntaxSettings

ROOT = Path(__file__).parents[2]
DEFAULTS = {
    "syntax": SyntaxSettings(),
    "accuracy": AccuracySettings(),
    "latency": LatencySettings(),
    "fuzz": FuzzSettings(),
}


def section(text: str, gate: str) -> str:
    """Return the section of one gate."""
    return text.partition(f"\n## {gate}\n")[2].partition("\n## ")[0]


def test_every_gate_has_its_section_and_its_readme(page):
    """The page tells of each gate in order, says which are always on, and leads to its README."""
    text = page("gates.md").text

    assert [*GATES] == re.findall(r"^## (\w+)$", text, re.MULTILINE)
    assert [*ALWAYS_ON] == re.findall(r"^\| \[(\w+)\].* \| no \|$", text, re.MULTILINE)
    for gate in GATES:
        assert f"(../gates/{gate}/README.md)" in section(text, gate)
        assert (ROOT / "gates" / gate / "README.md").is_file()


def plain(value: object) -> str:
    """Return a setting as YAML writes it in a line."""
    return str(value).replace("'", "")


@pytest.mark.parametrize("gate", [*DEFAULTS])
def test_the_defaults_are_the_codes(page, gate):
    """The block of defaults and the table of each gate say what an omitted key means."""
    text = page("gates.md")
    block = f"compiledai: 1\n{text.block('yaml')}".encode()
    stated = read_documents(block, "gates.md")[0].data["gates"][gate]
    table = re.compile(r"^\| `(\w+)` \| `?([^`|]+?)`? \|", re.MULTILINE)
    rows = dict(table.findall(section(text.text, gate)))

    assert {key: getattr(DEFAULTS[gate], key) for key in stated} == stated
    assert {key: plain(stated.get(key, "none")) for key in rows} == rows
    assert set(stated) <= set(rows)


def test_the_findings_are_those_of_the_rejected_examples(page, reader):
    """Each finding that the page shows is what the example of that gate gets."""
    for folder in ("examples/rejected", "fixtures"):
        shutil.copytree(ROOT / folder, reader.folder / folder)

    _, said = reader.run("pytest --compile examples/rejected")

    shown = [block.text.strip() for block in page("gates.md").blocks if block.language == "text"]
    assert len(shown) == len(GATES)
    for finding in shown:
        assert re.search(".*".join(map(re.escape, finding.split("..."))), said), finding
