"""Whose signature of the lock a run asks for, and what it says of the one that is there.

Keys in the settings are as good as the review of the settings; the environment lies outside the
repository, so keys that it names stand in place of the settings' and cannot be switched off there.
"""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.runtime.signature import _KEY
from pytest_compiledai.runtime.signature import _SIGNATURE_CAP
from pytest_compiledai.runtime.signature import _SIGNED
from pytest_compiledai.runtime.signature import _is_signature
from pytest_compiledai.runtime.signature import _signature_fault

KEYS_VARIABLE = "COMPILEDAI_TRUSTED_KEYS"
REVISION_VARIABLE = "COMPILEDAI_MINIMUM_REVISION"
_REVISION = re.compile(r"[0-9]{1,9}")


class Policy(enum.StrEnum):
    """What a signature has to be."""

    OFF = "off"  # nobody looks
    VERIFY = "verify"  # good where there is one
    REQUIRED = "required"  # there, and good


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The policy, the public keys in hex, and the lowest revision that is good."""

    policy: Policy = Policy.OFF
    keys: frozenset[str] = frozenset()
    minimum: int = 1

    def check(self, lock_path: Path, lock: bytes, shown: str) -> None:
        """Raise ``LockError`` when the policy asks for another signature than the lock has."""
        if self.policy is Policy.OFF:
            return
        data = read_signature(lock_path)
        if not data and (self.policy is Policy.VERIFY or not lock):
            return  # without a lock there is nothing to trust, which is said elsewhere
        fault = _signature_fault(lock, data, self.keys, self.minimum)
        if fault:
            raise LockError(
                where=f"{shown}.sig",
                found=fault,
                expected="the lock's signature by a trusted key",
                next=f"`git checkout -- {shown} {shown}.sig`, or review the lock and run "
                "`compiledai sign`",
            )


def read_trust(
    policy: str, keys: Sequence[str], minimum: str, environ: Mapping[str, str] = os.environ
) -> Trust:
    """Return the trust that settings and environment ask for. Raises ``SettingsError``."""
    if policy not in ("", *Policy):
        raise _wrong("compiledai_signature", policy, f"one of {', '.join(Policy)}")
    outside = environ.get(KEYS_VARIABLE)
    named = keys if outside is None else outside.replace(",", " ").split()
    where = "compiledai_trusted_keys" if outside is None else KEYS_VARIABLE
    for key in named:
        if not _KEY.fullmatch(key):
            raise _wrong(where, key, "a public key of 64 hex digits")
    asked = Policy(policy) if policy else Policy.REQUIRED if named else Policy.OFF
    asked = asked if outside is None else Policy.REQUIRED
    if asked is not Policy.OFF and not named:
        raise _wrong(where, "no key", "the public keys that are trusted")
    least = [
        _revision("compiledai_minimum_revision", minimum or "1"),
        _revision(REVISION_VARIABLE, environ.get(REVISION_VARIABLE, "1")),
    ]
    return Trust(policy=asked, keys=frozenset(named), minimum=max(least))


def stale_signature(lock_path: Path, lock: bytes, shown: str) -> str:
    """Return a notice where a signature is there that is not of this lock; empty where it is."""
    data = read_signature(lock_path)
    match = _SIGNED.fullmatch(data.replace(b"\r\n", b"\n"))
    own = frozenset([match[4].decode()]) if match else frozenset()
    fault = _signature_fault(lock, data, own, 1) if data else ""
    told = f"{shown}.sig: found {fault}; expected its signature; next: compiledai sign"
    return told if fault else ""


def signed_revision(data: bytes) -> int | None:
    """Return the revision of a signature that is good by its own key; None for any other bytes."""
    match = _SIGNED.fullmatch(data.replace(b"\r\n", b"\n"))
    if match is None:
        return None
    key, signature = bytes.fromhex(match[4].decode()), bytes.fromhex(match[5].decode())
    return int(match[3]) if _is_signature(key, match[1], signature) else None


def read_signature(lock_path: Path) -> bytes:
    """Return the bytes of the signature beside a lock; none where there is none."""
    path = lock_path.with_name(f"{lock_path.name}.sig")
    if path.is_symlink():
        return b"a symlink"
    try:
        return read_regular(path, cap=_SIGNATURE_CAP)
    except FileNotFoundError:
        return b""
    except OSError as error:
        return (error.strerror or str(error)).encode()  # no signature is written like that


def _revision(where: str, text: str) -> int:
    if not _REVISION.fullmatch(text):
        raise _wrong(where, text, "a number of at most nine digits")
    return int(text)


def _wrong(where: str, found: str, expected: str) -> SettingsError:
    return SettingsError(where=where, found=found[:80], expected=expected, next="compiledai sign")
