"""Writes an answer as canonical JSON, or says why it is not plain data.

Plain is: dict with str keys, list, str, int, float (finite), bool, None, each by its exact type,
at most 64 levels deep. The walk never calls a method of the value, so no subclass has a say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

DEPTH_CAP = 64
#: The interpreter's own default for reading integers back; more digits could not be read.
DIGITS_CAP = 4300
_INT_CAP = 10**DIGITS_CAP


class NotPlainError(Exception):
    """The answer is not plain JSON data; the message says where and what."""


class TooLargeError(Exception):
    """The answer exceeds the cap."""


def encoder(cap: int) -> Callable[[Any], bytes]:
    """Return a function that gives the canonical JSON of a value, at most ``cap`` bytes.

    The function raises ``NotPlainError`` or ``TooLargeError``.
    """
    write = json.JSONEncoder(
        sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode

    def encode(value: Any) -> bytes:
        if _least_bytes(value, cap) > cap:
            raise TooLargeError
        data = write(value).encode("ascii")
        if len(data) > cap:
            raise TooLargeError
        return data

    return encode


def _least_bytes(value: Any, cap: int) -> int:
    """Return a lower bound of the bytes ``value`` needs; stops early above ``cap``.

    Counting while walking bounds shared substructure, which can unfold to any size.
    """
    kind = type(value)
    if kind in _ATOMS:
        return _atom(value, kind, "")
    total = 0
    pending = [(value, 1, "")]
    while pending:
        node, depth, path = pending.pop()
        kind = type(node)
        if kind in _ATOMS:
            total += _atom(node, kind, path)
        elif kind is list or kind is dict:
            total += 2 + len(node)
            if depth > DEPTH_CAP:
                raise NotPlainError(f"more than {DEPTH_CAP} levels deep, or a cycle")
            if total > cap:
                return total
            pending += _parts(node, kind, depth + 1, path)
        else:
            raise NotPlainError(f"a {_name(kind)} {_at(path)}")
        if total > cap:
            return total
    return total


_ATOMS = frozenset((str, int, float, bool, type(None)))


def _atom(value: Any, kind: type, path: str) -> int:
    if kind is str:
        return len(value) + 2
    if kind is float and not -_INFINITY < value < _INFINITY:
        raise NotPlainError(f"the float {value!r} {_at(path)}")
    if kind is int and not -_INT_CAP < value < _INT_CAP:
        raise NotPlainError(f"an int of more than {DIGITS_CAP} digits {_at(path)}")
    return 1


_INFINITY = float("inf")


def _parts(node: Any, kind: type, depth: int, path: str) -> list[tuple[Any, int, str]]:
    if kind is list:
        return [(item, depth, f"{path}[]") for item in node]
    for key in node:
        if type(key) is not str:
            raise NotPlainError(f"a key of type {_name(type(key))} {_at(path)}")
    return [(item, depth, f"{path}.{key[:40]}") for key, item in node.items()]


def _at(path: str) -> str:
    return f"at {path.lstrip('.')[:120]}" if path else "as the answer"


def _name(kind: type) -> str:
    # Through the descriptor of ``type``: a metaclass may define a __name__ of its own.
    name: str = type.__dict__["__name__"].__get__(kind)
    return name
