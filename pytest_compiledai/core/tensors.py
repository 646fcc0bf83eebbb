"""Tensors of a `.safetensors` file as plain bytes: parsed by itself, executing nothing.

This text becomes a part of ``compiled/__init__.py``; gates hand in what it gives, too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as _Any


# From here on this text is spliced into compiled/__init__.py.
_WEIGHTS_FILE = "linear.safetensors"  # in the folder of the function that is handed it
_WEIGHTS_CAP = 8 << 20  # bytes
_HEADER_CAP = 1 << 16  # bytes
_LENGTH = 8  # bytes before the header
_SIZES = {"U8": 1, "I8": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "F32": 4}  # bytes of a number


def _tensors(data: bytes) -> dict[str, bytes]:
    """Return each tensor's numbers, little-endian and row by row.

    Raises ``ValueError`` for what is no file of that form: every byte has to belong to the header
    or to one tensor. Source: the format's description in the documentation of safetensors.
    """
    import json

    length = int.from_bytes(data[:_LENGTH], "little")
    if len(data) < _LENGTH or not 0 < length <= min(_HEADER_CAP, len(data) - _LENGTH):
        raise ValueError(f"a header of {length} bytes in a file of {len(data)}")
    numbers = data[_LENGTH + length :]
    try:
        text = data[_LENGTH : _LENGTH + length].decode("utf-8")
        header = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("a header that is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("a header that is no object")  # noqa: TRY004 - one class for what is wrong
    header.pop("__metadata__", None)
    spans = sorted((*_span(name, facts), name) for name, facts in header.items())
    at = 0
    for first, last, name in spans:
        if first != at:
            raise ValueError(f"bytes before {name!a:.80} that overlap or belong to no tensor")
        at = last
    if at != len(numbers):
        raise ValueError(f"tensors of {at} bytes in {len(numbers)}")
    return {name: numbers[first:last] for first, last, name in spans}


def _span(name: str, facts: _Any) -> tuple[int, int]:
    """Return where a tensor's bytes begin and end."""
    if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"other keys of {name!a:.80} than dtype, shape and data_offsets")
    dtype, shape, span = facts["dtype"], facts["shape"], facts["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _SIZES:
        raise ValueError(f"the dtype {dtype!a:.80} of {name!a:.80}")
    if not all(isinstance(list_, list) for list_ in (shape, span)):
        raise ValueError(f"a shape or offsets of {name!a:.80} that are no list")
    if not all(type(number) is int and 0 <= number <= _WEIGHTS_CAP for number in (*shape, *span)):
        raise ValueError(f"a shape or offsets of {name!a:.80} out of bounds")
    size = _SIZES[dtype]
    for number in shape:
        size *= number
    if len(span) != len(("first", "last")) or span[1] - span[0] != size:
        raise ValueError(f"offsets of {name!a:.80} that do not fit its shape")
    return span[0], span[1]


def _once(pairs: list[tuple[str, _Any]]) -> dict[str, _Any]:
    """Return the object of the pairs. Raises ``ValueError`` for a key twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice in the header")
    return made
