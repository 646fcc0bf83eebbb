"""Specs, units and results as the spine's pure parts see them, made with little text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.document import Document
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Answered
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.functions.kind import FunctionKind

HEAD = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
golden: double.jsonl
"""


def rows_text(rows: int = 6) -> str:
    """Return golden rows, a third in each split."""
    splits = ("train", "validation", "test")
    return "".join(
        json.dumps(
            {"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}, "split": splits[n % 3]}
        )
        + "\n"
        for n in range(rows)
    )


@dataclass
class Specs:
    """A project's folder with one spec in ``specs/``."""

    root: Path
    grants: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def project(self) -> Project:
        return Project(root=self.root, grants=self.grants)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def document(self, more: str = "", *, head: str = HEAD) -> Document:
        """Return the spec's document, with ``more`` after the common head."""
        (document,) = read_documents(f"{head}{more}".encode(), "specs/double.yaml")
        return document

    def unit(self, more: str = "", *, head: str = HEAD) -> Unit:
        """Return the unit of the spec as the kind reads it."""
        (unit,) = FunctionKind().read(self.document(more, head=head), self.project)
        return unit


@pytest.fixture
def specs(tmp_path: Path) -> Specs:
    """Return a folder with golden rows for one spec."""
    made = Specs(tmp_path.resolve())
    made.write("specs/double.jsonl", rows_text())
    return made


@dataclass
class FakeAsking:
    """Answers by (messages, sample), or one after the other; keeps what it was asked."""

    folder: Path
    answers: list[str] = field(default_factory=list)
    live: bool = True
    model: str | None = "tester"
    recorded: Mapping[int, str] = field(default_factory=dict)  # sample -> text, for ``peek``
    asked: list[tuple[Sequence[tuple[str, str]], int]] = field(default_factory=list)
    seconds: float | None = None  # of every answer

    def ask(self, messages: Sequence[tuple[str, str]], *, sample: int) -> Answered:
        self.asked.append((messages, sample))
        return self.answered(self.answers.pop(0))

    def peek(self, messages: Sequence[tuple[str, str]], *, sample: int) -> Answered | None:
        text = self.recorded.get(sample)
        return None if text is None else self.answered(text)

    def answered(self, text: str) -> Answered:
        return Answered(text=text, model="tester", tokens_in=5, tokens_out=2, seconds=self.seconds)


@pytest.fixture
def asking(tmp_path: Path) -> FakeAsking:
    """Return a model that answers from a list."""
    return FakeAsking(tmp_path / "recordings")


def make_unit(**changes: Any) -> Unit:
    """Return a unit without a body."""
    facts: dict[str, Any] = {
        "name": "double",
        "kind": "function",
        "place": Place(path="specs/double.yaml", line=1),
        "gates": ("security", "syntax", "execution", "accuracy", "latency", "fuzz"),
        "off": (),
        "versions": ("security@1", "syntax@1"),
        "capabilities": (),
        "source": "a" * 64,
        "evidence": "b" * 64,
        "asks_model": True,
        "attempts": None,
        "candidates": 1,
        "timeout_s": 600.0,
        "body": None,
    }
    return Unit(**(facts | changes))


def make_result(**changes: Any) -> Result:
    """Return a result that was frozen."""
    facts: dict[str, Any] = {
        "unit": "double",
        "kind": "function",
        "spec": "specs/double.yaml",
        "line": 1,
        "outcome": Outcome.FROZEN,
        "gates": ("security", "accuracy"),
    }
    return Result(**(facts | changes))


@pytest.fixture
def unit_of():
    """Return the maker of units without a body."""
    return make_unit


@pytest.fixture
def result_of():
    """Return the maker of results."""
    return make_result
