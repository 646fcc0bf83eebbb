"""The image of the running interpreter: made offline from its own files, with no registry.

The tag is the digest of the tar, which holds no time: the same interpreter gives the same image.
An engine that has it is not asked to take it in again. A label says from which files it was made,
so that an unchanged interpreter is not even packed again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import re
import struct
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.interpreter import installed
from pytest_compiledai.core.process import run

REPOSITORY: Final = "compiledai-sandbox"
LABEL: Final = "compiledai.inputs"
#: Names in the library that no generated code is granted, or that serve only to build with.
_LEFT_OUT: Final = re.compile(
    r"__pycache__|site-packages|dist-packages|tests?|idle(lib|_test)|turtle(demo|\.py)|ensurepip"
    r"|lib2to3|pydoc_data|config-.*|.*\.a|_?tkinter(\..*)?|_(xx)?test.*|_ctypes_test.*|posix|right"
)
_ZONES: Final = Path("/usr/share/zoneinfo")
_LOCALES: Final = Path("/usr/lib/locale")
_LIBRARIES: Final = Path("/etc/ld.so.cache")  # where the loader finds what is linked
_LINKED: Final = re.compile(r"(?:=> |^\s+)(/\S+) \(0x", re.MULTILINE)  # a line of ldd
_LDD_S: Final = 60.0
_PYC_HEAD: Final = struct.Struct("<4sIII")  # magic, flags, modification time, size of the source


def ensure_image(client: Any) -> str:
    """Return the name of the running interpreter's image, made in the engine where it lacks it."""
    files = _files()
    label = f"{LABEL}={_fingerprint(files)}"
    known = client.images.list(name=REPOSITORY, filters={"label": label})
    tags = sorted(tag for image in known for tag in image.tags)
    if tags:
        return str(tags[0])
    with tempfile.NamedTemporaryFile(prefix="compiledai-", suffix=".tar") as tar:
        name = f"{REPOSITORY}:{_pack(tar.name, files)}"
        if not client.images.list(name=name):
            repository, _, tag = name.partition(":")
            client.api.import_image_from_file(
                tar.name, repository=repository, tag=tag, changes=[f"LABEL {label}"]
            )
    return name


def interpreter() -> Path:
    """Return the real file of the running interpreter; its image has it at the same place."""
    return Path(os.path.realpath(sys.executable))


def _files() -> list[Path]:
    """Return the interpreter, its library, time zones and locales; not the shared libraries."""
    library = {installed(name).resolve() for name in ("stdlib", "platstdlib")}
    found = [interpreter(), _LIBRARIES]
    for folder in (*sorted(library), _ZONES, _LOCALES):
        for here, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not _LEFT_OUT.fullmatch(name))
            found += [Path(here, name) for name in sorted(names) if not _LEFT_OUT.fullmatch(name)]
    return [path for path in found if path.is_file()]


def _fingerprint(files: Sequence[Path]) -> str:
    """Return a digest of the names, sizes and times of ``files``; nothing is read."""
    parts = [
        (str(path), stat.st_size, stat.st_mtime_ns) for path in files for stat in [path.stat()]
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _pack(target: str, files: Sequence[Path]) -> str:
    """Write the tar and return its digest."""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted({*files, *_shared(files)}):
            _add(tar, path, path.read_bytes(), executable=os.access(path, os.X_OK))
            if path.suffix == ".py" and (compiled := _compiled(path)) is not None:
                _add(tar, *compiled, executable=False)
    with Path(target).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, path: Path, data: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(str(path).lstrip("/"))
    entry.size, entry.mode = len(data), 0o755 if executable else 0o644
    tar.addfile(entry, io.BytesIO(data))  # the time and the owner of an entry are 0 from the start


def _compiled(path: Path) -> tuple[Path, bytes] | None:
    """Return the compiled form that belongs to a source file, for the time that the tar gives it.

    One that this interpreter would not use itself is left out, and the zygote compiles anew.
    """
    cached = Path(importlib.util.cache_from_source(str(path)))
    stat = path.stat()
    fits = _PYC_HEAD.pack(importlib.util.MAGIC_NUMBER, 0, int(stat.st_mtime), stat.st_size)
    try:
        data = cached.read_bytes()
    except OSError:
        return None
    if not data.startswith(fits):
        return None
    head = _PYC_HEAD.pack(importlib.util.MAGIC_NUMBER, 0, 0, stat.st_size)
    return cached, head + data[len(head) :]


def _shared(files: Sequence[Path]) -> set[Path]:
    """Return the shared libraries that the interpreter and its extension modules are linked with.

    Raises ``SandboxError`` where ``ldd`` cannot tell.
    """
    modules = [str(path) for path in files if path.suffix == ".so"]
    argv = ["ldd", str(interpreter()), *modules]
    try:
        ran = run(argv, cwd=Path("/"), env=dict(os.environ), timeout_s=_LDD_S)
    except ToolError as error:
        raise SandboxError(
            where="docker sandbox",
            found=f"no list of the interpreter's libraries: {error.found}",
            expected="the command ldd, which names them",
            next="install ldd (package libc-bin), or run with --compile-sandbox native",
        ) from error
    return {Path(name) for name in _LINKED.findall(ran.out.decode())}
