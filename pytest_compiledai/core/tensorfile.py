"""Looks at a safetensors file without loading it: is it what the format allows, and no more.

What a frozen package reads by itself is ``core/tensors.py``, which imports nothing of ours.
Format: https://huggingface.co/docs/safetensors (8 bytes of header length, JSON header, data).
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.strictjson import read_json

HEADER_CAP: Final = 8 << 20  # bytes
LENGTH: Final = 8  # bytes before the header
METADATA: Final = "__metadata__"
_BY_WIDTH: Final = {
    8: ("F64", "I64", "U64"),
    4: ("F32", "I32", "U32"),
    2: ("F16", "BF16", "I16", "U16"),
    1: ("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"),
}
#: Bytes of one number of each type.
WIDTHS: Final = {name: width for width, names in _BY_WIDTH.items() for name in names}


class BadTensors(ValueError):
    """A file that is not safetensors, or that holds more than its tensors."""


def header(data: bytes, *, types: Collection[str] = WIDTHS) -> dict[str, Any]:
    """Return the header of a safetensors file, every byte of which it accounts for.

    Raises ``BadTensors`` for tensors that overlap, leave a gap, or have a type beyond ``types``.
    """
    end = LENGTH + _length(data[:LENGTH], len(data))
    return _header(data[LENGTH:end], len(data) - end, types)


def header_of(path: Path) -> dict[str, Any]:
    """Return the header of a file whose tensors are left on the disk. Raises as ``header`` does."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = _length(file.read(LENGTH), size)
        return _header(file.read(length), size - LENGTH - length, WIDTHS)


def _length(start: bytes, size: int) -> int:
    length = int.from_bytes(start, "little")
    if len(start) < LENGTH or not 0 < length <= min(HEADER_CAP, size - LENGTH):
        raise BadTensors(f"found a header of {length} bytes in {size}; expected it inside")
    return length


def _header(text: bytes, size: int, types: Collection[str]) -> dict[str, Any]:
    """Return the value of ``text`` where its tensors fill ``size`` bytes."""
    try:
        value = read_json(text.decode("utf-8"))
    except ValueError as error:
        raise BadTensors(f"found a header that is no JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadTensors("found a header that is no mapping; expected tensors by name")
    if all(name == METADATA for name in value):
        raise BadTensors("found no tensor; expected at least one")
    end = 0
    for start, stop, name in sorted(_extents(value, types)):
        if start != end:
            raise BadTensors(f"{name}: found data at {start}; expected it at {end}, no gap")
        end = stop
    if end != size:
        raise BadTensors(f"found {size} bytes of tensors; expected {end}")
    return value


def _extents(value: dict[str, Any], types: Collection[str]) -> Iterator[tuple[int, int, str]]:
    for name, facts in value.items():
        if name == METADATA:
            if not isinstance(facts, dict) or not all(isinstance(v, str) for v in facts.values()):
                raise BadTensors("found metadata that is no mapping of texts")
            continue
        if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
            raise BadTensors(f"{name}: found other facts; expected dtype, shape, data_offsets")
        dtype, shape, ends = facts["dtype"], facts["shape"], facts["data_offsets"]
        if not isinstance(dtype, str) or dtype not in types:
            raise BadTensors(f"{name}: found {dtype!r}; expected {', '.join(types)}"[:300])
        if not _is_whole(shape) or not _is_whole(ends) or len(ends) != 2:  # noqa: PLR2004 - two ends
            raise BadTensors(f"{name}: found no shape and extent of whole numbers")
        taken = ends[1] - ends[0]
        if taken != _taken(shape, WIDTHS[dtype], most=taken):
            raise BadTensors(f"{name}: found {taken} bytes; expected them of its shape")
        yield ends[0], ends[1], name


def _is_whole(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _taken(shape: list[int], width: int, *, most: int) -> int:
    """Return the bytes of a shape; beyond ``most`` any number beyond it."""
    if 0 in shape:
        return 0
    total = width
    for axis in shape:
        total *= axis
        if total > most:  # a long list of long numbers would take minutes
            break
    return total
