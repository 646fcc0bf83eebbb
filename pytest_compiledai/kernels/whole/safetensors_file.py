"""The header of a safetensors file, looked over without the package that reads it."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

_BY_WIDTH: Final = {
    8: ("F64", "I64", "U64"),
    4: ("F32", "I32", "U32"),
    2: ("F16", "BF16", "I16", "U16"),
    1: ("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"),
}
_WIDTHS: Final = {name: width for width, names in _BY_WIDTH.items() for name in names}
_HEADER_CAP: Final = 100_000_000  # bytes, as the format states
_LENGTH: Final = 8


def header_faults(path: Path) -> Iterator[str]:
    """Yield what is wrong: a long header, an unknown type, tensors that overlap or leave gaps."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_LENGTH)
        length = struct.unpack("<Q", start)[0] if len(start) == _LENGTH else -1
        if not 0 < length <= min(_HEADER_CAP, size - _LENGTH):
            yield f"found a header of {length} bytes; expected one inside the file"
            return
        text = file.read(length)
    try:
        header = json.loads(text)
        tensors = {name: value for name, value in header.items() if name != "__metadata__"}
        yield from _tensor_faults(tensors, size - _LENGTH - length)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"found {type(error).__name__} in the header; expected tensors by name"


def _tensor_faults(tensors: Mapping[str, Any], size: int) -> Iterator[str]:
    end = 0
    for name, value in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = value["data_offsets"]
        if value["dtype"] not in _WIDTHS:
            yield f"{name}: found the type {value['dtype']!r}; expected one of {', '.join(_WIDTHS)}"
            continue
        if first != end:
            yield f"{name}: found bytes from {first}; expected {end}: no overlap and no gap"
        if last - first != math.prod(value["shape"]) * _WIDTHS[value["dtype"]]:
            yield f"{name}: found {last - first} bytes; expected what its shape takes"
        end = last
    if end != size:
        yield f"found {size} bytes of tensors; expected {end}"
