"""Samples of calls: what is written, what is taken out, and that no caller notices."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading

import pytest

ROUTE = """def route(data):
    if data.get("stop"):
        raise Abstain("stopped")
    return {"queue": data["text"], "of": len(data)}
"""


@pytest.fixture
def compiled(package):
    package.freeze("route", ROUTE)
    return package.load()


def rows(compiled, path) -> list[dict]:
    compiled.sampled()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_call_is_a_row(compiled, package, tmp_path):
    """With what went in, what came out, and by which artifact."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)

    compiled.route({"text": "a"})

    (row,) = rows(compiled, path)
    assert row["unit"] == "route"
    assert row["sha256"] in package.lock.read_text()
    assert row["outcome"] == "value"
    assert row["input"] == {"text": "a"}
    assert row["output"] == {"queue": "a", "of": 1}
    assert row["fallback"] is False
    assert row["reason"] is None
    assert row["ms"] >= 0


def test_an_input_may_be_passed_by_name(compiled, tmp_path):
    """The row holds the input either way, not the name of the parameter."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)

    compiled.route(data={"text": "a"})

    assert rows(compiled, path)[0]["input"] == {"text": "a"}


def test_refusals_and_errors_are_rows(compiled, tmp_path):
    """An abstention has its reason, an error the name of its class and not its text."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)

    with pytest.raises(compiled.Abstain):
        compiled.route({"stop": True})
    with pytest.raises(KeyError):
        compiled.route({"secret": 1})

    first, second = rows(compiled, path)
    assert (first["outcome"], first["reason"], first["output"]) == ("abstain", "stopped", None)
    assert (second["outcome"], second["reason"]) == ("error", "KeyError")


def test_the_answer_of_a_fallback_is_marked(compiled, tmp_path):
    """The row tells that the artifact abstained and what was answered in its place."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)
    compiled.fallback("route", lambda _: {"queue": "tech"})

    compiled.route({"stop": True})

    (row,) = rows(compiled, path)
    assert (row["outcome"], row["fallback"], row["output"]) == ("abstain", True, {"queue": "tech"})


def test_sqlite_holds_the_same(compiled, tmp_path):
    """One table `calls`; input and output are JSON."""
    path = tmp_path / "calls.sqlite"
    compiled.sample(path)
    compiled.route({"text": "é"})
    assert compiled.sampled() == {"written": 1, "dropped": 0, "failed": 0}

    with contextlib.closing(sqlite3.connect(path)) as store, store:
        (row,) = store.execute("SELECT unit, outcome, fallback, input, label FROM calls")
    store.close()
    assert row == ("route", "value", 0, '{"text": "é"}', "null")


def test_a_column_that_somebody_added_stops_no_row(compiled, tmp_path):
    """A table with the answers of a reference beside the calls takes further calls."""
    path = tmp_path / "calls.sqlite"
    compiled.sample(path)
    compiled.route({"text": "a"})
    compiled.sampled()
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("ALTER TABLE calls ADD COLUMN reference")

    compiled.route({"text": "b"})

    assert {"written": 2, "dropped": 0, "failed": 0} == compiled.sampled()


def test_named_fields_are_taken_out(compiled, tmp_path):
    """By name at any depth, or by a pointer to one place."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path, redact=["email", "/input/who/name", "/input/list/1"])

    compiled.route({"text": "a", "email": 1, "who": {"name": "x", "email": "y"}, "list": [1, 2]})

    (row,) = rows(compiled, path)
    hidden = "[redacted]"
    assert row["input"]["email"] == row["input"]["who"]["email"] == hidden
    assert row["input"]["who"]["name"] == hidden
    assert row["input"]["list"] == [1, hidden]


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop1234",
        "ghp_0123456789abcdefghij",
        "AKIAABCDEFGHIJKLMNOP",
        "Bearer abcdefghijklmnop0123",
        "https://user:pa55word@example.org/",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
        "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
    ],
)
def test_secrets_never_reach_the_disk(compiled, tmp_path, secret):
    """In whatever field, as a value or as a key."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)

    compiled.route({"text": f"see {secret} here", secret: [secret]})

    text = json.dumps(rows(compiled, path))
    assert "[redacted]" in text
    assert secret.split("\n")[0].split("//")[-1].split("@")[0].removeprefix("Bearer ") not in text


def test_a_function_may_change_or_refuse_a_row(compiled, tmp_path):
    """Its errors cost the row and nothing else."""
    path = tmp_path / "calls.jsonl"

    def scrub(row):
        if row["input"]["text"] == "bad":
            raise ValueError
        return row | {"input": "gone"}

    compiled.sample(path, scrub=scrub)
    assert compiled.route({"text": "bad"})["queue"] == "bad"
    compiled.route({"text": "a"})

    (row,) = rows(compiled, path)
    assert row["input"] == "gone"
    assert compiled.sampled() == {"written": 1, "dropped": 0, "failed": 1}


def test_a_share_of_the_calls_is_taken(compiled, tmp_path):
    """A seed makes the choice the same again."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path, rate=0.25, seed=7)

    for _ in range(400):
        compiled.route({"text": "a"})

    assert 70 <= len(rows(compiled, path)) <= 130


