"""Sampled calls of production, read from a JSONL or SQLite file for the drift gate.

What a file holds is data of strangers: it is read strictly, nothing of it is executed, and whoever
uses a call keeps it out of prompts. A file that cannot be read to its end is an error.
"""

from __future__ import annotations

import contextlib
import re
import stat
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.words import quoted
from pytest_compiledai.core.words import shown

if TYPE_CHECKING:
    import sqlite3

SUFFIXES: Final = (".jsonl", ".sqlite", ".sqlite3", ".db")
FILE_CAP: Final = 256_000_000  # bytes
LINE_CAP: Final = 256_000  # bytes; the sampler writes rows of up to 64 KiB
READING_S: Final = 60.0  # a table that takes longer was made to
#: What the sampler writes in the place of what may not be stored.
REDACTED: Final = "[redacted]"

OUTCOMES: Final = ("value", "abstain", "error")
_NEEDED: Final = ("unit", "sha256", "outcome", "fallback", "input", "output")
COLUMNS: Final = (
    "time", "unit", "sha256", "outcome", "fallback", "ms", "input", "output", "reason", "label",
    "reference",
)  # fmt: skip
_TEXTS: Final = ("input", "output", "label", "reference")  # columns that hold JSON in a table
_UNIT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STEPS: Final = 100_000  # of SQLite's machine between two looks at the clock


class CallsError(CompiledAIError):
    """A file of sampled calls cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One sampled call."""

    row: int  # 1-based line or row in its file
    unit: str
    sha256: str  # of the artifact's Python file
    outcome: str  # of the artifact itself: value, abstain or error
    fallback: bool  # whether ``output`` is the fallback's
    input: Any
    output: Any  # None where nobody answered
    label: Any = None  # the right output, where somebody said it
    reference: Any = None  # what the reference answered, where somebody asked it

    @property
    def is_answered(self) -> bool:
        """Whether ``output`` is the artifact's own."""
        return self.outcome == "value"


def read_calls(path: Path, where: str) -> Iterator[Call]:
    """Yield the calls of a file in its order. Raises ``CallsError``, named ``where`` in it."""
    rows = _lines(path, where) if path.suffix == ".jsonl" else _table(path, where)
    for number, record in rows:
        yield _call(record, number, where)


def is_redacted(value: Any) -> bool:
    """Return whether something was taken out of a JSON value before it was stored."""
    if isinstance(value, str):
        return REDACTED in value
    if isinstance(value, dict):
        return any(REDACTED in key or is_redacted(item) for key, item in value.items())
    return isinstance(value, list) and any(map(is_redacted, value))


def _fault(where: str, row: int, found: str, expected: str) -> CallsError:
    return CallsError(
        where=f"{where}:{row}" if row else where,
        found=found,
        expected=expected,
        next="write the file with compiled.sample, or mend the row",
    )


def _unread(where: str, error: Exception) -> CallsError:
    text = " ".join((getattr(error, "strerror", None) or str(error)).lower().split())[:200]
    expected = "a file of sampled calls that can be read"
    return _fault(where, 0, text if text.isprintable() else ascii(text), expected)


def _lines(path: Path, where: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        data = read_regular(path, cap=FILE_CAP)
    except OSError as error:
        raise _unread(where, error) from error
    lines = data.split(b"\n")
    if lines.pop():
        raise _fault(where, len(lines) + 1, "no line end", "whole lines: this one may be cut off")
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_CAP:
            raise _fault(where, number, f"{len(line)} bytes", f"at most {LINE_CAP}")
        try:
            record = read_json(line.decode("utf-8"))
        except (UnicodeDecodeError, StrictJSONError) as error:
            raise _fault(where, number, f"{error}"[:200], "one JSON object a line") from None
        if not isinstance(record, dict):
            raise _fault(where, number, shown(record), "an object")
        yield number, record


def _table(path: Path, where: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import sqlite3  # some builds of Python lack it

    try:
        with contextlib.closing(_opened(path)) as store:
            columns = _columns(store, where)
            names = ", ".join(columns)
            rows = store.execute(f"SELECT {names} FROM calls ORDER BY rowid")  # noqa: S608 - ours
            for number, row in enumerate(rows, start=1):
                yield number, _decoded(dict(zip(columns, row, strict=True)), number, where)
    except (OSError, sqlite3.Error) as error:
        raise _unread(where, error) from error


def _opened(path: Path) -> sqlite3.Connection:
    """Return a connection that writes nothing and trusts no code in the file's schema."""
    import sqlite3

    facts = path.stat()  # a missing file is said to be missing, a pipe keeps nobody waiting
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > FILE_CAP:
        raise OSError(f"something else than a plain file of at most {FILE_CAP} bytes")
    store = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
    store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LINE_CAP)
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        store.execute(f"PRAGMA {pragma}")
    end = time.monotonic() + READING_S
    store.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    return store


def _columns(store: sqlite3.Connection, where: str) -> tuple[str, ...]:
    """Return the columns of the table `calls`, which has to be a plain one."""
    made = store.execute("SELECT sql FROM sqlite_master WHERE name = 'calls'").fetchall()
    if len(made) != 1 or not _is_plain(made[0][0]):
        raise _fault(where, 0, "no plain table `calls`", "the table that compiled.sample writes")
    found = [row[1] for row in store.execute("PRAGMA table_xinfo(calls)")]
    odd = [name for name in found if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in found]
    if odd or missing:
        names = f"the column {quoted(odd[0])}" if odd else f"no column `{missing[0]}`"
        raise _fault(where, 0, names, f"the columns {', '.join(COLUMNS)}")
    return tuple(found)


def _is_plain(sql: object) -> bool:
    return isinstance(sql, str) and re.match(r"\s*CREATE\s+TABLE\s", sql, re.IGNORECASE) is not None


def _decoded(record: dict[str, Any], row: int, where: str) -> dict[str, Any]:
    for name in _TEXTS:
        text = record.get(name)
        if text is None:
            continue
        try:
            record[name] = read_json(text if isinstance(text, str) else "")
        except StrictJSONError as error:
            raise _fault(where, row, f"{name}: {error}"[:200], "JSON text") from None
    if type(record["fallback"]) is int and record["fallback"] in (0, 1):
        record["fallback"] = bool(record["fallback"])
    return record


#: What each needed key has to hold.
_RULES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "unit": ("a unit's name", lambda v: isinstance(v, str) and bool(_UNIT.fullmatch(v))),
    "sha256": ("64 hex digits", lambda v: isinstance(v, str) and bool(_SHA256.fullmatch(v))),
    "outcome": (f"one of {', '.join(OUTCOMES)}", lambda v: v in OUTCOMES),
    "fallback": ("true or false", lambda v: type(v) is bool),
}


def _call(record: Mapping[str, Any], row: int, where: str) -> Call:
    odd = [key for key in record if key not in COLUMNS]
    missing = [key for key in _NEEDED if key not in record]
    if odd or missing:
        found = f"the key {quoted(odd[0])}" if odd else f"no `{missing[0]}`"
        raise _fault(where, row, found, f"the keys {', '.join(COLUMNS)}")
    for key, (expected, holds) in _RULES.items():
        if not holds(record[key]):
            raise _fault(where, row, f"{key}: {shown(record[key])}", expected)
    if record["outcome"] == "value" and record["fallback"]:
        raise _fault(where, row, "a fallback's answer of outcome value", "abstain or error")
    values = {key: record[key] for key in (*_RULES, "input", "output")}
    return Call(row=row, label=record.get("label"), reference=record.get("reference"), **values)
