"""Many recordings in one file: a gzip text with one exchange a line, each under its file's name.

Thousands of exchanges fit a few megabytes, and packs of several people are merged by joining them:
`cat a.pack b.pack > all.pack` is a pack. A recording that also lies in the folder as a file of its
own is newer than its packed copy and stands for it. Whatever a pack holds is checked like a file.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.llm.listing import NAME
from pytest_compiledai.llm.listing import listing

MOST_BYTES: Final = 256 << 20  # of one pack on disk
MOST_TEXT: Final = 1 << 30  # of what packs of one folder hold


class _Packs(NamedTuple):
    facts: tuple[tuple[str, int, int], ...]  # name, time of change and size of each pack
    lines: Mapping[str, bytes]  # name of a recording's file -> its JSON
    names: Mapping[str, tuple[str, ...]]  # request key -> names in order


_NOTHING: Final = _Packs((), {}, {})
_known: dict[str, _Packs] = {}


def packed(folder: Path) -> Mapping[str, bytes]:
    """Return name of a recording's file -> its JSON, of all packs in ``folder``.

    Raises ``ModelError`` for a pack that cannot be read, and for two that answer one request
    differently for one model.
    """
    return _of(folder).lines


def packed_names(folder: Path, key: str) -> tuple[str, ...]:
    """Return the names under which packs hold replies to a request; raises as ``packed``."""
    return _of(folder).names.get(key, ())


def _of(folder: Path) -> _Packs:
    """Return what the packs of a folder hold, read once as long as none of them changes."""
    paths = _paths(folder)
    if not paths:
        return _NOTHING
    facts = tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    known = _known.get(str(folder))
    if known is None or known.facts != facts:
        lines = _merged(paths)
        names: dict[str, tuple[str, ...]] = {}
        for name in sorted(lines):
            key = name.partition(".")[0]
            names[key] = (*names.get(key, ()), name)
        known = _known[str(folder)] = _Packs(facts, lines, names)
    return known


def _merged(paths: Sequence[Path]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in paths:
        lines = _read(path)
        for name in found.keys() & lines.keys():
            if found[name] != lines[name]:
                raise _fault(path, f"another answer than a pack before it for {name[:16]}")
        found |= lines
    return found


def pack(folder: Path, into: Path) -> list[Path]:
    """Write the recordings of ``folder``, packed ones among them, into one pack.

    Returns the files that are in it now. Equal recordings make equal bytes. Raises ``ModelError``
    when there is nothing to pack, or a file that is no recording under its name.
    """
    files = [path for path in sorted(folder.glob("*.json")) if NAME.fullmatch(path.name)]
    lines = {**packed(folder), **{path.name: _compact(path) for path in files}}
    if not lines:
        raise ModelError(
            where=folder.name,
            found="no recording",
            expected="files as a compile writes them",
            next="pytest --compile --compile-model NAME specs/",
        )
    text = b"".join(b"%s\t%s\n" % (name.encode(), lines[name]) for name in sorted(lines))
    atomic_write(into, gzip.compress(text, 9, mtime=0))
    return [*files, *(path for path in _paths(folder) if path != into)]


def unpack(folder: Path) -> list[Path]:
    """Write each packed recording as a file of its own, where none lies; return the new files."""
    made = []
    for name, data in sorted(packed(folder).items()):
        path = folder / name
        if not path.exists():
            text = json.dumps(read_json(data.decode("utf-8")), ensure_ascii=False, indent=1)
            atomic_write(path, f"{text}\n".encode())
            made.append(path)
    return made


def _paths(folder: Path) -> list[Path]:
    return [folder / name for name in listing(folder).packs]


def _compact(path: Path) -> bytes:
    try:
        value = read_json(read_regular(path, cap=MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise _fault(path, f"{error}") from None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _read(path: Path) -> dict[str, bytes]:
    try:
        text = _inflated(read_regular(path, cap=MOST_BYTES))
        return dict(_entries(text))
    except (OSError, ValueError, zlib.error) as error:
        raise _fault(path, f"{error}") from None


def _inflated(data: bytes) -> bytes:
    """Return what all members of a gzip file hold, up to a cap that no flood gets past."""
    found = bytearray()
    while data:
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        found += stream.decompress(data, MOST_TEXT + 1 - len(found))
        if len(found) > MOST_TEXT:
            raise ValueError(f"more than {MOST_TEXT} bytes")
        if not stream.eof:
            raise ValueError("a file that ends too early")
        data = stream.unused_data
    return bytes(found)


def _entries(text: bytes) -> Iterator[tuple[str, bytes]]:
    seen: dict[bytes, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, tab, data = line.partition(b"\t")
        if not tab or not NAME.fullmatch(name.decode("utf-8", "replace")):
            raise ValueError(f"line {number}: no recording under a name of one")
        if seen.setdefault(name, data) != data:
            raise ValueError(f"line {number}: another answer than before for {name[:16].decode()}")
        yield name.decode(), data


def _fault(path: Path, found: str) -> ModelError:
    return ModelError(
        where=f"{path.parent.name}/{path.name}",
        found=found,
        expected="recordings as `compiledai recordings pack` writes them",
        next=f"git checkout -- {path.name} in that folder, or take the file away",
    )
