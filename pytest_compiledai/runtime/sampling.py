"""Samples of calls, for the drift check: one row a call in a JSONL or SQLite file, redacted.

A caller never waits for the disk and never sees an error of it: rows go through a bounded queue to
a thread of their own, and what cannot be written is counted. This text becomes a part of
``compiled/__init__.py``.
"""

from __future__ import annotations

# ruff: noqa: PTH116, PTH122 - as in the loader, no pathlib
import os as _os
import re as _re
import threading as _threading
from collections import deque as _deque

from pytest_compiledai.runtime.serving import _Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable as _Callable
    from collections.abc import Iterable as _Iterable
    from typing import Any as _Any

# From here on this text is spliced into compiled/__init__.py.
_REDACTED = "[redacted]"
_QUEUE = 1_000  # rows that wait for the disk; more are dropped and counted
_BATCH = 200  # rows of one write
_LONGEST = 1 << 16  # bytes of one row; a longer one is dropped and counted
_COLUMNS = (
    "time", "unit", "sha256", "outcome", "fallback", "ms", "input", "output", "reason", "label"
)  # fmt: skip
#: Keys as their issuers write them, bearer tokens, and passwords in addresses.
_SECRETS = (
    r"\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abpr])[-_][A-Za-z0-9_-]{16,}"
    r"|\bgithub_pat_\w{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|(?i:\bbearer\s+)[\w.~+/-]{16,}=*"
    r"|(?<=://)[^\s/:@]{1,200}:[^\s/@]{1,200}(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"
)


