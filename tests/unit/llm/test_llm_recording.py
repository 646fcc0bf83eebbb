"""Recordings: stable bytes, a strict reader, and the choice among models."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.llm import listing
from pytest_compiledai.llm.recording import MOST_BYTES
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request

REQUEST = Request(
    messages=(
        Message(role="system", content="Write.\n\nShort lines.\n"),
        Message(role="user", content="größer\r\nthan\u2028before"),
    ),
    parameters={"temperature": 0.0, "max_tokens": 10},
    sample=2,
)


def reply_of(model: str = "bridge/a", text: str = "one\ntwo\n") -> Reply:
    return Reply(text=text, model=model, tokens_in=5, tokens_out=2)


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    return Recordings(tmp_path / "recordings")


@pytest.mark.parametrize(
    "reply",
    [
        reply_of(),
        reply_of(text=""),
        reply_of(text="\n\r\n\x00 \u2028 \U0001f600"),
        Reply(text="x", model="m", tokens_in=0, tokens_out=0, usage="estimated", seconds=1.25),
    ],
)
def test_what_is_stored_is_found_as_it_was(recordings: Recordings, reply: Reply) -> None:
    """Every character and figure of a reply survives the file."""
    recordings.store(REQUEST, reply)

    assert recordings.find(REQUEST.key) == (reply,)


def test_the_bytes_are_pinned(recordings: Recordings) -> None:
    """A recording is text of stable bytes with a line of its own for each line of the exchange."""
    recordings.store(REQUEST, reply_of())

    (path,) = recordings.folder.iterdir()
    lines = path.read_bytes().decode().split("\n")
    assert path.name == f"{REQUEST.key}.bridge+a.json"
    assert lines[1] == ' "model": "bridge/a",'
    assert '     "größer\\r",' in lines
    assert lines[-8:] == [
        '  "tokens_in": 5,',
        '  "tokens_out": 2,',
        '  "usage": "reported",',
        '  "seconds": null,',
        '  "finish": "stop"',
        " }",
        "}",
        "",
    ]


def test_a_checkout_with_other_line_ends_reads_the_same(recordings: Recordings) -> None:
    """A recording that a checkout gave CRLF line ends still has its digest."""
    recordings.store(REQUEST, reply_of())
    (path,) = recordings.folder.iterdir()
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert recordings.find(REQUEST.key) == (reply_of(),)


def test_models_that_look_alike_have_files_of_their_own(recordings: Recordings) -> None:
    """Names that differ in case or in one sign alone do not overwrite one another."""
    models = ["a/b-c", "a-b/c", "a/B-c", "a:b-c", "a+b-c", "x" * 200, "x" * 201]
    for model in models:
        recordings.store(REQUEST, reply_of(model))

    assert [reply.model for reply in recordings.find(REQUEST.key)] == sorted(models)
    names = [path.name.lower() for path in recordings.folder.iterdir()]
    assert len(set(names)) == len(models)


def test_nothing_is_found_where_nothing_is(recordings: Recordings) -> None:
    """A folder that is not there holds no recordings."""
    assert recordings.find(REQUEST.key) == ()
    assert recordings.choose(REQUEST, model=None, preferred=None) is None
    assert recordings.choose(REQUEST, model="m", preferred=None) is None


def test_the_asked_model_alone_answers(recordings: Recordings) -> None:
    """With a model configured, another model's recording is none."""
    recordings.store(REQUEST, reply_of("bridge/a"))

    assert recordings.choose(REQUEST, model="bridge/a", preferred=None) == reply_of("bridge/a")
    assert recordings.choose(REQUEST, model="bridge/b", preferred="bridge/a") is None


def test_the_preferred_model_answers_first(recordings: Recordings) -> None:
    """Without a model configured, the entry's proposer is taken where several are recorded."""
    for model in ("bridge/a", "bridge/b"):
        recordings.store(REQUEST, reply_of(model))

    chosen = recordings.choose(REQUEST, model=None, preferred="bridge/b")
    assert chosen == reply_of("bridge/b")


def test_the_only_model_answers_else(recordings: Recordings) -> None:
    """Without a model configured, a sole recording is taken whoever made it."""
    recordings.store(REQUEST, reply_of("bridge/a"))

    assert recordings.choose(REQUEST, model=None, preferred="m") == reply_of("bridge/a")


def test_several_models_and_no_preference_is_an_error(recordings: Recordings) -> None:
    """Which of several models answers is never chance."""
    for model in ("bridge/b", "bridge/a"):
        recordings.store(REQUEST, reply_of(model))

    with pytest.raises(ModelError, match="several models: bridge/a, bridge/b"):
        recordings.choose(REQUEST, model=None, preferred="m")


