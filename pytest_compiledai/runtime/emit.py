"""The bytes of ``compiled/__init__.py``."""

from __future__ import annotations

from importlib import resources

from pytest_compiledai.core.canonical import digest

#: Its path below the out folder.
LOADER_PATH = "__init__.py"


def loader_bytes() -> bytes:
    """Return the text of this version's loader, with LF line ends."""
    text = resources.files("pytest_compiledai.runtime").joinpath("loader.py").read_bytes()
    return text.replace(b"\r\n", b"\n")


def loader_digest() -> str:
    """Return the SHA-256 of this version's loader: one on disk with another is out of date."""
    return digest(loader_bytes())
