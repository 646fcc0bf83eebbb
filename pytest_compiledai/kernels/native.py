"""Builds a C++ candidate into a library that runs nothing when it is opened.

A worker opens the library before its wall stands, so the library may hold no code that an opening
would run: no initialiser, no indirect function, no library beyond the mathematics. That is read
from the finished file.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run

#: ``-ffp-contract=off``: what is multiplied and added is rounded twice, here and elsewhere.
FLAGS: Sequence[str] = (
    "-std=c++17",
    "-O3",
    "-shared",
    "-fPIC",
    "-ffp-contract=off",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-stack-protector",
    "-nostartfiles",
    "-Wl,--build-id=none",
    "-Wl,-z,now",
)
_TIMEOUT_S = 60.0
_NEEDED = {"libm.so.6", "libc.so.6", "libstdc++.so.6", "libgcc_s.so.1"}
_RUNS_ON_OPENING = re.compile(r"\((INIT|INIT_ARRAY|PREINIT_ARRAY|FINI|FINI_ARRAY)\)|IRELATIV")
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


class NotBuiltError(Exception):
    """A source is not C++ for this machine; the text quotes the compiler."""


def compiler() -> str:
    """Return the path of the C++ compiler; raises ``ToolError``."""
    return _tool("g++", "a C++ compiler")


def build(source: str, folder: Path, *, march: str = "x86-64-v3") -> Path:
    """Return the library of ``source``; raises ``NotBuiltError`` or ``ToolError``."""
    (folder / "kernel.cpp").write_text(source, encoding="utf-8", newline="\n")
    library = folder / "kernel.so"
    machine = [f"-march={march}"] if march else []
    argv = [compiler(), *FLAGS, *machine, "kernel.cpp", "-o", library.name, "-lm"]
    ran = run(argv, cwd=folder, env=_ENVIRONMENT, timeout_s=_TIMEOUT_S, output_cap=1 << 20)
    if ran.code != 0:
        raise NotBuiltError(_first_error(ran.err.decode("utf-8", "replace")))
    _check(library)
    return library


def _check(library: Path) -> None:
    argv = [_tool("readelf", "binutils"), "-d", "-r", "-W", library.name]
    ran = run(argv, cwd=library.parent, env=_ENVIRONMENT, timeout_s=_TIMEOUT_S)
    text = ran.out.decode("utf-8", "replace")
    if ran.code != 0 or "Dynamic section" not in text:
        raise ToolError(where="readelf", found="no dynamic section", expected="a shared library")
    if runs := _RUNS_ON_OPENING.search(text):
        raise NotBuiltError(f"code that runs when the library is opened: {runs[0]}")
    needed = set(re.findall(r"\(NEEDED\)[^\[]*\[([^\]]+)\]", text))
    if more := sorted(needed - _NEEDED):
        raise NotBuiltError(f"the library {more[0]}, beyond C and mathematics")


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line]
    return (lines or text.splitlines() or ["no word of the compiler"])[0][:300]


def _tool(name: str, what: str) -> str:
    found = shutil.which(name, path=_ENVIRONMENT["PATH"])
    if found is None:
        raise ToolError(
            where=name,
            found="no such program",
            expected=what,
            next="install g++ and binutils, or leave the target cpu out",
        )
    return found
