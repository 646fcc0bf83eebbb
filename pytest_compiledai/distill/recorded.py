"""The digest of a folder of recorded answers."""

from __future__ import annotations

from pathlib import Path

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.canonical import text_digest


def answers_digest(folder: Path) -> str:
    """Return the digest of a folder's files, names and bytes; "" where it holds none."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return ""
    found = {path.name: text_digest(path.read_text(encoding="utf-8")) for path in files}
    return digest_of(found) if found else ""
