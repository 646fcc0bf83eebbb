"""Files of sampled calls: what is read, and that nothing else passes for no calls."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core import sampled
from pytest_compiledai.core.sampled import CallsError
from pytest_compiledai.core.sampled import is_redacted
from pytest_compiledai.core.sampled import read_calls
from pytest_compiledai.runtime.sampling import _COLUMNS
from pytest_compiledai.runtime.sampling import _REDACTED
from pytest_compiledai.runtime.sampling import _write_jsonl
from pytest_compiledai.runtime.sampling import _write_sqlite

ROW: dict[str, Any] = {
    "time": "2026-01-01T00:00:00.000+00:00",
    "unit": "double",
    "sha256": "a" * 64,
    "outcome": "value",
    "fallback": False,
    "ms": 0.01,
    "input": {"n": "\u2028\r'; DROP TABLE calls; --"},
    "output": {"m": [1, 2.5, None, "é"]},
    "reason": None,
}


def line(**changed: Any) -> str:
    return json.dumps({**ROW, **changed}) + "\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def table(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        for statement in statements:
            store.execute(statement)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CallsError) as caught:
        list(read_calls(path, path.name))
    return str(caught.value)


@pytest.mark.parametrize(("name", "write"), [("a.jsonl", _write_jsonl), ("a.db", _write_sqlite)])
def test_what_the_sampler_writes_is_read(tmp_path, name, write):
    """Rows of the sampler itself come back as they were, texts of strangers included."""
    rows = [ROW, {**ROW, "outcome": "abstain", "fallback": True, "unit": "other"}]
    write(str(tmp_path / name), [(json.dumps(row), row) for row in rows])

    first, second = read_calls(tmp_path / name, name)

    assert (ROW["input"], ROW["output"], None) == (first.input, first.output, first.label)
    assert [1, 2] == [first.row, second.row]
    assert (first.is_answered, second.is_answered) == (True, False)
    assert second.fallback


def test_reader_and_sampler_have_the_same_words():
    """What is written is what is read: columns, and what stands for redacted texts."""
    assert (*_COLUMNS, "reference") == sampled.COLUMNS  # which somebody else adds
    assert _REDACTED == sampled.REDACTED


def test_a_label_is_read_and_null_is_none(tmp_path):
    """Whoever labels writes the right output; null says that nobody did."""
    path = written(tmp_path / "a.jsonl", line(label={"m": 1}) + line(label=None))

    assert [{"m": 1}, None] == [call.label for call in read_calls(path, "a.jsonl")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (line() + "\n" + line(), "a.jsonl:2: found no JSON"),
        (line().rstrip("\n"), "a.jsonl:1: found no line end"),
        (line() + line()[:40], "a.jsonl:2: found no line end"),
        ("[1]\n", "a.jsonl:1: found a list"),
        (line(Label={"m": 1}), 'a.jsonl:1: found the key "Label"'),
        (line(unit="../x"), "a.jsonl:1: found unit:"),
        (line(sha256="A" * 64), "a.jsonl:1: found sha256:"),
        (line(outcome="fine"), "a.jsonl:1: found outcome:"),
        (line(outcome=["value"]), "a.jsonl:1: found outcome:"),
        (line(fallback=1), "a.jsonl:1: found fallback: 1"),
        (line(fallback=True), "a.jsonl:1: found a fallback's answer of outcome value"),
        (line().replace("2.5", "NaN"), "a.jsonl:1: found NaN"),
        (line(input="[" * 70), None),
        (line(input=json.loads("[" * 60 + "]" * 60)), None),
        (line().replace('"m": ', '"m": 1, "m": '), "a.jsonl:1: found the key"),
        ('{"unit": ' + "[" * 90 + "]" * 90 + "}\n", "a.jsonl:1: found nesting"),
        (line(input="x" * 260_000), "a.jsonl:1: found 260"),
        ("{}\n", "a.jsonl:1: found no `unit`"),
    ],
)
def test_a_line_that_is_not_a_call_is_an_error_at_its_number(tmp_path, text, found):
    """Nothing is guessed and nothing left out: the rest could be what shows the drift."""
    path = written(tmp_path / "a.jsonl", text)

    if found is None:
        assert len(list(read_calls(path, "a.jsonl"))) == 1
    else:
        assert refused(path).startswith(found)


def test_bytes_that_are_no_text_are_an_error(tmp_path):
    """A file that is not UTF-8 is refused at its line."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(line().encode() + b'{"unit": "\xff"}\n')

    assert refused(path).startswith("a.jsonl:2: found 'utf-8'")


