"""`compiledai sign`: sign the lock with a key that lies outside the repository.

The signature is a file of its own beside the lock, with a revision that only grows. Signing uses
the package `cryptography`, whose time does not depend on the key; verifying needs no package.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.verify import verify
from pytest_compiledai.trust import REVISION_VARIABLE
from pytest_compiledai.trust import read_signature
from pytest_compiledai.trust import read_trust
from pytest_compiledai.trust import signed_revision
from pytest_compiledai.trust import stale_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_VARIABLE = "COMPILEDAI_SIGNING_KEY"
_KEY_CAP = 10_000  # bytes of a key file
_HIGHEST = 999_999_999


def new_key(root: Path, path: Path) -> int:
    """Write a new private key to ``path``, which nobody else may read, and print the public one."""
    _refuse_inside(root, path)
    ed25519, serialization = _library()
    key = ed25519.Ed25519PrivateKey.generate()
    data: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _key_error(path, (error.strerror or str(error)).lower(), "a new file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    print(f"public key {_public(key)}")  # noqa: T201 - a command speaks
    print(f"next: {KEY_VARIABLE}={path} compiledai sign")  # noqa: T201 - a command speaks
    return 0


def sign(root: Path, out: Path, key_path: Path | None, *, revision: int | None) -> int:
    """Sign the lock as the next revision; do nothing where the signature is good already."""
    lock_path = out.parent / "compiledai.lock"
    lock = read_lock_file(lock_path, lock_path.name)
    _check_artifacts(lock, lock_path, out)
    key = _key(root, key_path)
    public, before = _public(key), read_signature(lock_path)
    same = f"\nkey {public}\n".encode() in before.replace(b"\r\n", b"\n")
    if before and same and revision is None and not stale_signature(lock_path, lock, ""):
        print(f"{lock_path.name}: signed already, revision {signed_revision(before)}")  # noqa: T201
        return 0
    number = _next_revision(lock_path, before, revision)
    normal = lock.replace(b"\r\n", b"\n")
    head = f"compiledai-signature 1\nlock {digest(normal)}\nrevision {number}\nkey {public}\n"
    signature = key.sign(head.encode("ascii")).hex()
    path = lock_path.with_name(f"{lock_path.name}.sig")
    atomic_write(path, f"{head}signature {signature}\n".encode("ascii"))
    print(f"{path.name}: revision {number}, public key {public}")  # noqa: T201 - a command speaks
    return 0


def _check_artifacts(lock: bytes, lock_path: Path, out: Path) -> None:
    """Raise when there is no sound lock, or when an artifact is not what it says."""
    read = parse(lock, lock_path.name) if lock else Lock()
    found = [
        finding for entry in read.entries.values() for finding in verify(entry, out, lock=read)
    ]
    if lock and not found:
        return
    raise ArtifactError(
        where=found[0].path if found else lock_path.name,
        found=found[0].rule.replace("lock.", "a file that is ") if found else "no lock",
        expected="artifacts as the lock names them, before it is signed",
        next="git status, then pytest --compile specs/",
    )


def _next_revision(lock_path: Path, before: bytes, wanted: int | None) -> int:
    """Return the revision to sign as: above the last one and not below what is demanded."""
    last = signed_revision(before) if before else 0
    if last is None and wanted is None:
        raise SettingsError(
            where=f"{lock_path.name}.sig",
            found="no signature that is good by its own key, so no last revision",
            expected="the signature file as it was written",
            next=f"git checkout -- {lock_path.name}.sig, or compiledai sign --revision N",
        )
    least = read_trust("", (), "", {k: v for k, v in os.environ.items() if k == REVISION_VARIABLE})
    lowest = max((last or 0) + 1, least.minimum)
    number = lowest if wanted is None else wanted
    if not lowest <= number <= _HIGHEST:
        raise SettingsError(
            where="--revision",
            found=str(number),
            expected=f"a revision from {lowest} to {_HIGHEST}: revisions only grow",
            next="compiledai sign",
        )
    return number


def _key(root: Path, path: Path | None) -> Ed25519PrivateKey:
    named = path or Path(os.environ.get(KEY_VARIABLE, ""))
    if named == Path():
        raise SettingsError(
            where="compiledai sign",
            found="no private key",
            expected=f"--key PATH, or its path in {KEY_VARIABLE}",
            next="compiledai sign --new-key PATH, outside the repository",
        )
    _refuse_inside(root, named)
    ed25519, serialization = _library()
    try:
        data = read_regular(named, cap=_KEY_CAP)
        mode = named.stat().st_mode
        key = serialization.load_pem_private_key(data, password=None)
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise _key_error(named, found, "a file that can be read") from None
    except (ValueError, TypeError):  # TypeError: a key with a password
        raise _key_error(named, "no PEM of a private key", "one without a password") from None
    if os.name != "nt" and stat.S_IMODE(mode) & 0o077:
        raise _key_error(named, "a key that others may read", "mode 0600")
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _key_error(named, f"a {type(key).__name__}", "an Ed25519 key")
    return cast("Ed25519PrivateKey", key)


def _refuse_inside(root: Path, path: Path) -> None:
    if path.resolve().is_relative_to(root.resolve()):
        raise _key_error(path, "a private key inside the project", "a path outside of it")


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _library() -> tuple[Any, Any]:
    """Return the package's modules `ed25519` and `serialization`."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise ToolError(
            where="compiledai sign",
            found="no package cryptography",
            expected="the extra `sign`",
            next='pip install "pytest-compiledai[sign]"',
        ) from None
    return ed25519, serialization


def _key_error(path: Path, found: str, expected: str) -> SettingsError:
    return SettingsError(
        where=str(path),
        found=found,
        expected=expected,
        next="chmod 600, another path, or compiledai sign --new-key PATH",
    )
