"""Logs on disk → calls: files and folders, line by line, nothing lost in silence."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import BinaryIO
from typing import Final

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.formats import EXPECTED
from pytest_compiledai.audit.formats import Formats
from pytest_compiledai.audit.formats import UnknownRecordError
from pytest_compiledai.core.errors import SettingsError

SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".log", ".jsonl.gz", ".ndjson.gz", ".json.gz")
LINE_CAP: Final = 32_000_000  # bytes; a longer line is unreadable
WHOLE_CAP: Final = 256_000_000  # bytes of a file that is one JSON document


@dataclass(slots=True)
class Tally:
    """What was read and what could not be."""

    files: int = 0
    lines: int = 0
    calls: int = 0
    failed: int = 0  # calls that the log itself calls failed, or that have no answer
    other: int = 0  # spans that are no calls
    unreadable: int = 0
    unpaired: int = 0  # lines of a batch without their other half
    first_unreadable: str = ""  # FILE:LINE: reason
    formats: Counter[str] = field(default_factory=Counter)

    def spoil(self, path: Path, line: int, reason: str) -> None:
        """Count an unreadable line; the first is remembered."""
        self.unreadable += 1
        self.first_unreadable = self.first_unreadable or f"{path.as_posix()}:{line}: {reason}"


def log_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files of the logs named, those of folders in order of their paths.

    Raises ``SettingsError`` for a path that is not there and a folder without logs.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SettingsError(
                where=str(path),
                found="nothing there",
                expected="a log file or a folder of them",
                next="compiledai audit FILE.jsonl",
            )
        inside = (
            sorted(each for each in path.rglob("*") if _is_log(each)) if path.is_dir() else [path]
        )
        if not inside:
            expected = f"files that end in {', '.join(SUFFIXES)}"
            raise SettingsError(
                where=str(path),
                found="a folder without logs",
                expected=expected,
                next="compiledai audit FILE.jsonl",
            )
        found += inside
    return list(dict.fromkeys(found))


def read_calls(files: Sequence[Path], tally: Tally) -> Iterator[Call]:
    """Yield the calls of all files in order, counting in ``tally``.

    Raises ``SettingsError`` for a file that cannot be opened and for one with no line that any
    format knows.
    """
    formats = Formats()
    for path in files:
        unreadable, lines, spoilt = tally.unreadable, tally.lines, tally.first_unreadable
        tally.files += 1
        try:
            for number, record in _records(path, tally):
                yield from _calls_of(formats, record, path, number, tally)
        except (OSError, EOFError) as error:
            raise SettingsError(
                where=path.as_posix(),
                found=str(error),
                expected="a file that can be read",
                next="look at its rights, and whether it is whole",
            ) from error
        if lines < tally.lines <= lines + tally.unreadable - unreadable:
            raise SettingsError(
                # The tally names one line of all files, perhaps of one before.
                where=path.as_posix() if spoilt else tally.first_unreadable,
                found="a file in which no line has a known format",
                expected=EXPECTED,
                next="see docs/audit.md for a line of each",
            )
    if not tally.lines:
        raise SettingsError(
            where=", ".join(path.as_posix() for path in files[:3]),
            found="no line",
            expected=EXPECTED,
            next="see docs/audit.md for a line of each",
        )
    tally.unpaired = formats.unpaired


def _calls_of(
    formats: Formats, record: Any, path: Path, number: int, tally: Tally
) -> Iterator[Call]:
    if not isinstance(record, dict):
        tally.spoil(path, number, "no object")
        return
    count = 0
    try:
        for name, call in formats.read(record):
            count += 1
            if call is None or not call.messages or not call.answer:
                tally.failed += 1
            else:
                tally.calls += 1
                tally.formats[name] += 1
                yield call
    except UnknownRecordError:
        keys = ", ".join(sorted(str(key)[:40] for key in record)[:8])
        tally.spoil(path, number, f"no known format (keys: {keys})")
        return
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # A record may have any shape inside; one that breaks its reader is unreadable, not fatal.
        tally.spoil(path, number, f"a record that breaks its format ({type(error).__name__})")
        return
    if not count and "custom_id" not in record:
        tally.other += 1


def _records(path: Path, tally: Tally) -> Iterator[tuple[int, Any]]:
    """Yield (line, record); a file that is one JSON document yields its items."""
    with _open(path) as file:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            tally.lines += 1
            if len(line) > LINE_CAP:
                tally.spoil(path, number, f"a line of more than {LINE_CAP} bytes")
                continue
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                if number == 1 and line.lstrip()[:1] in (b"[", b"{"):
                    whole = _whole(path)
                    if whole is not None:
                        yield from ((1, item) for item in whole)
                        return
                tally.spoil(path, number, "no JSON")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, the rest of one that is too long thrown away."""
    while line := file.readline(LINE_CAP + 1):
        yield line
        while len(line) > LINE_CAP and not line.endswith(b"\n"):
            line = file.readline(LINE_CAP + 1)


def _whole(path: Path) -> list[Any] | None:
    """Return the items of a file that is one JSON document; None where it is none."""
    with _open(path) as file:
        data = file.read(WHOLE_CAP + 1)
    if len(data) > WHOLE_CAP:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else [value]


def _open(path: Path) -> BinaryIO:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]  # GzipFile reads like a file
    return path.open("rb")


def _is_log(path: Path) -> bool:
    return path.is_file() and path.name.endswith(SUFFIXES) and not path.name.startswith(".")
