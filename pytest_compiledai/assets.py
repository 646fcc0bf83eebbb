"""Where the data folders of the gates are, in a wheel, an sdist and an editable install."""

from __future__ import annotations

from pathlib import Path

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.canonical import text_digest
from pytest_compiledai.core.errors import ToolError

_PACKAGE = Path(__file__).resolve().parent
# A wheel carries the folders inside the package; a checkout has them beside it.
_ROOTS = (_PACKAGE / "_assets", _PACKAGE.parent)


def asset(*parts: str) -> Path:
    """Return the path of a data file or folder, for example ``asset("gates", "security")``.

    Raises ``ToolError`` when no installed copy has it.
    """
    for root in _ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ToolError(
        where="/".join(parts),
        found="no such data file in the installed package",
        expected="the folder that the package ships",
        next="pip install --force-reinstall pytest-compiledai",
    )


def assets_digest(folder: Path) -> str:
    """Return one digest over all files below ``folder``: their sorted POSIX paths and LF text."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return digest_of([[name, text_digest(_text(path))] for name, path in files])


def _text(path: Path) -> str:
    # Corpus samples hold bytes that are no UTF-8 on purpose; each byte keeps its own character.
    return path.read_bytes().decode("latin-1")
