"""Finds the spec of a unit for a command that runs beside pytest."""

from __future__ import annotations

from pathlib import Path

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.functions.spec import read_function_spec


def spec_of(root: Path, path: str, name: str) -> FunctionSpec:
    """Return the spec of a unit in the file ``path``. Raises ``SpecError`` or ``SettingsError``."""
    for document in read_documents((root / path).read_bytes(), path):
        if document.data.get("name") == name:
            # A command judges nothing: what a unit asks for is granted to read it.
            asked = frozenset(document.data.get("capabilities", []))
            return read_function_spec(document, Project(root=root, grants={name: asked}))
    raise SettingsError(where=path, found=f"no spec of {name}", expected="one")
