"""Memorised rows: golden values that stand in the code and not in the spec.

Code that looks its answers up is right on the rows it was shown and on nothing else. General
knowledge is no memory: what the spec states, what many rows share, month names, short words, and
tables most of whose entries no golden row holds.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections import Counter
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import Protocol

from pytest_compiledai.core.split import Split
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.literals import Literal
from pytest_compiledai.gates.literals import Scalar
from pytest_compiledai.gates.literals import collect
from pytest_compiledai.gates.literals import first_use
from pytest_compiledai.gates.literals import names

if TYPE_CHECKING:
    from pytest_compiledai.core.golden import Row

RULE: Final = "accuracy.memorised"
_COVERED: Final = 0.8  # of an input text: a literal this large is that text
_STRIDE: Final = 8  # a common part of 24 holds an aligned window of 16
_WORD: Final = 4  # characters from which an output text says something of its row
_DIGITS: Final = 3  # significant digits from which a number does
TABLE: Final = 8  # entries from which a table may be general knowledge
_AT_LEAST: Final = 2  # rows, whatever their share: one value in common is chance
_HEX: Final = re.compile(r"[0-9a-f]{16,}")
_SHORT_HEX: Final = re.compile(r"[0-9a-f]{8,}")
_DIGESTS: Final = frozenset(
    {"adler32", "blake2b", "blake2s", "crc32", "crc_hqx", "pbkdf2_hmac", "scrypt", "sha224",
     "sha256", "sha384", "sha3_224", "sha3_256", "sha3_384", "sha3_512", "sha512", "shake_128",
     "shake_256", "uuid3", "uuid5"}
)  # fmt: skip
_ABOUT_DIGESTS: Final = re.compile(
    r"hash|digest|check ?sum|\bcrc|\bsha\b|sha-?\d|blake|adler|uuid|fingerprint|bucket|sign|hmac"
    r"|etag|anonymi|pseudonym|dedup|shard|partition|mask",
    re.IGNORECASE,
)
_CLASSES: Final = re.compile(r"\\[A-Za-z]|[^\w\0]+")  # what a regular expression puts between words
_GENERAL: Final = frozenset(
    {
        *("january", "february", "march", "april", "june", "july", "august", "september", "sept"),
        *("october", "november", "december"),
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *("true", "false", "none", "null", "unknown", "other", "default"),
        *("error", "warning", "info", "debug", "critical", "high", "medium", "normal"),
    }
)


class Bounds(Protocol):
    """The constants this check enforces."""

    @property
    def copied_characters(self) -> int:
        """Length from which a literal may be a whole input text."""

    @property
    def chunk_characters(self) -> int:
        """Length from which a literal may be a part of one."""

    @property
    def rows(self) -> int:
        """Rows whose outputs may not stand in the code."""

    @property
    def share(self) -> float:
        """The same, as a share of the rows."""

    @property
    def hashes(self) -> int:
        """Hash-like literals that are not yet a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """A scalar of one row."""

    value: Scalar
    text: str  # normalised; "" for numbers
    row: Row

    @property
    def owner(self) -> object:
        """What tells rows apart: their group, else their input."""
        return self.row.group or self.row.key


def memorised(
    source_text: str, *, rows: Sequence[Row], spec_text: str, rules: Bounds
) -> tuple[Finding, ...]:
    """Return what the code remembers of ``rows``; findings name train rows only."""
    literals = (*collect(source_text), *names(source_text))
    told = normal(spec_text)
    inputs = [leaf for row in rows for leaf in _leaves(row.input, row)]
    outputs = [leaf for row in rows for leaf in _leaves(row.output, row)]
    return (
        *_copies(literals, inputs, told, rules),
        *_answers(literals, outputs, len(rows), told, rules),
        *_hashes(literals, inputs, rows, spec_text, rules),
        *_digesting(source_text, spec_text),
    )


def _leaves(value: Any, row: Row) -> Iterator[_Leaf]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item, row)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, row)
    elif isinstance(value, str):
        yield _Leaf(value=value, text=normal(value), row=row)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield _Leaf(value=value, text="", row=row)


def is_told(value: Scalar, told: str) -> bool:
    """Return whether a literal stands in the spec, as words or as a number of its own."""
    words = normal(value if isinstance(value, str) else repr(value))
    return not words or f" {words} " in f" {normal(told)} "


def normal(text: str) -> str:
    """Return words alone: a pattern that matches a text has the words of the text."""
    return " ".join(_CLASSES.sub(" ", unicodedata.normalize("NFKC", text)).casefold().split())


def _copies(
    literals: Sequence[Literal], inputs: Sequence[_Leaf], told: str, rules: Bounds
) -> Iterator[Finding]:
    """Yield literals that hold an input text, or a good part of one."""
    long = [leaf for leaf in inputs if len(leaf.text) >= rules.copied_characters]
    if not long:
        return
    haystack = "\n".join(dict.fromkeys(leaf.text for leaf in long))
    for literal in literals:
        if not isinstance(literal.value, str) or len(literal.value) < rules.copied_characters:
            continue
        for part in literal.value.split("\0"):
            leaf = _source(normal(part), haystack, long, told, rules)
            if leaf is not None:
                yield _finding(literal, leaf, "an input text")
                break


def _source(
    part: str, haystack: str, leaves: Sequence[_Leaf], told: str, rules: Bounds
) -> _Leaf | None:
    """Return the leaf that ``part`` was copied from, if it is one row's alone."""
    for chunk in _common(part, haystack, rules):
        if chunk in told:
            continue
        holders = [leaf for leaf in leaves if chunk in leaf.text]
        large = len(chunk) >= rules.chunk_characters
        if not large:
            holders = [leaf for leaf in holders if len(chunk) >= _COVERED * len(leaf.text)]
        if holders and len({leaf.owner for leaf in holders}) == 1:
            return holders[0]
    return None


