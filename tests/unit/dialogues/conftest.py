"""A small flow that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec

TABLE = """\
compiledai: 1
kind: dialogue
name: table
description: Books a table.
start: greet
slots:
  city: {values: {boston: [beantown], dallas: []}}
  party: {pattern: "[0-9]{1,2}", number: true, examples: ["2", "12"], holdout: ["7"]}
intents:
  book: {examples: [book a table, "a table in {city}"], holdout: [reserve seats]}
  give_city: {examples: ["{city}", "in {city}"]}
  give_party: {examples: ["{party} people", "we are {party}"], holdout: ["{party} of us"]}
  quit: {examples: [stop, forget it]}
anywhere: {quit: bye}
nodes:
  greet: {say: [hello], edges: {book: check}}
  check:
    route:
      - {when: not city, to: ask_city}
      - {when: not party, to: ask_party}
      - {when: party > 8, to: human}
      - {to: done}
  ask_city: {say: [which city], edges: {give_city: check}}
  ask_party: {say: ["how many in {city}"], edges: {give_party: check}}
  done: {say: ["{party} in {city}"], terminal: success}
  human: {say: [a colleague], terminal: escalation}
  bye: {say: [bye], terminal: abandonment}
"""


def _read(text: str) -> DialogueSpec:
    """Return the spec that ``text`` states."""
    (document,) = read_documents(text.encode(), "table.yaml")
    return read_dialogue_spec(document, Project(root=Path("/nowhere")))


@pytest.fixture(scope="session")
def table() -> DialogueSpec:
    """The flow that books a table."""
    return _read(TABLE)


@pytest.fixture(scope="session")
def read() -> Callable[[str], DialogueSpec]:
    """The way to read a changed text."""
    return _read


@pytest.fixture(scope="session")
def table_text() -> str:
    """Its text, to be changed."""
    return TABLE
