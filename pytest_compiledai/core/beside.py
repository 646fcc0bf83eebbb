"""Files that a spec names: relative to it, inside the project, an error at its line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.golden import FILE_CAP
from pytest_compiledai.core.paths import read_regular

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project


def beside(document: Document, project: Project, key: str, relative: str) -> str:
    """Return the POSIX path below the root of a file named relative to the spec.

    Raises ``SpecError`` for a path that leads out of the project.
    """
    path = (project.root / document.path).parent / relative
    resolved = path.resolve()
    if Path(relative).is_absolute() or not resolved.is_relative_to(project.root):
        raise SpecError(
            where=document.place(key),
            found=relative,
            expected="a path relative to the spec, inside the project",
        )
    return resolved.relative_to(project.root).as_posix()


def read_beside(document: Document, project: Project, key: str, path: str) -> bytes:
    """Return the bytes of a file below the root; raises ``SpecError`` where it cannot be read."""
    try:
        return read_regular(project.root / path, cap=FILE_CAP)
    except OSError as error:
        raise SpecError(
            where=document.place(key),
            found=f"{path}: {(error.strerror or str(error)).lower()}",
            expected="a file that can be read",
            next=f"write that file, or mend `{key}:`",
        ) from error
