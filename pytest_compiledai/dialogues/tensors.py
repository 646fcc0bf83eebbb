"""Looks at a safetensors file without loading it: is it what the format allows, and no more."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from typing import Final

from pytest_compiledai.core.strictjson import read_json

HEADER_CAP: Final = 8 << 20  # bytes
#: Bytes of one number of each type that an artifact may hold.
TYPES: Final = {"I8": 1, "U8": 1, "BF16": 2, "F16": 2, "F32": 4, "I32": 4, "I64": 8}


class BadTensors(ValueError):
    """A file that is not safetensors, or that holds more than its tensors."""


def header(data: bytes) -> dict[str, Any]:
    """Return the header of a safetensors file, every byte of which it accounts for.

    Raises ``BadTensors`` for tensors that overlap, leave a gap, or have an unknown type.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(HEADER_CAP, len(data) - 8):  # noqa: PLR2004 - the length's bytes
        raise BadTensors(f"found a header of {size} bytes in {len(data)}; expected it inside")
    try:
        value = read_json(data[8 : 8 + size].decode("utf-8"))
    except ValueError as error:
        raise BadTensors(f"found a header that is no JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise BadTensors("found a header that is no mapping; expected tensors by name")
    if all(name == "__metadata__" for name in value):
        raise BadTensors("found no tensor; expected at least one")
    end = 0
    for start, stop, name in sorted(_extents(value)):
        if start != end:
            raise BadTensors(f"{name}: found data at {start}; expected it at {end}, no gap")
        end = stop
    if end != len(data) - 8 - size:
        raise BadTensors(f"found {len(data) - 8 - size - end} bytes of no tensor; expected none")
    return value


def _extents(value: dict[str, Any]) -> Iterator[tuple[int, int, str]]:
    for name, facts in value.items():
        if name == "__metadata__":
            if not isinstance(facts, dict) or not all(isinstance(v, str) for v in facts.values()):
                raise BadTensors("found metadata that is no mapping of texts")
            continue
        if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
            raise BadTensors(f"{name}: found other facts; expected dtype, shape, data_offsets")
        dtype, shape, ends = facts["dtype"], facts["shape"], facts["data_offsets"]
        width = TYPES.get(dtype, 0) if isinstance(dtype, str) else 0
        if not width:
            raise BadTensors(f"{name}: found {facts['dtype']!r}; expected {', '.join(TYPES)}")
        if not _is_whole(shape) or not _is_whole(ends) or len(ends) != 2:  # noqa: PLR2004 - two ends
            raise BadTensors(f"{name}: found no shape and extent of whole numbers")
        if ends[1] - ends[0] != math.prod(shape) * width:
            raise BadTensors(f"{name}: found {ends[1] - ends[0]} bytes; expected them of its shape")
        yield ends[0], ends[1], name


def _is_whole(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
