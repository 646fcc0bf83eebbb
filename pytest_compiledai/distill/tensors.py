"""Matrices of 32-bit floats as safetensors, written and read with the standard library.

Only F32 is written and read; every other dtype is refused.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.core.tensorfile import LENGTH
from pytest_compiledai.core.tensorfile import METADATA
from pytest_compiledai.core.tensorfile import header

MOST_HEADER: Final = 100_000  # bytes; ours has one line a key

Matrix = Sequence[Sequence[float]]  # [rows, dimensions]


def write_matrices(matrices: Mapping[str, Matrix], dimensions: int) -> bytes:
    """Return the file's bytes; equal matrices give equal bytes."""
    entries: dict[str, Any] = {}
    data = bytearray()
    for name in sorted(matrices):
        flat = array("f", (value for row in matrices[name] for value in row))
        if sys.byteorder == "big":
            flat.byteswap()
        begin = len(data)
        data += flat.tobytes()
        shape = [len(matrices[name]), dimensions]
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(entries, separators=(",", ":"), sort_keys=True).encode("ascii")
    text += b" " * (-len(text) % LENGTH)
    return len(text).to_bytes(LENGTH, "little") + text + bytes(data)


def read_matrices(data: bytes) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Return the matrices by name. Raises ``ValueError`` for anything but what we write."""
    entries = header(data, types=("F32",))
    length = int.from_bytes(data[:LENGTH], "little")
    if length > MOST_HEADER:
        raise ValueError(f"a header of {length} bytes; at most {MOST_HEADER} are ours")
    if any(name == METADATA or len(entry["shape"]) != 2 for name, entry in entries.items()):  # noqa: PLR2004 - rows and columns
        raise ValueError("other than matrices")
    body = data[LENGTH + length :]
    return {name: _matrix(entry, body) for name, entry in entries.items()}


def _matrix(entry: Mapping[str, Any], body: bytes) -> tuple[tuple[float, ...], ...]:
    flat = array("f")
    flat.frombytes(body[slice(*entry["data_offsets"])])
    if sys.byteorder == "big":
        flat.byteswap()
    rows, width = entry["shape"]
    return tuple(tuple(flat[row * width : (row + 1) * width]) for row in range(rows))
