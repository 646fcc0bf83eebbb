"""The pages of docs/ and what their blocks do when a reader follows them.

A block with a path after its language is a file, a `console` block is what a terminal shows, and
a `python` block without a path is a program. `...` in expected output stands for anything.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXIT_CODE = re.compile(r"\s+# exit code (\d)$")
#: What a slow machine says in the middle of a line of pytest's.
SO_FAR = re.compile(r"compiledai: \w+: \w+, attempt \d+, \d+ s so far\n")
#: What a terminal's `pytest`, `compiledai` and `python` are in a test.
PROGRAMS = {"pytest": "-m pytest", "compiledai": "-m pytest_compiledai.cli", "python": ""}
DOUBLE_SPEC = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer, minimum: -1000, maximum: 1000}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
golden: double.jsonl
candidate: double.py
gates:
  latency: {p50_ms: 50, p99_ms: 500}
  fuzz: {examples: 10, reference: none}
"""
DOUBLE_CODE = 'def double(data: DoubleInput) -> DoubleOutput:\n    return {"m": 2 * data["n"]}\n'


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    path: str
    text: str


@dataclass(frozen=True)
class Page:
    """A page of the documentation."""

    name: str

    @property
    def path(self) -> Path:
        return DOCS / self.name

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[Block]:
        return [Block(*found) for found in FENCE.findall(self.text)]

    def block(self, language: str, path: str = "") -> str:
        """Return the text of the one block of this language and path."""
        (text,) = (b.text for b in self.blocks if (b.language, b.path) == (language, path))
        return text


@dataclass
class Reader:
    """Somebody in an empty folder who does what a page says."""

    folder: Path
    environ: dict[str, str]
    changed: dict[str, str] = field(default_factory=dict)  # text of a page -> what a test means

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def double(self) -> Reader:
        """Write the unit `double`, which judges a file of its own and needs no model."""
        rows = ({"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}} for n in range(80))
        self.write("specs/double.yaml", DOUBLE_SPEC)
        self.write("specs/double.py", DOUBLE_CODE)
        self.write("specs/double.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
        return self

    def run(self, command: str) -> tuple[int, str]:
        """Return the exit code of a command and what it said."""
        for old, new in self.changed.items():
            command = command.replace(old, new)
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout

    def follow(self, page: Page, *, without: tuple[str, ...] = ()) -> None:
        """Do what the blocks of a page say, in their order; languages in ``without`` are others'."""
        for block in page.blocks:
            if block.path:
                self.write(block.path, block.text)
            elif block.language == "console":
                self._type(block.text)
            elif block.language == "python":
                code, said = self.run(f"python - <<'END'\n{block.text}END")
                assert code == 0, said
            else:
                assert block.language in without, f"{page.name}: nobody checks {block}"

    def _type(self, text: str) -> None:
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            wanted = EXIT_CODE.search(command)
            code, said = self.run(EXIT_CODE.sub("", command))
            assert code == int(wanted[1] if wanted else 0), f"{command}\n{said}"
            assert_said(expected, SO_FAR.sub("", said), command)


def assert_said(expected: str, said: str, command: str) -> None:
    """Assert that the lines expected stand in what was said, in their order."""
    rest = iter(said.splitlines())
    for line in expected.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
        found = any(re.fullmatch(rf"\s*{pattern}\s*", heard) for heard in rest)
        assert found, f"{command}: no line {line!r} (in this order) in\n{said}"


@pytest.fixture
def page() -> Callable[[str], Page]:
    return Page


@pytest.fixture
def reader(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return _reader(tmp_path, tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="session")
def frozen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Freeze `double` once; tests get copies."""
    made = _reader(tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("bin")).double()
    code, said = made.run("pytest --compile specs")
    assert code == 0, said
    return made.folder


@pytest.fixture
def frozen(reader: Reader, frozen_folder: Path) -> Reader:
    """Return a reader in a project where `double` is frozen."""
    shutil.copytree(frozen_folder, reader.folder, dirs_exist_ok=True)
    return reader


def _reader(folder: Path, programs: Path) -> Reader:
    for name, arguments in PROGRAMS.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COMPILEDAI_", "OPENAI_", "COV_", "COVERAGE_"))
    }
    kept |= {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTEST_ADDOPTS": "-p no:randomly -p no:anyio -p no:hypothesispytest",
        "COLUMNS": "200",
    }
    return Reader(folder, kept)
