"""Hostile bytes made from good ones: what `bench.readers` feeds its readers with."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Sequence
from random import Random
from typing import Any

#: Bytes that some reader somewhere takes for something else.
BYTES = (
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\x1b[31m",
    b"\x7f",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf\n",
    b"\xf0\x9f\x98\x80",
    b"'",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\U00110000",
    b"\\x",
    b"#",
    b":",
    b",",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b"-",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"1e-999",
    b"-0",
    b"-0.0",
    b"00",
    b"0x10",
    b"1_000",
    b"9" * 400,
    b"9" * 5000,
    b"0." + b"1" * 5000,
    b"1" + b"0" * 4299,
    b"null",
    b"true",
    b"off",
    b"~",
    b"2020-01-01",
    b"12:30",
    b"../../etc/passwd",
    b"/etc/passwd",
    b"C:\\con",
    b"__proto__",
    b"__class__",
    b"a" * 3000,
)
#: Values in place of a part of a JSON value.
VALUES = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 10**4000, 0.1, -0.0,
    1e308, 5e-324, "", "\x00", "\ud800", "\u202e", "a" * 2000, "../x", "nan", [], {}, [[]],
    [None], {"": ""},
    {"__class__": 1}, ["a"] * 50, "e\u0301", "\ufeff",
)  # fmt: skip
#: Texts that cost a careless reader its stack, its time or its memory; of n repeats each.
BOMBS: tuple[Callable[[int], bytes], ...] = (
    lambda n: b"[" * n,
    lambda n: b"{" * n,
    lambda n: b'{"a":' * n,
    lambda n: b"[" * n + b"]" * n,
    lambda n: b'{"a":' * n + b"1" + b"}" * n,
    lambda n: b"- " * n + b"x",
    lambda n: b"? " * n + b"x",
    lambda n: b"a: " * n,
    lambda n: b"[[]," * n,
    lambda n: b"x" + b".x" * n + b" = 1\n",
    lambda n: b"[x" + b".x" * n + b"]\n",
    lambda n: b"x = {x" + b".x" * n + b" = 1}\n",
    lambda n: b"x = " + b"{x=" * n,
    lambda n: b"x = " + b"[" * n,
    lambda n: b"9" * n,
    lambda n: b"x = " + b"9" * n + b"\n",
    lambda n: b"x = 0x" + b"f" * n + b"\n",
    lambda n: b"0." + b"9" * n,
    lambda n: b"1e" + b"9" * n,
    lambda n: b'"' + b"\\u0041" * n,
    lambda n: b'"' + b"\\" * n,
    lambda n: b"'" * n,
    lambda n: b'"' * n,
    lambda n: b"&a [*a," * n,
    lambda n: b"&a " * n,
    lambda n: b"!!python/object " * n,
    lambda n: b"--- " * n,
    lambda n: b"---\n" * n,
    lambda n: b"%YAML 1.1\n" * n,
    lambda n: b"\n" * n,
    lambda n: b" " * n,
    lambda n: b"#\n" * n,
    lambda n: b"x = 1\n" * n,
    lambda n: b"".join(b"x%d = 1\n" % i for i in range(n // 4)),
    lambda n: b"".join(b"k%d: 1\n" % i for i in range(n // 4)),
    lambda n: b"{" + b",".join(b'"k%d":0' % i for i in range(n // 4)) + b"}",
    lambda n: b"{" + b",".join(b'"k":0' for _ in range(n // 4)) + b"}",
    lambda n: b"".join(b'[artifact."a%d"]\n' % i for i in range(n // 8)),
    lambda n: b"(a+)+" * n,
    lambda n: b"\xed\xa0\x80" * n,
    lambda n: b"\x00" * n,
    lambda n: b"<<<<<<< a\n=======\n>>>>>>> b\n" * n,
)
LONGEST = 60_000  # repeats of a bomb, where its bytes stay below the next
LARGEST = 240_000  # bytes of an input


class Maker:
    """Makes inputs for one reader from its seeds and its words."""

    def __init__(self, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> None:
        self.seeds = list(seeds)
        self.tokens = [*BYTES, *tokens]

    def make(self, random: Random) -> bytes:
        """Return one input; equal states of ``random`` give equal bytes."""
        data = random.choice(self.seeds)
        way = random.random()
        if way < 0.02:
            return self.bomb(data, random)
        if way < 0.35:
            data = mutated_json(data, random)
        for _ in range(random.choice((0, 1, 1, 2, 3, 8)) or int(way < 0.02)):
            data = self.edited(data, random)
        return data[:LARGEST]

    def bomb(self, data: bytes, random: Random) -> bytes:
        """Return a bomb, alone or put into a seed."""
        repeats = random.choice((10, 70, 500, 5000, LONGEST))
        made = random.choice(BOMBS)(repeats)[:LARGEST]
        if random.random() < 0.4:
            return made
        at = random.choice((0, len(data), random.randint(0, len(data))))
        return (data[:at] + made + data[at:])[:LARGEST]

    def edited(self, data: bytes, random: Random) -> bytes:
        """Return ``data`` after one edit."""
        start, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
        end = min(end, start + random.choice((1, 2, 8, 60, 10_000)))
        token, other = random.choice(self.tokens), random.choice(self.seeds)
        edits: tuple[Callable[[], bytes], ...] = (
            lambda: data[:start] + token + data[start:],
            lambda: data[:start] + token + data[end:],
            lambda: data[:start] + data[end:],
            lambda: data[:end] + data[start:end] + data[end:],
            lambda: data[:start] + bytes([random.randrange(256)]) + data[start + 1 :],
            lambda: data[:start] + other[random.randint(0, len(other)) :],
            lambda: data.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b" "))),
            lambda: swapped(data, random),
            lambda: data[:start],
        )
        return random.choice(edits)()


def swapped(data: bytes, random: Random) -> bytes:
    """Return ``data`` with two of its lines exchanged."""
    lines = data.split(b"\n")
    one, two = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def mutated_json(data: bytes, random: Random) -> bytes:
    """Return ``data`` with a part of a JSON value in it replaced; as it is where it has none."""
    lines = data.split(b"\n")
    try:
        return _dumped(_mutated(json.loads(data), random), random)
    except (ValueError, RecursionError):
        pass
    at = random.randrange(len(lines))
    try:
        lines[at] = _dumped(_mutated(json.loads(lines[at]), random), random)
    except (ValueError, RecursionError):
        return data
    return b"\n".join(lines)


def _dumped(value: Any, random: Random) -> bytes:
    if random.random() < 0.5:
        return json.dumps(value).encode("ascii")
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _mutated(value: Any, random: Random) -> Any:
    """Return ``value`` with one part replaced, dropped, added or wrapped."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        made = dict(value)
        way = random.randrange(6)
        if way == 0:
            del made[key]
        elif way == 1:
            made[random.choice(("", "x", "\ud800", f"{key} ", key.upper()))] = made[key]
        else:
            made[key] = _mutated(value[key], random)
        return made
    if isinstance(value, list) and value and random.random() < 0.85:
        at = random.randrange(len(value))
        return [*value[:at], _mutated(value[at], random), *value[at + 1 :]]
    if random.random() < 0.1:
        for _ in range(random.choice((1, 70, 600))):
            value = [value]
        return value
    return random.choice(VALUES)
