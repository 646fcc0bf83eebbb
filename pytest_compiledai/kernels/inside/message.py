"""Messages with a worker: a JSON head and raw bytes behind it, in one frame's body."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct(">I")


def pack(head: Any, blobs: Sequence[bytes] = ()) -> bytes:
    """Return one body: the head says how to cut the bytes behind it."""
    text = json.dumps(head).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *blobs))


def unpack(body: bytes) -> tuple[Any, memoryview]:
    """Return the head and the bytes behind it; raises ``ValueError`` for a body that has none."""
    if len(body) < _LENGTH.size:
        raise ValueError("a body without a head")
    (length,) = _LENGTH.unpack_from(body)
    start = _LENGTH.size + length
    if start > len(body):
        raise ValueError("a head longer than its body")
    return json.loads(body[_LENGTH.size : start]), memoryview(body)[start:]
