"""Packs of recordings: the same answers, fewer bytes, merged by joining, checked like files."""

from __future__ import annotations

import gzip
import os

import pytest

from pytest_compiledai.cli import main
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.llm.pack import pack
from pytest_compiledai.llm.pack import packed
from pytest_compiledai.llm.pack import unpack
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request


def request(number: int = 1) -> Request:
    return Request(
        messages=(Message(role="user", content=f"write\nnumber {number}"),),
        parameters={"temperature": 0},
        sample=0,
    )


def reply(text: str = "one\ntwo", model: str = "some/model") -> Reply:
    return Reply(
        text=text,
        model=model,
        tokens_in=10,
        tokens_out=5,
        usage="reported",
        seconds=None,
        finish="stop",
    )


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the recordings of three requests, one of them by two models."""
    made = tmp_path / "recordings"
    for number in range(3):
        Recordings(made).store(request(number), reply(f"answer {number}"))
    Recordings(made).store(request(0), reply("other", "other/model"))
    settle(made)
    return made


def settle(folder) -> None:
    """Make the folder look unchanged for long: listings of young folders are not kept."""
    os.utime(folder, ns=(10**18, 10**18))


def packs(folder) -> None:
    for path in pack(folder, folder / "all.pack"):
        path.unlink()
    os.utime(folder, ns=(10**18, 10**18 + 1))


def test_a_packed_recording_answers_as_its_file_did(folder):
    """By request and model, and several models of one request."""
    before = [Recordings(folder).find(request(number).key) for number in range(3)]

    packs(folder)

    assert [path.name for path in folder.iterdir()] == ["all.pack"]
    assert [Recordings(folder).find(request(number).key) for number in range(3)] == before
    chosen = Recordings(folder).choose(request(0), model="other/model", preferred=None)
    assert chosen is not None
    assert chosen.text == "other"
    assert Recordings(folder).choose(request(9), model="other/model", preferred=None) is None


def test_equal_recordings_make_equal_packs(folder, tmp_path):
    """No time and no order of the disk gets into the bytes."""
    pack(folder, tmp_path / "a.pack")
    pack(folder, tmp_path / "b.pack")

    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


def test_unpacking_gives_the_files_back(folder):
    """Byte for byte."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    packs(folder)

    unpack(folder)

    assert {p.name: p.read_bytes() for p in folder.glob("*.json")} == before


def test_packs_are_merged_by_joining_them(folder, tmp_path):
    """The same exchange in both is one."""
    other = tmp_path / "other"
    Recordings(other).store(request(7), reply("seven"))
    Recordings(other).store(request(1), reply("answer 1"))
    pack(folder, tmp_path / "a")
    pack(other, tmp_path / "b")
    joined = tmp_path / "joined"
    joined.mkdir()
    (joined / "x.pack").write_bytes((tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes())

    assert len(packed(joined)) == 5
    assert Recordings(joined).find(request(7).key)[0].text == "seven"


def test_a_file_of_its_own_stands_for_its_packed_copy(folder):
    """What a model was asked again lies beside the pack and is newer."""
    packs(folder)
    Recordings(folder).store(request(1), reply("newer"))

    assert Recordings(folder).find(request(1).key)[0].text == "newer"


def test_two_packs_may_not_disagree(folder, tmp_path):
    """Which of two answers holds must not depend on the names of files."""
    packs(folder)
    other = tmp_path / "other"
    Recordings(other).store(request(1), reply("else"))
    pack(other, folder / "z.pack")

    with pytest.raises(ModelError, match="another answer"):
        Recordings(folder).find(request(1).key)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"no gzip", "incorrect header"),
        (gzip.compress(b"x" * 90, mtime=0)[:-20], "ends too early"),
        (gzip.compress(b"a line without a name\n", mtime=0), "line 1"),
        (gzip.compress(b"../x.json\t{}\n", mtime=0), "line 1"),
        (
            gzip.compress(b"%s.m.json\t{}\n%s.m.json\t[]\n" % (b"a" * 64, b"a" * 64), mtime=0),
            "line 2",
        ),
    ],
    ids=["no gzip", "cut", "no name", "name", "twice"],  # a time in one would differ by process
)
def test_a_broken_pack_is_named(tmp_path, data, match):
    """No recording of it is used, and none is taken to be missing."""
    (tmp_path / "x.pack").write_bytes(data)

    with pytest.raises(ModelError, match=match):
        Recordings(tmp_path).find("a" * 64)


def test_a_flood_is_no_pack(tmp_path, monkeypatch):
    """A small file that unfolds to a huge one is stopped at the cap."""
    monkeypatch.setattr("pytest_compiledai.llm.pack.MOST_TEXT", 1000)
    (tmp_path / "x.pack").write_bytes(gzip.compress(b"x" * 100_000))

    with pytest.raises(ModelError, match="more than 1000 bytes"):
        packed(tmp_path)


def test_an_edited_line_is_an_edited_recording(folder):
    """A pack's exchange passes the checks of a file's."""
    packs(folder)
    text = gzip.decompress((folder / "all.pack").read_bytes())
    (folder / "all.pack").write_bytes(gzip.compress(text.replace(b'"number 1"', b'"number 8"')))

    with pytest.raises(ModelError, match="a request whose digest is"):
        Recordings(folder).find(request(1).key)


def test_a_thousand_exchanges_are_small(tmp_path):
    """Prompts repeat most of their text."""
    many = tmp_path / "many"
    head = "rules of the house, in many words\n" * 200
    for number in range(50):
        told = (Message(role="user", content=f"{head}{number}"),)
        asked = Request(messages=told, parameters={}, sample=0)
        Recordings(many).store(asked, reply(f"answer {number}"))
    loose = sum(path.stat().st_size for path in many.iterdir())
    settle(many)

    pack(many, tmp_path / "all.pack")

    assert (tmp_path / "all.pack").stat().st_size < loose / 50


def test_the_command_packs_and_unpacks(folder, capsys):
    """`compiledai recordings pack DIR` and back; `--keep` leaves what was packed."""
    names = sorted(path.name for path in folder.iterdir())

    assert main(["recordings", "pack", str(folder), "--keep"]) == 0
    assert len(list(folder.iterdir())) == 5
    assert main(["recordings", "pack", str(folder)]) == 0
    assert [path.name for path in folder.iterdir()] == ["recordings.pack"]
    assert "4 recordings" in capsys.readouterr().out
    assert main(["recordings", "unpack", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == names


def test_the_command_says_what_is_missing(tmp_path, capsys):
    """No folder, or no recording in it."""
    assert main(["recordings", "pack", str(tmp_path / "none")]) == 2
    assert main(["recordings", "pack", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "found no folder" in said
    assert "found no recording" in said