def edited(path: Path, change: Any) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda d: d["request"].update(sample=3), "a request whose digest is"),
        (lambda d: d["request"]["messages"][0]["content"].append("x"), "a request whose digest is"),
        (lambda d: d["request"]["messages"][0].update(role="tool"), "role 'tool'"),
        (lambda d: d.update(model="bridge/b"), "an answer of bridge/b"),
        (lambda d: d.update(note=""), "missing or unknown: note"),
        (lambda d: d["reply"].update(key="x"), "missing or unknown: key"),
        (lambda d: d["reply"].pop("seconds"), "missing or unknown: seconds"),
        (lambda d: d["reply"].update(seconds=-1), "seconds: -1"),
        (lambda d: d["reply"].update(seconds="1"), "seconds: '1'"),
        (lambda d: d["reply"].update(tokens_in=-1), "a count of -1"),
        (lambda d: d["reply"].update(tokens_out=True), "bool where int belongs"),
        (lambda d: d["reply"].update(usage="guessed"), "usage: 'guessed'"),
        (lambda d: d["reply"].update(text="x"), "str where list belongs"),
        (lambda d: d["reply"].update(text=[1]), "int where str belongs"),
        (lambda d: d["reply"].update(finish=None), "NoneType where str belongs"),
        (lambda d: d.update(reply=[]), "list where dict belongs"),
    ],
)
def test_an_edited_recording_is_an_error(recordings: Recordings, change: Any, found: str) -> None:
    """Whatever was not written by us so names the file, the fault and what to run."""
    recordings.store(REQUEST, reply_of())
    (path,) = recordings.folder.iterdir()
    edited(path, change)

    with pytest.raises(ModelError) as caught:
        recordings.choose(REQUEST, model=None, preferred=None)

    assert found in caught.value.found
    assert path.name in str(caught.value.where)
    assert "git checkout" in caught.value.next


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "utf-8"),
        (b'{"model": "a", "model": "b"}', 'the key "model" twice'),
        (b"[" * 100, "nesting deeper"),
        (b" " * (MOST_BYTES + 1), f"over the cap of {MOST_BYTES}"),
    ],
)
def test_a_broken_file_is_an_error(recordings: Recordings, data: bytes, found: str) -> None:
    """What is no strict JSON, or too large, is told with its file."""
    recordings.store(REQUEST, reply_of())
    (path,) = recordings.folder.iterdir()
    path.write_bytes(data)

    with pytest.raises(ModelError, match=found):
        recordings.choose(REQUEST, model="bridge/a", preferred=None)


def test_an_exchange_too_large_is_not_stored(recordings: Recordings) -> None:
    """What the reader would refuse is not written."""
    with pytest.raises(ModelError, match="an exchange of"):
        recordings.store(REQUEST, reply_of(text="x" * MOST_BYTES))

    assert not recordings.folder.exists()


def test_other_files_in_the_folder_are_none_of_ours(recordings: Recordings) -> None:
    """Reference examples and notes beside recordings are left alone."""
    recordings.store(REQUEST, reply_of())
    (recordings.folder / "route_ticket.reference.json").write_text("{", encoding="utf-8")
    (recordings.folder / f"{REQUEST.key}.json").write_text("{", encoding="utf-8")

    assert recordings.find(REQUEST.key) == (reply_of(),)


def test_a_settled_folder_is_listed_once(
    recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand units that look into one folder list it once; a new file is seen all the same."""
    recordings.store(REQUEST, reply_of("bridge/a"))
    os.utime(recordings.folder, (1_000_000_000, 1_000_000_000))
    listed: list[tuple[object, ...]] = []
    real = listing._list
    monkeypatch.setattr(listing, "_list", lambda *of: listed.append(of) or real(*of))

    for _ in range(3):
        recordings.find(REQUEST.key)
    recordings.store(REQUEST, reply_of("bridge/b"))
    found = recordings.find(REQUEST.key)

    assert len(found) == 2
    # The folder is young now: it is listed for its files and for its packs.
    assert len(listed) == 3


def test_a_folder_that_just_changed_is_listed_again(recordings: Recordings) -> None:
    """A file written within a tick of the clock of a listing is not missed."""
    recordings.store(REQUEST, reply_of("bridge/a"))
    stat = recordings.folder.stat()
    recordings.find(REQUEST.key)
    recordings.store(REQUEST, reply_of("bridge/b"))
    os.utime(recordings.folder, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert len(recordings.find(REQUEST.key)) == 2
