"""Builds a C++ candidate into a library that runs nothing when it is opened and keeps nothing.

A worker opens the library before its wall stands, so the library may hold no code that an opening
would run: no initialiser, no indirect function, no library beyond the mathematics. What it could
remember an earlier call by is refused as well: writable data, and functions of others that have
state, such as a clock or a generator. All of that is read from the finished file.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import run
from pytest_compiledai.kernels.policy import policy

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
    # What an earlier call left on the stack is no input: a variable that is read unwritten is huge.
    "-ftrivial-auto-var-init=pattern",
    "-fstack-usage",
    "-Wl,--build-id=none",
    "-Wl,-z,now",
)
MARCH = "x86-64-v3"
#: Behaviour that the language leaves undefined ends the process, with no library of a sanitizer's.
TRAPS: Sequence[str] = (
    "-fsanitize=undefined",
    "-fno-sanitize=vptr",
    "-fsanitize-undefined-trap-on-error",
)
_TIMEOUT_S = 60.0
_NEEDED = {"libm.so.6", "libc.so.6", "libstdc++.so.6", "libgcc_s.so.1"}
_RUNS_ON_OPENING = re.compile(r"\((INIT|INIT_ARRAY|PREINIT_ARRAY|FINI|FINI_ARRAY)\)|IRELATIV")
#: Sections of data that can be written and so outlive a call; the linker's own tables do not count.
_STATE = re.compile(
    r"\] (\.(?!data\.rel\.ro)(?:data|bss|tdata|tbss)\S*) +[A-Z]+ +[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+)"
)
_IMPORTED = re.compile(r" UND ([\w.]+)")
#: Larger tables are scratch, which the candidate's head names.
_MOST_FRAMES = 64 << 10
#: Libraries of this process and the bytes of their frames, by source, machine and flags: gates ask
#: for the same one.
_BUILT: dict[tuple[str, ...], tuple[bytes, int]] = {}
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


class NotBuiltError(Exception):
    """A source is not C++ for this machine; the text quotes the compiler."""


def compiler() -> str:
    """Return the path of the C++ compiler; raises ``ToolError``."""
    return tool("g++", "a C++ compiler")


def build(source: str, folder: Path, *, march: str = MARCH, flags: Sequence[str] = ()) -> Path:
    """Return the library of ``source``; raises ``NotBuiltError`` or ``ToolError``.

    ``flags`` are added to the usual ones, ``TRAPS`` for one.
    """
    (folder / "kernel.cpp").write_text(source, encoding="utf-8", newline="\n")
    library = folder / ("kernel.checked.so" if flags else "kernel.so")
    key = (source, march, *flags)
    if key in _BUILT:
        return _written(library, *_BUILT[key])
    machine = [f"-march={march}"] if march else []
    argv = [compiler(), *FLAGS, *machine, *flags, "kernel.cpp", "-o", library.name, "-lm"]
    ran = run(argv, cwd=folder, env=ENVIRONMENT, timeout_s=_TIMEOUT_S, output_cap=1 << 20)
    if ran.code != 0:
        raise NotBuiltError(_first_error(ran.err.decode("utf-8", "replace")))
    _check(library)
    _BUILT[key] = library.read_bytes(), _frames(folder)
    return _written(library, *_BUILT[key])


def _written(library: Path, data: bytes, frames: int) -> Path:
    """Write a library, and beside it how deep its functions' frames reach together."""
    library.write_bytes(data)
    library.with_suffix(".frames").write_text(str(frames), encoding="ascii")
    return library


def _frames(folder: Path) -> int:
    """Return the bytes of all frames of the library built here; raises ``NotBuiltError``."""
    found = 0
    for path in folder.glob("*.su"):
        for line in path.read_text(encoding="utf-8").splitlines():
            _, size, kind = line.rsplit("\t", 2)
            if kind == "dynamic":
                raise NotBuiltError("an array whose size is known when it runs; expected scratch")
            found += int(size)
        path.unlink()
    if found > _MOST_FRAMES:
        raise NotBuiltError(f"{found} bytes of local arrays; expected {_MOST_FRAMES}, or scratch")
    return found


def _check(library: Path) -> None:
    argv = [tool("readelf", "binutils"), "-d", "-r", "-S", "--dyn-syms", "-W", library.name]
    ran = run(argv, cwd=library.parent, env=ENVIRONMENT, timeout_s=_TIMEOUT_S)
    text = ran.out.decode("utf-8", "replace")
    if ran.code != 0 or "Dynamic section" not in text:
        raise ToolError(where="readelf", found="no dynamic section", expected="a shared library")
    if runs := _RUNS_ON_OPENING.search(text):
        raise NotBuiltError(f"code that runs when the library is opened: {runs[0]}")
    needed = set(re.findall(r"\(NEEDED\)[^\[]*\[([^\]]+)\]", text))
    if more := sorted(needed - _NEEDED):
        raise NotBuiltError(f"the library {more[0]}, beyond C and mathematics")
    allowed = set(policy()["c"]["symbols"])
    if more := sorted(set(_IMPORTED.findall(text)) - allowed):
        raise NotBuiltError(f"the function {more[0]} of another library; expected mathematics")
    for section, size in _STATE.findall(text):
        if int(size, 16):
            raise NotBuiltError(f"{int(size, 16)} bytes in {section}, which outlive a call")


def _first_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line]
    return (lines or text.splitlines() or ["no word of the compiler"])[0][:300]


def tool(name: str, what: str) -> str:
    """Return the path of a program; raises ``ToolError``."""
    found = shutil.which(name, path=ENVIRONMENT["PATH"])
    if found is None:
        raise ToolError(
            where=name,
            found="no such program",
            expected=what,
            next="install g++ and binutils, or leave the target cpu out",
        )
    return found
