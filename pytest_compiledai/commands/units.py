"""Finds the spec and the entry of a unit for a command that runs beside pytest."""

from __future__ import annotations

from pathlib import Path

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.functions.spec import read_function_spec


def spec_of(root: Path, path: str, name: str) -> FunctionSpec:
    """Return the spec of a unit in the file ``path``. Raises ``SpecError`` or ``SettingsError``."""
    for document in read_documents((root / path).read_bytes(), path):
        if document.data.get("name") == name:
            # A command judges nothing: what a unit asks for is granted to read it.
            asked = frozenset(document.data.get("capabilities", []))
            return read_function_spec(document, Project(root=root, grants={name: asked}))
    raise SettingsError(
        where=path, found=f"no spec of {name}", expected="one", next=f"pytest --compile {path}"
    )


def lock_of(root: Path, out: Path) -> Path:
    """Return the path of the lock beside the out folder ``out``, which is relative to the root."""
    return (root / out).parent / "compiledai.lock"


def entry_of(lock: Path, name: str) -> Entry:
    """Return the entry of a unit. Raises ``SettingsError`` where the lock has none."""
    data = read_lock_file(lock, lock.name)
    entries = read_lock(data, lock.name).lock.entries if data else {}
    if name not in entries:
        raise SettingsError(
            where=lock.name,
            found=f"no entry of {name}",
            expected="a unit that was compiled",
            next="pytest --compile specs/",
        )
    return entries[name]
