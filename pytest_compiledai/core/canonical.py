"""Canonical JSON and digests: equal values have equal bytes on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Return ``value`` as JSON with sorted keys, no spaces, ASCII only, no NaN or infinity.

    Raises ``ValueError`` or ``TypeError`` for what JSON cannot carry.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return text.encode("ascii")


def digest(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of ``value`` as 64 hex digits."""
    return digest(canonical_json(value))


def text_digest(text: str) -> str:
    """Return the SHA-256 of ``text`` with LF line ends, so that a CRLF checkout changes nothing."""
    return digest(text.replace("\r\n", "\n").encode("utf-8"))
