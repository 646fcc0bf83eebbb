"""Matrices of 32-bit floats as safetensors, written and read with the standard library.

Only F32 is written and read; every other dtype, a gap or an overlap is refused.
Format: https://huggingface.co/docs/safetensors (8 bytes of header length, JSON header, data).
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from typing import Final

from pytest_compiledai.core.strictjson import read_json

MOST_HEADER: Final = 100_000  # bytes; ours has one line a key
_LENGTH: Final = 8  # bytes that hold the header's length
_FLOAT: Final = 4  # bytes

Matrix = Sequence[Sequence[float]]  # [rows, dimensions]


def write_matrices(matrices: Mapping[str, Matrix], dimensions: int) -> bytes:
    """Return the file's bytes; equal matrices give equal bytes."""
    header: dict[str, Any] = {}
    data = bytearray()
    for name in sorted(matrices):
        flat = array("f", (value for row in matrices[name] for value in row))
        if sys.byteorder == "big":
            flat.byteswap()
        begin = len(data)
        data += flat.tobytes()
        shape = [len(matrices[name]), dimensions]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode("ascii")
    text += b" " * (-len(text) % _LENGTH)
    return len(text).to_bytes(_LENGTH, "little") + text + bytes(data)


def read_matrices(data: bytes) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Return the matrices by name. Raises ``ValueError`` for anything but what we write."""
    length = int.from_bytes(data[:_LENGTH], "little")
    if len(data) < _LENGTH or not 0 < length <= min(MOST_HEADER, len(data) - _LENGTH):
        raise ValueError(f"a header of {length} bytes in a file of {len(data)}")
    header = read_json(data[_LENGTH : _LENGTH + length].decode("ascii"))
    body = data[_LENGTH + length :]
    if not isinstance(header, dict) or not header:
        raise ValueError("a header without matrices")
    spans = [(0, 0), *sorted(_span(name, entry) for name, entry in header.items())]
    if any(before[1] != after[0] for before, after in pairwise(spans)) or spans[-1][1] != len(body):
        raise ValueError("data with a gap, an overlap or an end of its own")
    return {name: _matrix(entry, body) for name, entry in header.items()}


def _span(name: str, entry: Any) -> tuple[int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name}: other keys than dtype, shape, data_offsets")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list):
        raise ValueError(f"{name}: a shape or offsets that are no list")  # noqa: TRY004 - as below
    whole = all(type(n) is int and n >= 0 for n in (*shape, *offsets))
    if entry["dtype"] != "F32" or len(shape) != 2 or len(offsets) != 2 or not whole:  # noqa: PLR2004 - rows and columns, begin and end
        raise ValueError(f"{name}: other than a matrix of F32")
    if offsets[1] - offsets[0] != shape[0] * shape[1] * _FLOAT:
        raise ValueError(f"{name}: {offsets[1] - offsets[0]} bytes for the shape {shape}")
    return offsets[0], offsets[1]


def _matrix(entry: Mapping[str, Any], body: bytes) -> tuple[tuple[float, ...], ...]:
    flat = array("f")
    flat.frombytes(body[slice(*entry["data_offsets"])])
    if sys.byteorder == "big":
        flat.byteswap()
    rows, width = entry["shape"]
    return tuple(tuple(flat[row * width : (row + 1) * width]) for row in range(rows))