def test_only_named_units_are_sampled(compiled, package, tmp_path):
    """Others stay bare functions."""
    package.freeze("other", "def other(data):\n    return 1\n")
    fresh = package.load()
    path = tmp_path / "calls.jsonl"
    fresh.sample(path, "other")

    fresh.other({})
    fresh.route({"text": "a"})

    assert [row["unit"] for row in rows(fresh, path)] == ["other"]
    assert fresh.route.__class__.__name__ == "function"


def test_the_input_is_taken_as_it_was(compiled, tmp_path):
    """What the caller changes after the call is not in the row."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)
    data = {"text": "before"}

    compiled.route(data)
    data["text"] = "after"

    assert rows(compiled, path)[0]["input"] == {"text": "before"}


def test_a_full_file_takes_no_more(compiled, tmp_path):
    """Rows beyond the cap are dropped and counted."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path, most_bytes=1)
    compiled.route({"text": "a"})
    compiled.sampled()
    compiled.route({"text": "b"})

    assert compiled.sampled() == {"written": 1, "dropped": 1, "failed": 0}


def test_a_row_that_is_too_long_is_dropped(compiled, tmp_path):
    """One call with a huge input fills no disk."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)

    compiled.route({"text": "a" * 100_000})

    assert compiled.sampled() == {"written": 0, "dropped": 1, "failed": 0}


def test_a_path_that_cannot_be_written_costs_no_answer(compiled, tmp_path):
    """The caller gets its answer, the counts tell of the loss."""
    compiled.sample(tmp_path / "missing" / "calls.sqlite")

    assert compiled.route({"text": "a"})["queue"] == "a"
    assert compiled.sampled() == {"written": 0, "dropped": 0, "failed": 1}


def test_the_file_is_the_owners(compiled, tmp_path):
    """Samples hold what callers said: nobody else may read them."""
    for name in ("calls.jsonl", "calls.sqlite"):
        compiled.sample(tmp_path / name)
    compiled.route({"text": "a"})
    compiled.sampled()

    for name in ("calls.jsonl", "calls.sqlite"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_threads_lose_no_row(compiled, tmp_path):
    """As long as the queue holds them."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)
    route = compiled.route
    threads = [
        threading.Thread(target=lambda: [route({"text": "a"}) for _ in range(100)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(rows(compiled, path)) == 400


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_writes_its_own_rows(compiled, tmp_path):
    """Servers load first and fork afterwards."""
    path = tmp_path / "calls.jsonl"
    compiled.sample(path)
    compiled.route({"text": "parent"})
    compiled.sampled()

    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        compiled.route({"text": "child"})
        compiled.sampled()
        os._exit(0)
    os.waitpid(child, 0)

    assert sorted(row["input"]["text"] for row in rows(compiled, path)) == ["child", "parent"]


@pytest.mark.parametrize(
    ("path", "rate"), [("calls.csv", 1), ("calls.jsonl", 0), ("calls.jsonl", 1.5)]
)
def test_a_sample_that_makes_no_sense_is_refused(compiled, tmp_path, path, rate):
    """When it is asked for."""
    with pytest.raises(ValueError, match="sample needs"):
        compiled.sample(tmp_path / path, rate=rate)


def test_a_name_that_is_no_artifact_is_refused(compiled, tmp_path):
    """A misspelt name would sample nothing, silently."""
    with pytest.raises(compiled.NotCompiled, match="nope"):
        compiled.sample(tmp_path / "calls.jsonl", "nope")
