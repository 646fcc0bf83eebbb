"""The bytes of ``compiled/__init__.py``."""

from __future__ import annotations

import re
from importlib import resources

#: Its path below the out folder.
LOADER_PATH = "__init__.py"

#: What the loader imports while it is a module of this package; their texts take its place.
_IMPORT = re.compile(r"^from pytest_compiledai\.(?:runtime|core)\.\w+ import \w+\n", re.MULTILINE)
_SPLICED = "# From here on this text is spliced into compiled/__init__.py.\n"
_BEFORE, _FIRST = "errors", "class Files("  # the loader's own text needs them from there on
_STANDARD = ("import ", "from collections ")
_TAILS = ("locktext", "plainfile", "serving", "asking", "sampling", "spans", "signature", "tensors")
_SHARED = "tensors"  # with the gates, which hand in what it gives


def loader_bytes() -> bytes:
    """Return the text of this version's loader, with LF line ends: one file, needing no other."""
    text = _text("loader.py")
    at = _IMPORT.search(text)
    assert at is not None
    head, rest = text[: at.start()], _IMPORT.sub("", text[at.start() :])
    imports = [line for name in (_BEFORE, *_TAILS) for line in _imports(name)]
    known = set(head.splitlines())
    more = "".join(f"{line}\n" for line in dict.fromkeys(imports) if line not in known)
    before, first, after = rest.strip("\n").partition(_FIRST)
    own = f"{head.rstrip()}\n{more}\n{before}{_spliced(_BEFORE)}\n\n{first}{after}\n"
    return "\n\n".join([own, *map(_spliced, _TAILS)]).encode()


def _spliced(name: str) -> str:
    return _text(f"{name}.py").partition(_SPLICED)[2].strip("\n") + "\n"


def _imports(name: str) -> list[str]:
    """Return the standard library that a text imports under a name of its own."""
    head = _text(f"{name}.py").partition(_SPLICED)[0]
    return [line for line in head.splitlines() if line.startswith(_STANDARD)]


def _text(name: str) -> str:
    folder = "core" if name == f"{_SHARED}.py" else "runtime"
    data = resources.files(f"pytest_compiledai.{folder}").joinpath(name).read_bytes()
    return data.decode("utf-8").replace("\r\n", "\n")