class _Sampler:
    """Writes a share of the calls to one file."""

    def __init__(
        self,
        path: str,
        *,
        rate: float,
        names: _Iterable[str],
        redact: _Iterable[str],
        scrub: _Callable[[dict[str, _Any]], dict[str, _Any]] | None,
        most_bytes: int,
        seed: int | None,
        digest_of: _Callable[[str], str],
    ) -> None:
        import random

        if not 0 < rate <= 1:
            raise ValueError(f"sample needs a rate above 0 and up to 1, not {rate!r}")
        self.names = frozenset(names)
        self._write = _write_sqlite if _is_sqlite(path) else _write_jsonl
        self._path, self._rate, self._most_bytes = path, rate, most_bytes
        self._redact = frozenset(redact)
        self._secrets = _re.compile(_SECRETS)
        self._scrub = scrub
        self._random = random.Random(seed)  # noqa: S311 - a choice of rows, no secret
        self._digest_of = digest_of
        self.counts = {"written": 0, "dropped": 0, "failed": 0}
        self._reset()

    def _reset(self) -> None:
        """Begin with an empty queue; a forked process has its parent's rows but not its thread."""
        self._pid = _os.getpid()
        self._rows: _deque[dict[str, _Any]] = _deque()
        self._ready = _threading.Condition()
        self._thread: _threading.Thread | None = None
        self._busy = False

    def __call__(self, call: _Call) -> None:
        """Take the call into the sample, or not; raises nothing."""
        try:
            if self._random.random() < self._rate:
                self._add(self._row(call))
        except Exception:  # noqa: BLE001 - the caller's answer is worth more than a row
            self.counts["failed"] += 1

    def flush(self, timeout_s: float) -> bool:
        """Wait until every row so far is written; False where time ran out."""
        if self._pid != _os.getpid():
            return True
        with self._ready:
            return self._ready.wait_for(lambda: not self._rows and not self._busy, timeout_s)

    def _row(self, call: _Call) -> dict[str, _Any]:
        import datetime as dt
        import json

        row = {
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "unit": call.name,
            "sha256": self._digest_of(call.name),
            "outcome": call.outcome,
            "fallback": call.fell_back,
            "ms": round((call.done_s - call.started_s) * 1000, 4),
            "input": call.args[0] if call.args else call.kwargs.get("data", call.kwargs),
            "output": call.output if call.error is None else None,
            "reason": _reason(call),
        }
        # As plain data, before the caller changes what it passed.
        row = json.loads(json.dumps(row, ensure_ascii=False, allow_nan=False))
        row = {**row, **{name: self._hidden(row[name], f"/{name}") for name in _HELD}}
        return self._scrub(row) if self._scrub is not None else row

    def _hidden(self, value: _Any, way: str) -> _Any:
        """Return ``value`` without secrets, and without the fields that are to be redacted."""
        if isinstance(value, dict):
            return {
                self._secrets.sub(_REDACTED, key): (
                    _REDACTED
                    if key in self._redact or f"{way}/{_escaped(key)}" in self._redact
                    else self._hidden(item, f"{way}/{_escaped(key)}")
                )
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [
                _REDACTED if f"{way}/{n}" in self._redact else self._hidden(item, f"{way}/{n}")
                for n, item in enumerate(value)
            ]
        return self._secrets.sub(_REDACTED, value) if isinstance(value, str) else value

    def _add(self, row: dict[str, _Any]) -> None:
        if self._pid != _os.getpid():
            self._reset()
        with self._ready:
            if len(self._rows) >= _QUEUE:
                self.counts["dropped"] += 1
                return
            self._rows.append(row)
            if self._thread is None:
                self._thread = _threading.Thread(
                    target=self._work, name="compiled-samples", daemon=True
                )
                self._thread.start()
            self._ready.notify_all()

    def _work(self) -> None:
        while True:
            with self._ready:
                self._busy = False
                self._ready.notify_all()
                self._ready.wait_for(lambda: self._rows)
                rows = [self._rows.popleft() for _ in range(min(len(self._rows), _BATCH))]
                self._busy = True
            self._put(rows)

    def _put(self, rows: list[dict[str, _Any]]) -> None:
        import json

        try:
            texts = [(json.dumps(row, ensure_ascii=False), row) for row in rows]
            fit = [(text, row) for text, row in texts if len(text.encode()) <= _LONGEST]
            if _size(self._path) >= self._most_bytes:
                fit = []
            if fit:
                self._write(self._path, fit)
            self.counts["written"] += len(fit)
            self.counts["dropped"] += len(rows) - len(fit)
        except Exception:  # noqa: BLE001 - a full disk or a locked file is counted, and no error
            self.counts["failed"] += len(rows)


_HELD = ("input", "output", "reason")  # what holds a caller's data


def _reason(call: _Call) -> str | None:
    if call.cause is None:
        return None
    said = f"{call.cause}" if call.outcome == "abstain" else f"{type(call.cause).__name__}"
    return said[:500]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")  # RFC 6901


def _is_sqlite(path: str) -> bool:
    suffix = _os.path.splitext(path)[1]
    if suffix not in {".jsonl", ".sqlite", ".sqlite3", ".db"}:
        raise ValueError(f"sample needs a file .jsonl or .sqlite, not {path!r}")
    return suffix != ".jsonl"


def _size(path: str) -> int:
    try:
        return _os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _write_jsonl(path: str, rows: list[tuple[str, dict[str, _Any]]]) -> None:
    # One write with O_APPEND: lines of several processes do not mix.
    data = "".join(f"{text}\n" for text, _ in rows).encode()
    handle = _os.open(path, _os.O_WRONLY | _os.O_APPEND | _os.O_CREAT, 0o600)
    try:
        if _os.write(handle, data) != len(data):
            raise OSError("a short write")
    finally:
        _os.close(handle)


def _write_sqlite(path: str, rows: list[tuple[str, dict[str, _Any]]]) -> None:
    import contextlib
    import json
    import sqlite3

    _os.close(_os.open(path, _os.O_WRONLY | _os.O_CREAT, 0o600))
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as store, store:
        names = ", ".join(_COLUMNS)
        store.execute(f"CREATE TABLE IF NOT EXISTS calls ({names})")
        marks = ", ".join("?" * len(_COLUMNS))
        store.executemany(
            # By name: somebody may have added a column, as for the answers of a reference.
            f"INSERT INTO calls ({names}) VALUES ({marks})",  # noqa: S608 - names of ours
            [
                tuple(
                    json.dumps(row.get(name), ensure_ascii=False)
                    if name in _TEXTS
                    else row.get(name)
                    for name in _COLUMNS
                )
                for _, row in rows
            ],
        )


_TEXTS = ("input", "output", "label")  # columns that hold JSON; an absent label is `null`
