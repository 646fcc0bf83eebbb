"""A small flow that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_compiledai.assets import asset
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec

CORPUS = asset("gates", "dialogue", "corpus")
TABLE = (CORPUS / "table.yaml").read_text(encoding="utf-8")


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
