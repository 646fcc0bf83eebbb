"""Frames between the asking side and the relay in a container: many pipes over one stream.

A frame is an operation, a number (of a zygote, of a worker's pipes, or of a question) and a body.
Both ends of the stream are ours: what a worker sends travels as the body of ``DATA``, unread.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator

HEAD = struct.Struct(">BII")  # operation, number, bytes of the body
#: What a worker may have sent that the asking side has not taken yet; then the relay stops reading.
WINDOW = 1 << 22


class Op(enum.IntEnum):
    """What a frame is for."""

    HELLO = 1  # from the relay, once; body: JSON facts of its interpreter
    START = 2  # a zygote; body: JSON of its environment and grants
    ASK = 3  # a zygote; body: its JSON request, and the number of the pipes that a fork gets
    ANSWER = 4  # of a zygote; body: its JSON message
    GONE = 5  # a zygote has ended
    DATA = 6  # bytes of a worker's pipe, either way
    CREDIT = 7  # the asking side took this many bytes; body: a decimal number
    END = 8  # a worker closed its result pipe
    CLOSE = 9  # both pipes of a worker, or the channel of a zygote, which then ends
    CPU = 10  # of the process in the body; answered with nanoseconds, or nothing where it is gone


def pack(op: int, number: int, body: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    return HEAD.pack(op, number, len(body)) + body


class Cutter:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def cut(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Take in ``data`` and give every frame that is whole by now."""
        self._data += data
        at = 0
        while len(self._data) >= at + HEAD.size:
            op, number, length = HEAD.unpack_from(self._data, at)
            start = at + HEAD.size
            if len(self._data) < start + length:
                break
            yield op, number, bytes(self._data[start : start + length])
            at = start + length
        del self._data[:at]
