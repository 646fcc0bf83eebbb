"""The record of a run: what is written is read, and nothing else is; parts hold each unit once."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.ci import record as record_module
from pytest_compiledai.ci.record import FILE
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.record import read_record
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.summary import LockDiff


@pytest.fixture
def record(result_of):
    """Return the record of a part that froze one unit."""
    verdict = Verdict(gate="accuracy", findings=(Finding(rule="accuracy.x", message="m"),))
    return Record(
        mode="compile",
        live=False,
        out="compiled",
        collected=("double", "twice"),
        results=(result_of(verdicts=(verdict,)),),
        sandboxes=({"name": "native", "wall": "seccomp", "reason": ""},),
        outside=("specs/x.yaml:1: found a; expected b",),
        diff=LockDiff(path="compiledai.lock", added={"double": "e" * 64}, dropped=("gone",)),
        shard=Shard(number=1, of=2),
        pull_request=12,
    )


def test_what_is_written_is_read(record, tmp_path):
    """A record comes back as it was."""
    (tmp_path / FILE).write_bytes(record.render())

    assert record == read_record(tmp_path)


def test_a_key_is_not_handed_on(record, tmp_path, monkeypatch):
    """The value of a variable that holds a secret leaves the job in no record."""
    monkeypatch.setenv("COMPILE_API_KEY", "expected b")

    assert b"expected b" not in record.render()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("mode",), "locked\n"),
        (("live",), "yes"),
        (("out",), "../elsewhere"),
        (("shard",), "3/2"),
        (("pull_request",), -1),
        (("pull_request",), "12"),
        (("collected",), ["twice"]),
        (("collected",), ["double", "../../x"]),
        (("sandboxes",), [{"name": "native"}]),
        (("sandboxes", 0, "wall"), 7),
        (("outside",), [{"a": 1}]),
        (("results", 0, "unit"), "a`@team"),
        (("results", 0, "kind"), "<b>"),
        (("results", 0, "spec"), "/etc/passwd"),
        (("results", 0, "outcome"), "good"),
        (("results", 0, "gates"), ["a|b"]),
        (("results", 0, "line"), "1"),
        (("results", 0, "cost"), ["9", 9]),
        (("results", 0, "verdicts", 0, "findings", 0, "message"), 7),
        (("results", 0, "verdicts", 0, "findings", 0, "line"), None),
        (("results", 0, "verdicts"), {}),
        (("results", 0, "verdicts", 0, "figures"), None),
        (("results", 0, "files"), ["double.py"]),
        (("results", 0, "entry"), ""),
        (("diff", "path"), "a\nb"),
        (("diff", "added"), {"double": 5}),
        (("diff", "changed"), {"double": ["x"]}),
    ],
)
def test_anything_else_is_refused(record, tmp_path, path, value):
    """A value of another form than a run writes is an error, not a guess."""
    values = json.loads(record.render())
    *way, last = path
    place = values
    for step in way:
        place = place[step]
    assert place[last] != value
    place[last] = value
    (tmp_path / FILE).write_text(json.dumps(values))
    if (path, value) == (("results", 0, "verdicts"), {}):  # no verdict is a form, too
        assert read_record(tmp_path).results[0].verdicts == ()
        return

    with pytest.raises(ArtifactError, match="look at the log"):
        read_record(tmp_path)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"version": NaN}'])
def test_what_is_no_record_is_refused(tmp_path, data):
    """Neither depth nor encoding brings the reader down."""
    (tmp_path / FILE).write_bytes(data)

    with pytest.raises(ArtifactError, match="no record that can be read"):
        read_record(tmp_path)


def test_a_record_too_large_or_elsewhere_is_refused(tmp_path, monkeypatch):
    """Size is looked at before content, and a link is not followed."""
    monkeypatch.setattr(record_module, "MOST_BYTES", 10)
    (tmp_path / "real").write_bytes(b"x" * 11)
    with pytest.raises(ArtifactError, match="no record of a run"):
        read_record(tmp_path)
    (tmp_path / FILE).symlink_to("real")
    with pytest.raises(ArtifactError, match="symlink"):
        read_record(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).write_bytes(b"x" * 11)

    with pytest.raises(ArtifactError, match="over the cap"):
        read_record(tmp_path)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 256])
def test_every_unit_is_in_exactly_one_part(of):
    """Parts share out all names, and evenly enough to be worth it."""
    names = [f"unit_{n}" for n in range(500)]
    held = [[n for n in names if Shard(number=i + 1, of=of).holds(n)] for i in range(of)]

    assert sorted(names) == sorted(name for part in held for name in part)
    assert max(map(len, held)) <= 3 * len(names) / of + 5


def test_the_part_of_a_name_never_moves():
    """The part rests on the name alone, on every machine and in every release."""
    names = ("route_ticket", "parse_duration", "double", "twice")

    parts = [next(i for i in range(1, 5) if Shard(number=i, of=4).holds(n)) for n in names]

    assert parts == [2, 1, 4, 4]


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "01/2", "1/257", "1/2/3", "-1/2"])
def test_another_text_is_no_part(text):
    """A part that cannot be meant stops the job."""
    with pytest.raises(SettingsError, match="--shard"):
        Shard.parse(text)
