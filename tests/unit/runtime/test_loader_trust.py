"""A production that trusts keys serves nothing that none of them signed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pytest_compiledai.core.canonical import digest

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw().hex()
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPILEDAI_TRUSTED_KEYS", raising=False)
    monkeypatch.delenv("COMPILEDAI_MINIMUM_REVISION", raising=False)


def signed(package, *, key: Ed25519PrivateKey = KEY, revision: int = 5) -> Path:
    """Sign the package's lock and return the signature's path."""
    public = key.public_key().public_bytes_raw().hex()
    head = (
        f"compiledai-signature 1\nlock {digest(package.lock.read_bytes())}\n"
        f"revision {revision}\nkey {public}\n"
    )
    path = package.root / "compiledai.lock.sig"
    path.write_text(f"{head}signature {key.sign(head.encode()).hex()}\n")
    return path


def test_a_signed_lock_is_served(package) -> None:
    """After `trust`, what the key signed loads as before, also after a reload."""
    signed(package)
    compiled = package.load()
    compiled.trust(PUBLIC, minimum_revision=5)

    assert compiled.route_ticket({"a": 1})["queue"] == "tech"
    assert importlib.reload(compiled).load("route_ticket")({"a": 1})["queue"] == "tech"


def test_the_signature_ships_inside_the_folder_with_the_lock(package, monkeypatch) -> None:
    """A wheel has both inside; the signature is looked for where the lock was found."""
    monkeypatch.setenv("COMPILEDAI_TRUSTED_KEYS", PUBLIC)
    path = signed(package)
    path.rename(package.out / path.name)
    package.lock.rename(package.out / package.lock.name)

    assert package.load().route_ticket({"a": 1})["queue"] == "tech"


def unsigned(package) -> None:
    """Leave the lock without a signature."""


def other_key(package) -> None:
    signed(package, key=OTHER)


def altered_together(package) -> None:
    """Freeze an artifact anew behind the signer's back: lock and artifact fit each other."""
    signed(package)
    package.freeze("route_ticket", "def route_ticket(data):\n    return 'evil'\n")


def rolled_back(package) -> None:
    """Put an older lock, its artifact and its good signature back."""
    signed(package, revision=4)


def linked(package) -> None:
    path = signed(package)
    path.rename(package.root / "elsewhere")
    path.symlink_to("elsewhere")


def nonsense(package) -> None:
    signed(package).write_bytes(b"\xff" * 5000)


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        (unsigned, "no signature"),
        (other_key, "not trusted"),
        (altered_together, "a lock that changed since it was signed as revision 5"),
        (rolled_back, "revision 4, older than 5"),
        (linked, "did not write"),
        (nonsense, "did not write"),
    ],
)
@pytest.mark.parametrize("way", ["trust", "environment"])
def test_everything_else_is_refused(package, monkeypatch, attack, found: str, way: str) -> None:
    """Unsigned, altered, rolled back: refused by the call and by the environment alike."""
    attack(package)
    compiled = package.load()
    if way == "trust":
        compiled.trust(PUBLIC, minimum_revision=5)
    else:
        monkeypatch.setenv("COMPILEDAI_TRUSTED_KEYS", PUBLIC)
        monkeypatch.setenv("COMPILEDAI_MINIMUM_REVISION", "5")

    with pytest.raises(compiled.IntegrityError, match=found):
        compiled.load("route_ticket")
    importlib.reload(compiled)
    if way == "trust":
        with pytest.raises(compiled.IntegrityError, match=found):
            compiled.load("route_ticket")


@pytest.mark.parametrize("attack", [unsigned, other_key, nonsense])
def test_without_trust_nobody_looks(package, attack) -> None:
    """A signature is optional: whoever trusts no key is not asked for one."""
    attack(package)

    assert package.load().route_ticket({"a": 1})["queue"] == "tech"


@pytest.mark.parametrize(
    ("keys", "least"), [("", "1"), ("abc", "1"), (f"{PUBLIC} x", "1"), (PUBLIC, "-1"), (PUBLIC, "")]
)
def test_an_environment_that_is_no_key_is_refused(package, monkeypatch, keys, least) -> None:
    """A variable that somebody failed to fill in does not switch the check off."""
    signed(package)
    monkeypatch.setenv("COMPILEDAI_TRUSTED_KEYS", keys)
    monkeypatch.setenv("COMPILEDAI_MINIMUM_REVISION", least)
    compiled = package.load()

    with pytest.raises(compiled.IntegrityError, match="the environment"):
        compiled.load("route_ticket")


def test_every_condition_has_to_hold(package, monkeypatch) -> None:
    """The environment cannot loosen what the application trusts, nor the other way round."""
    signed(package)
    monkeypatch.setenv("COMPILEDAI_TRUSTED_KEYS", OTHER.public_key().public_bytes_raw().hex())
    compiled = package.load()
    compiled.trust(PUBLIC)

    with pytest.raises(compiled.IntegrityError, match="not trusted"):
        compiled.load("route_ticket")


def test_trust_after_a_load_is_an_error(package) -> None:
    """What was handed out already cannot be taken back, so that it is said."""
    signed(package)
    compiled = package.load()
    compiled.load("route_ticket")

    with pytest.raises(compiled.IntegrityError, match="before any key was trusted"):
        compiled.trust(PUBLIC)


@pytest.mark.parametrize("keys", [(), ("abc",), (1,), (PUBLIC.upper(),)])
def test_trust_takes_public_keys_only(package, keys) -> None:
    """No key is no trust, and a mistyped one is told at once."""
    with pytest.raises(ValueError, match="64 hex digits"):
        package.load().trust(*keys)


def test_nothing_is_computed_where_nobody_asks(package) -> None:
    """Without trusted keys no signature is read: a pipe in its place would hang or be refused."""
    (package.root / "compiledai.lock.sig").mkdir()

    assert package.load().route_ticket({"a": 1})["queue"] == "tech"
    assert f"{package.name}.route_ticket" in sys.modules
