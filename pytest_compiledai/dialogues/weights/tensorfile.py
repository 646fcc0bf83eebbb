"""The header of a safetensors file, read without any library: what it claims has to be exact.

Format: 8 bytes little-endian length, a JSON header, then tensors without holes or overlaps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.strictjson import read_json

#: Bytes of one number; a type that is not here is refused.
WIDTH: Final = {"F32": 4, "BF16": 2, "F16": 2}
HEADER_CAP: Final = 1_000_000  # bytes
_RANK_CAP: Final = 4
_METADATA_CAP: Final = 1000  # characters of one text
_LENGTH: Final = 8  # bytes that say how long the header is


class Tensor(NamedTuple):
    """What the header says of one tensor."""

    dtype: str
    shape: tuple[int, ...]


class TensorFileError(ValueError):
    """A file that is not what it claims; the text says what was found and expected."""


def read_header(data: bytes) -> dict[str, Tensor]:
    """Return the tensors of a file by name. Raises ``TensorFileError``."""
    length = int.from_bytes(data[:_LENGTH], "little")
    if not 0 < length <= min(HEADER_CAP, len(data) - _LENGTH):
        raise TensorFileError(
            f"found a header of {length} bytes in {len(data)}; expected at most {HEADER_CAP}, "
            "and no more than the file has"
        )
    try:
        header = read_json(data[_LENGTH : _LENGTH + length].decode("utf-8"))
    except ValueError as error:
        raise TensorFileError(f"found a header that is no JSON: {error}"[:200]) from None
    if not isinstance(header, dict):
        raise TensorFileError("found a header that is no object; expected tensors by name")
    if not _plain_words(header.pop("__metadata__", {})):
        raise TensorFileError("found other metadata; expected short texts by name")
    found, spans = {}, []
    for name, entry in header.items():
        tensor, span = _tensor(name, entry)
        found[name] = tensor
        spans.append((*span, name))
    _check_spans(sorted(spans), len(data) - _LENGTH - length)
    return found


def _plain_words(metadata: Any) -> bool:
    return isinstance(metadata, dict) and all(
        isinstance(value, str) and len(value) <= _METADATA_CAP for value in metadata.values()
    )


def _tensor(name: str, entry: Any) -> tuple[Tensor, tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise TensorFileError(f"{name}: found other keys; expected dtype, shape, data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in WIDTH:
        raise TensorFileError(f"{name}: found dtype {dtype!r}; expected {', '.join(WIDTH)}")
    if not (isinstance(shape, list) and len(shape) <= _RANK_CAP and all(map(_whole, shape))):
        raise TensorFileError(f"{name}: found shape {shape!r}; expected whole numbers")
    if not (
        isinstance(offsets, list)
        and len(offsets) == len(("begin", "end"))
        and all(map(_whole, offsets))
    ):
        raise TensorFileError(f"{name}: found offsets {offsets!r}; expected two whole numbers")
    size = math.prod(shape) * WIDTH[dtype]
    if offsets[1] - offsets[0] != size:
        raise TensorFileError(
            f"{name}: found {offsets[1] - offsets[0]} bytes; expected {size} for its shape"
        )
    return Tensor(dtype, tuple(shape)), (offsets[0], offsets[1])


def _whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _check_spans(spans: list[tuple[int, int, str]], size: int) -> None:
    for at, (start, _end, name) in _expected(spans):
        if start != at:
            raise TensorFileError(
                f"{name}: found an overlap or a hole at {start}; expected byte {at}"
            )
    end = spans[-1][1] if spans else 0
    if end != size:
        raise TensorFileError(f"found {size} bytes of tensors; expected {end}, as the header says")


def _expected(
    spans: list[tuple[int, int, str]],
) -> Iterator[tuple[int, tuple[int, int, str]]]:
    at = 0
    for span in spans:
        yield at, span
        at = span[1]
