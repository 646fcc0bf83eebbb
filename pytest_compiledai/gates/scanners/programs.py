"""Where the analysers are, and in which versions."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from pytest_compiledai.core.interpreter import installed

TOOLS = ("bandit", "hypothesis", "mypy", "ruff", "semgrep")


def find(name: str) -> str | None:
    """Return the path of the program ``name``, or ``None``.

    Looked for in ``COMPILEDAI_<NAME>``, next to the interpreter, then on PATH.
    """
    wanted = os.environ.get(f"COMPILEDAI_{name.upper()}")
    if wanted:
        return wanted
    beside = [Path(sys.executable).parent, installed("scripts")]
    for folder in beside:
        found = shutil.which(name, path=folder)
        if found:
            return found
    return shutil.which(name)


def versions() -> dict[str, str]:
    """Return the installed version of each analyser, ``missing`` where there is none."""
    return {name: version_of(name) for name in TOOLS}


def version_of(name: str) -> str:
    """Return the installed version of a package; `outside` for a program alone, else `missing`."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "outside" if find(name) else "missing"
