"""The bytes of ``compiled/__init__.py``."""

from __future__ import annotations

from importlib import resources

from pytest_compiledai.core.canonical import digest

#: Its path below the out folder.
LOADER_PATH = "__init__.py"

#: What the loader imports while it is a module of this package, and what takes its place.
_IMPORT = b"from pytest_compiledai.runtime.signature import "
_SPLICED = b"# From here on this text is spliced into compiled/__init__.py.\n"


def loader_bytes() -> bytes:
    """Return the text of this version's loader, with LF line ends: one file, needing no other."""
    lines = _text("loader.py").splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(_IMPORT))
    rest = [line for line in lines[at:] if not line.startswith(_IMPORT)]
    signature = _text("signature.py").partition(_SPLICED)[2]
    return b"".join([*lines[:at], *rest, b"\n\n", signature])


def loader_digest() -> str:
    """Return the SHA-256 of this version's loader: one on disk with another is out of date."""
    return digest(loader_bytes())


def _text(name: str) -> bytes:
    data = resources.files("pytest_compiledai.runtime").joinpath(name).read_bytes()
    return data.replace(b"\r\n", b"\n")