@pytest.mark.parametrize("name", ["none.jsonl", "none.sqlite"])
def test_a_missing_file_is_an_error(tmp_path, name):
    """No file is not the same as no calls."""
    assert "no such file" in refused(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
@pytest.mark.parametrize("name", ["pipe.jsonl", "pipe.sqlite"])
def test_a_pipe_keeps_nobody_waiting(tmp_path, name):
    """What is no plain file is refused at once."""
    os.mkfifo(tmp_path / name)

    assert "plain file" in refused(tmp_path / name)


COLUMNS = ", ".join(sampled.COLUMNS)
OTHERS = COLUMNS.replace("time,", "")
GENERATED = f"CREATE TABLE calls ({OTHERS}, time GENERATED ALWAYS AS (hex(zeroblob(90000000))))"
ENDLESS = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT max(x) FROM r"


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ((), "no plain table `calls`"),
        (("CREATE TABLE other (x)",), "no plain table `calls`"),
        (("CREATE TABLE t (x)", f"CREATE VIEW calls AS {ENDLESS}"), "no plain table `calls`"),
        ((f"CREATE VIRTUAL TABLE calls USING fts4({COLUMNS})",), "no plain table `calls`"),
        ((f"CREATE TABLE calls ({COLUMNS}, lable)",), 'the column "lable"'),
        (("CREATE TABLE calls (unit, sha256)",), "no column `outcome`"),
        ((f"CREATE TABLE calls ({COLUMNS})", "INSERT INTO calls (unit) VALUES (1)"), "unit: 1"),
        (
            (
                f"CREATE TABLE calls ({COLUMNS})",
                "INSERT INTO calls (unit, input) VALUES ('a', x'00ff')",
            ),
            "input: no JSON",
        ),
        (
            (
                f"CREATE TABLE calls ({COLUMNS})",
                "INSERT INTO calls (unit) VALUES (zeroblob(400000))",
            ),
            "too big",
        ),
        (
            (
                GENERATED,
                "INSERT INTO calls (unit) VALUES ('a')",
            ),
            "too big",
        ),
    ],
)
def test_a_table_that_is_not_ours_is_an_error(tmp_path, statements, found):
    """Views, virtual tables, other columns and oversized cells are refused, never run or skipped."""
    path = table(tmp_path / "a.sqlite", *(statements or ("CREATE TABLE x (y)",)))

    assert found in refused(path)


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    """Text with the suffix of a database is refused."""
    path = written(tmp_path / "a.sqlite", line() * 20)

    assert "not a database" in refused(path)


def test_a_table_that_never_ends_is_cut_off(tmp_path, monkeypatch):
    """A reading that takes longer than its time is an error."""
    monkeypatch.setattr(sampled, "READING_S", 0.0)
    monkeypatch.setattr(sampled, "_STEPS", 10)
    path = tmp_path / "a.sqlite"
    _write_sqlite(str(path), [("", ROW)] * 500)

    assert "interrupted" in refused(path)


def test_what_a_file_calls_itself_cannot_move_the_cursor(tmp_path):
    """Names in a hostile schema come back in errors of SQLite, escaped."""
    path = table(tmp_path / "a.sqlite", f"CREATE TABLE calls ({COLUMNS})")
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("PRAGMA writable_schema = ON")
        store.execute("UPDATE sqlite_master SET name = 'x\x1b[2J', sql = 'CREATE NONSENSE'")

    assert "\x1b" not in refused(path)


def test_a_damaged_database_is_an_error(tmp_path):
    """Pages that were overwritten do not read as fewer calls."""
    path = tmp_path / "a.sqlite"
    _write_sqlite(str(path), [("", ROW)] * 500)
    data = bytearray(path.read_bytes())
    data[8192:20000] = b"\x07" * (20000 - 8192)
    path.write_bytes(data)

    assert "malformed" in refused(path)


def test_reading_changes_nothing(tmp_path):
    """The file and its folder are as they were."""
    path = tmp_path / "a.sqlite"
    _write_sqlite(str(path), [("", ROW)])
    before = path.read_bytes()

    list(read_calls(path, "a.sqlite"))

    assert before == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[redacted]", True),
        ({"a": [{"b": "call [redacted] now"}]}, True),
        ({"[redacted]": 1}, True),
        ({"a": [1, None, "redacted"]}, False),
    ],
)
def test_what_was_taken_out_is_seen_wherever_it_stood(value, expected):
    """In a text, in a key, in a list."""
    assert is_redacted(value) is expected
