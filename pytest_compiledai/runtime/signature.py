"""Whether a lock is signed: the file ``compiledai.lock.sig``, and Ed25519 as RFC 8032 has it.

Only what verifies stands here, in plain Python, so that production needs the standard library
alone; `compiledai sign` signs with a library, because here time depends on the values. Names have
underscores because this text becomes a part of ``compiled/__init__.py``.
"""

from __future__ import annotations

import re as _re

# From here on this text is spliced into compiled/__init__.py.
_SIGNATURE_FILE = "compiledai.lock.sig"
_SIGNATURE_CAP = 1000  # bytes
_HALF, _WHOLE = 32, 64  # bytes of a point or a number, and of a signature
_KEY = _re.compile(r"[0-9a-f]{64}")
_SIGNED = _re.compile(
    rb"(compiledai-signature 1\nlock ([0-9a-f]{64})\nrevision ([1-9][0-9]{0,8})\n"
    rb"key ([0-9a-f]{64})\n)signature ([0-9a-f]{128})\n"
)
# The curve of RFC 8032, section 5.1: the prime, the order of the base point, d, a root of -1.
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_ROOT = 19681161376707505956807079304988542015446066515923890162744021073123829784752
_BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960
_Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z


def _signature_fault(lock: bytes, data: bytes, keys: frozenset[str], least: int) -> str:
    """Return why ``data`` is no signature of ``lock`` by one of ``keys``; empty when it is.

    ``keys`` are public keys in hex, ``least`` is the lowest revision that is good. Line ends of
    lock and signature do not matter, as they do not to the lock's readers.
    """
    import hashlib

    match = _SIGNED.fullmatch(data.replace(b"\r\n", b"\n"))
    if match is None:
        return "a file that `compiledai sign` did not write" if data else "no signature"
    head, digest, revision, key, signature = match.groups()
    if key.decode() not in keys:
        return f"a signature by the key {key[:16].decode()}..., which is not trusted"
    if not _is_signature(bytes.fromhex(key.decode()), head, bytes.fromhex(signature.decode())):
        return "a forged signature"
    changed = hashlib.sha256(lock.replace(b"\r\n", b"\n")).hexdigest().encode() != digest
    number = int(revision)
    if changed:
        return f"a lock that changed since it was signed as revision {number}"
    return f"revision {number}, older than {least}" if number < least else ""


def _is_signature(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether ``signature`` is the key's Ed25519 signature of ``message``.

    Strict: s below the order, points in their one encoding, no key of small order, and the
    equation without the cofactor, so that no second signature can be made from a good one.
    """
    import hashlib

    point = _decoded(key)
    if len(signature) != _WHOLE or point is None or _encoded(_times(8, point)) == _encoded(_ZERO):
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= _ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(hashed, "little") % _ORDER
    base = _decoded(_BASE_Y.to_bytes(32, "little"))
    assert base is not None
    x, y, z, t = _times(k, point)
    return _encoded(_sum(_times(s, base), (_P - x, y, z, _P - t))) == signature[:32]


_ZERO: _Point = (0, 1, 1, 0)


def _decoded(data: bytes) -> _Point | None:
    """Return the point of an encoding (RFC 8032, 5.1.3); None for what is no point's one form."""
    number = int.from_bytes(data, "little")
    y, sign = number & ~(1 << 255), number >> 255
    if len(data) != _HALF or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else _P - x
    return x, y, 1, x * y % _P


def _encoded(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _sum(one: _Point, two: _Point) -> _Point:
    """Return the sum of two points, equal or not (RFC 8032, 5.1.4)."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, two
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: _Point) -> _Point:
    total = _ZERO
    for bit in f"{number:b}":
        total = _sum(total, total)
        if bit == "1":
            total = _sum(total, point)
    return total