def _common(part: str, haystack: str, rules: Bounds) -> Iterator[str]:
    """Yield parts of ``part`` that stand in the haystack, as long as they go."""
    width = rules.copied_characters
    done = 0
    for start in range(0, max(1, len(part) - width + 1), _STRIDE):
        if start + width <= done or len(part) < width:
            continue
        low, high = start, start + width
        if part[low:high] not in haystack:
            continue
        while low > 0 and part[low - 1 : high] in haystack:
            low -= 1
        while high < len(part) and part[low : high + 1] in haystack:
            high += 1
        done = high
        yield part[low:high]


def _answers(
    literals: Sequence[Literal], outputs: Sequence[_Leaf], count: int, told: str, rules: Bounds
) -> Iterator[Finding]:
    """Yield one finding where outputs that are one row's alone stand in the code."""
    owners: dict[Scalar, set[object]] = defaultdict(set)
    for leaf in outputs:
        owners[_key(leaf.value)].add(leaf.owner)
    padded = f" {told} "
    telling = {
        _key(leaf.value): leaf
        for leaf in reversed(outputs)
        if len(owners[_key(leaf.value)]) == 1 and _tells(leaf, padded)
    }
    sizes = Counter(literal.table for literal in literals)
    golden = Counter(literal.table for literal in literals if _key(literal.value) in owners)
    met: dict[object, tuple[Literal, _Leaf]] = {}
    for literal in literals:
        table = literal.table
        general = table and sizes[table] >= TABLE and 2 * golden[table] < sizes[table]
        held = telling.get(_key(literal.value))
        if held is not None and not general:
            met.setdefault(held.owner, (literal, held))
    share = len(met) > rules.share * count and len(met) >= _AT_LEAST
    if len(met) >= rules.rows or share:
        yield from (_finding(literal, leaf, "an output") for literal, leaf in met.values())


def _key(value: Scalar) -> Scalar:
    return value.strip().casefold() if isinstance(value, str) else value


def _tells(leaf: _Leaf, told: str) -> bool:
    """Return whether a value says something of its row: not general, not stated by the spec."""
    if isinstance(leaf.value, str):
        short = len(leaf.text) < _WORD
        return not short and leaf.text not in _GENERAL and f" {leaf.text} " not in told
    digits = re.sub(r"[^0-9]", "", repr(leaf.value)).strip("0")
    return len(digits) >= _DIGITS and f" {normal(repr(leaf.value))} " not in told


def _hashes(
    literals: Sequence[Literal],
    inputs: Sequence[_Leaf],
    rows: Sequence[Row],
    spec_text: str,
    rules: Bounds,
) -> Iterator[Finding]:
    """Yield digests of inputs, and tables of what looks like digests."""
    unstated = [item for item in literals if str(item.value).casefold() not in spec_text.casefold()]
    like = [item for item in unstated if _looks_hashed(item.value)]
    if not like:
        return
    known = _digests(inputs, rows)
    found = [(item, known[mark]) for item in like if (mark := _mark(item.value)) in known]
    if found:
        yield from (_finding(item, leaf, "a digest of an input") for item, leaf in found)
        return
    long = [item for item in like if isinstance(item.value, str) and _HEX.fullmatch(item.value)]
    if len(long) > rules.hashes:
        text = f"line {long[0].line}: found a table of {len(long)} digests; expected code that"
        yield Finding(rule=RULE, message=f"{text} reads the input", line=long[0].line)


def _digesting(source_text: str, spec_text: str) -> Iterator[Finding]:
    """Yield a finding where the code takes digests, of which the spec says nothing.

    No rule of a spec that does not speak of them needs one; a table without its keys does.
    """
    found = None if _ABOUT_DIGESTS.search(spec_text) else first_use(source_text, _DIGESTS)
    if found is not None:
        name, line = found
        text = f"line {line}: found {name}, a digest of which the spec says nothing"
        message = f"{text}; expected code that works it out from the input"
        yield Finding(rule=RULE, message=message, line=line)


def _looks_hashed(value: Scalar) -> bool:
    if isinstance(value, str):
        return _SHORT_HEX.fullmatch(value.casefold()) is not None
    return isinstance(value, int) and value > 0xFFFF  # noqa: PLR2004 - more than a port or a year


def _mark(value: Scalar) -> object:
    return value.casefold()[:8] if isinstance(value, str) else value


def _digests(inputs: Iterable[_Leaf], rows: Iterable[Row]) -> Mapping[object, _Leaf]:
    known: dict[object, _Leaf] = {}
    texts = [(leaf.value.encode(), leaf) for leaf in inputs if isinstance(leaf.value, str)]
    texts += [(row.key, _Leaf(value="", text="", row=row)) for row in rows]
    for data, leaf in texts:
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s"):
            digest = hashlib.new(name, data, usedforsecurity=False).digest()
            known.setdefault(digest.hex()[:8], leaf)
            for size in (4, 6, 7, 8, len(digest)):
                known.setdefault(int.from_bytes(digest[:size], "big"), leaf)
        for number in (zlib.crc32(data), zlib.adler32(data)):
            known.setdefault(number, leaf)
            known.setdefault(f"{number:08x}", leaf)
    return known


def _finding(literal: Literal, leaf: _Leaf, what: str) -> Finding:
    train = leaf.row.split is Split.TRAIN
    whose = str(leaf.row.place) if train else f"a {leaf.row.split.value} row"
    text = f"line {literal.line}: found {what} of {whose} as a literal"
    return Finding(
        rule=RULE,
        message=f"{text}; expected code that works it out from the input",
        line=literal.line,
        quotable=train,
    )
