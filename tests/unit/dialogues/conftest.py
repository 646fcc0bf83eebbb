"""A small flow that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_compiledai.assets import asset
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec
from pytest_compiledai.dialogues.weights import child
from tests.unit.dialogues.torch_process import TorchProcess

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


@pytest.fixture(scope="session")
def torch_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchProcess]:
    """The process that answers where a test does not ask for one of its own."""
    made = TorchProcess(tmp_path_factory.mktemp("torch"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def one_process(torch_process: TorchProcess) -> Iterator[None]:
    """Let one process do all jobs of a module; that each has its own is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "run_module", torch_process.run_module)
        yield
