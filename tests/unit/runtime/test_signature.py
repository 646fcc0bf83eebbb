"""Ed25519 as the loader verifies it: the vectors of RFC 8032, and what a strict reader refuses."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from pytest_compiledai.runtime import signature
from pytest_compiledai.runtime.signature import _is_signature
from pytest_compiledai.runtime.signature import _signature_fault

#: RFC 8032, section 7.1: seed, public key, message, signature (test 1024 is made below).
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
SEED, PUBLIC, MESSAGE, SIGNATURE = (bytes.fromhex(part) for part in VECTORS[2])
ORDER, PRIME = signature._ORDER, signature._P
#: The eight points of small order, each in its one encoding.
SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
]


@pytest.mark.parametrize(("seed", "public", "message", "signed"), VECTORS)
def test_the_vectors_of_the_rfc_hold(seed: str, public: str, message: str, signed: str) -> None:
    """What the RFC says is a signature is one, and the library agrees."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))

    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signed
    assert _is_signature(*(bytes.fromhex(part) for part in (public, message, signed)))


def test_a_long_message_holds() -> None:
    """As the RFC's test 1024: 1023 bytes of message, with the library for an oracle."""
    key, message = Ed25519PrivateKey.from_private_bytes(SEED), bytes(range(256)) * 4
    message = message[:1023]

    assert _is_signature(PUBLIC, message, key.sign(message))


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511))
def test_it_agrees_with_a_library(seed: bytes, message: bytes, bit: int) -> None:
    """Good signatures of any key hold, and no longer with one bit of them turned."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signed = key.public_key().public_bytes_raw(), key.sign(message)
    turned = bytearray(signed)
    turned[bit // 8] ^= 1 << bit % 8

    assert _is_signature(public, message, signed)
    assert not _is_signature(public, message, bytes(turned))


@pytest.mark.parametrize("at", [0, 31])
def test_another_key_or_message_is_refused(at: int) -> None:
    """A bit of the key or of the message is as good as another one."""
    other = bytearray(PUBLIC)
    other[at] ^= 1

    assert not _is_signature(bytes(other), MESSAGE, SIGNATURE)
    assert not _is_signature(PUBLIC, MESSAGE + b"x", SIGNATURE)


@pytest.mark.parametrize("times", [1, 2, 7])
def test_a_number_that_is_not_reduced_is_refused(times: int) -> None:
    """S and s + L say the same, so that only the one below L is a signature."""
    s = int.from_bytes(SIGNATURE[32:], "little") + times * ORDER

    assert not _is_signature(PUBLIC, MESSAGE, SIGNATURE[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 32, 63, 65])
def test_another_length_is_refused(length: int) -> None:
    """A signature has 64 bytes and a key 32."""
    assert not _is_signature(PUBLIC, MESSAGE, (SIGNATURE + b"\0")[:length])
    assert length == 32 or not _is_signature((PUBLIC + b"\0" * 33)[:length], MESSAGE, SIGNATURE)


@pytest.mark.parametrize("key", SMALL)
def test_a_key_of_small_order_is_refused(key: str) -> None:
    """With such a key R = the neutral point and s = 0 would sign every eighth message or all."""
    neutral = bytes.fromhex(SMALL[0])

    assert signature._decoded(bytes.fromhex(key)) is not None or key.endswith("80")
    for message in (b"", b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"):
        assert not _is_signature(bytes.fromhex(key), message, neutral + bytes(32))


@pytest.mark.parametrize("y", [PRIME, PRIME + 1, 2**255 - 1])
def test_a_point_in_a_second_encoding_is_refused(y: int) -> None:
    """Y and y + p are the same point; only the smaller is an encoding of it."""
    assert signature._decoded(y.to_bytes(32, "little")) is None


def test_what_is_no_point_is_refused() -> None:
    """Half of all y are on no point of the curve; x = 0 has no negative."""
    points = [signature._decoded(y.to_bytes(32, "little")) for y in range(64)]

    assert 20 < sum(point is None for point in points) < 44
    assert signature._decoded((1 | 1 << 255).to_bytes(32, "little")) is None


LOCK = b"lock-version = 1\n"


def signed(key: Ed25519PrivateKey, lock: bytes = LOCK, revision: int = 3) -> bytes:
    import hashlib

    public = key.public_key().public_bytes_raw().hex()
    head = (
        f"compiledai-signature 1\nlock {hashlib.sha256(lock).hexdigest()}\n"
        f"revision {revision}\nkey {public}\n"
    )
    return f"{head}signature {key.sign(head.encode()).hex()}\n".encode()


KEY = Ed25519PrivateKey.from_private_bytes(SEED)
KEYS = frozenset([PUBLIC.hex()])


def test_a_signed_lock_has_no_fault() -> None:
    """The key, the lock and the revision fit; line ends of a checkout do not matter."""
    crlf = LOCK.replace(b"\n", b"\r\n")

    assert _signature_fault(LOCK, signed(KEY), KEYS, 3) == ""
    assert _signature_fault(crlf, signed(KEY).replace(b"\n", b"\r\n"), KEYS, 3) == ""


@pytest.mark.parametrize(
    ("lock", "data", "least", "fault"),
    [
        (LOCK, b"", 1, "no signature"),
        (LOCK + b"\n", signed(KEY), 1, "a lock that changed since it was signed as revision 3"),
        (LOCK, signed(KEY), 4, "revision 3, older than 4"),
        (LOCK, signed(Ed25519PrivateKey.generate()), 1, "which is not trusted"),
        (LOCK, signed(KEY).replace(b"revision 3", b"revision 9"), 1, "a forged signature"),
        (LOCK, signed(KEY).replace(b"revision 3", b"revision 03"), 1, "did not write"),
        (LOCK, signed(KEY) + b"\n", 1, "did not write"),
        (LOCK, signed(KEY)[:-1], 1, "did not write"),
        (LOCK, b"<<<<<<< ours\n" + signed(KEY), 1, "did not write"),
        (LOCK, signed(KEY) * 2, 1, "did not write"),
        (LOCK, b"\xff\x00", 1, "did not write"),
    ],
)
def test_everything_else_has_its_fault(lock: bytes, data: bytes, least: int, fault: str) -> None:
    """Unsigned, altered, rolled back, forged, by another key, or no signature file at all."""
    assert fault in _signature_fault(lock, data, KEYS, least)


def test_a_lock_signed_by_another_key_under_a_trusted_ones_name() -> None:
    """The name of a trusted key in the file is not its signature."""
    other = Ed25519PrivateKey.generate()
    name = other.public_key().public_bytes_raw().hex().encode()

    forged = signed(other).replace(name, PUBLIC.hex().encode())

    assert _signature_fault(LOCK, forged, KEYS, 1) == "a forged signature"
