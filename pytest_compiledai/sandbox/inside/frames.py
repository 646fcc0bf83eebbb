"""Frames on the private pipes: a length, the asker's nonce, a kind, a body.

The worker echoes the nonce of the request that it answers. A nonce that was not asked for, a
length above the cap or an unknown kind makes the whole stream worthless.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

NONCE_BYTES = 16
HEAD = struct.Struct(f">I{NONCE_BYTES}sB")  # bytes of the body, nonce, kind


class Kind(enum.IntEnum):
    """What a frame is: requests first, then what a worker may answer."""

    LOAD = 1
    CALL = 2
    WARM = 3
    MEASURE = 4
    KEPT = 5  # body: JSON inputs; answered with the names that two rounds of calls change
    LOCKED = 16  # body: what holds the worker, in words
    LOADED = 17
    TIMES = 18  # body: nanoseconds, more to come
    DONE = 19
    CODE = 20  # body: the compiled module, marshalled; sent before it is executed
    VALUE = 32  # body: canonical JSON
    ABSTAIN = 33  # body of this and the following: the detail, UTF-8
    ERROR = 34
    NOT_PLAIN = 35
    TOO_LARGE = 36
    MEMORY = 37  # the worker ends itself after this one


class Frame(NamedTuple):
    """One frame as it came over the pipe; the kind is not checked yet."""

    nonce: bytes
    kind: int
    body: bytes


def pack(kind: int, nonce: bytes, body: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    return HEAD.pack(len(body), nonce, kind) + body


class Reader:
    """Cuts a byte stream into frames; raises ``ValueError`` for a body above ``cap`` bytes."""

    __slots__ = ("_at", "_cap", "_data")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._data = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Take in what was read."""
        del self._data[: self._at]
        self._at = 0
        self._data += data

    def next(self) -> Frame | None:
        """Return the next whole frame, or None when more bytes are needed."""
        start = self._at + HEAD.size
        if len(self._data) < start:
            return None
        length, nonce, kind = HEAD.unpack_from(self._data, self._at)
        if length > self._cap:
            raise ValueError(f"a frame of {length} bytes, above the cap of {self._cap}")
        if len(self._data) < start + length:
            return None
        self._at = start + length
        return Frame(nonce, kind, bytes(self._data[start : self._at]))
