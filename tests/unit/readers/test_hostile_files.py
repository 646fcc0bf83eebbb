"""Files that a repository brings along: a value or a clear error, never a crash, a hang, a write."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from pytest_compiledai.core.document import EVENTS_CAP
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.paths import NotPlain
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.counterexamples import KEY
from pytest_compiledai.counterexamples import recall
from pytest_compiledai.functions.capabilities import read_table
from pytest_compiledai.functions.reference import _stored
from pytest_compiledai.functions.reference import parse_answers

ROOT = Path(__file__).parents[3]
SHORT = 5_000  # inputs, over all readers; the campaign of `python -m bench.readers` has a million
SEED = 7

timed = pytest.mark.skipif(
    not hasattr(time, "pthread_getcpuclockid"), reason="the watch needs a thread's clock"
)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    """Return the campaign's module."""
    monkeypatch.syspath_prepend(str(ROOT))
    import bench.readers

    return bench.readers


@timed
def test_a_short_campaign_finds_nothing(bench) -> None:
    """Every reader answers thousands of hostile inputs with a value or an error of its own."""
    done = bench.campaign(sorted(bench.READERS), SHORT, SEED)

    assert done.findings == []
    assert done.as_json()["inputs"] == SHORT
    # Inputs that nothing accepts, or that nothing refuses, would show nothing.
    assert all(tally.values for tally in done.tallies.values())
    never_refuse = {"journal", "counterexample"}  # what is not theirs is none: no error
    assert all(done.tallies[name].errors for name in set(done.tallies) - never_refuse)


def hang(*_: object) -> None:
    while True:
        pass


@timed
@pytest.mark.parametrize(
    ("read", "found"),
    [
        (lambda *_: {}["x"], "KeyError"),
        (lambda *_: b"\xff".decode(), "UnicodeDecodeError"),
        (lambda *_: [].__getitem__(0), "IndexError"),
        (lambda _, at: (at.folder / "made").write_bytes(b""), "written or removed: made"),
        (
            lambda *_: (_ for _ in ()).throw(SpecError(where="", found="x", expected="y")),
            "no place",
        ),
        (hang, "processor time"),
    ],
)
def test_the_campaign_notices(bench, monkeypatch, read, found: str) -> None:
    """A reader that crashes, hangs, writes, or says no place is a finding."""
    bad = bench.READERS["json"].__class__(read, lambda _: [b"x"], share=1)
    monkeypatch.setattr(bench, "READERS", {"bad": bad})
    monkeypatch.setattr(bench, "LIMIT_S", 0.05)

    done = bench.campaign(["bad"], 1, SEED)

    assert [found in sample["found"] for sample in done.findings] == [True]


@timed
def test_an_input_can_be_made_again(bench, tmp_path: Path) -> None:
    """A finding names a number, and the number gives the same bytes again."""
    watch = bench.Watch(bench.LIMIT_S)
    made = [bench.Bench(SEED, tmp_path / name, watch).input("lock", 40) for name in ("a", "b")]

    assert made[0] == made[1]
    assert made[0] != bench.Bench(SEED + 1, tmp_path / "c", watch).input("lock", 40)


def test_a_spec_of_very_many_nodes_is_refused() -> None:
    """Bytes alone do not bound the time: 250 kB of empty lists took two seconds."""
    text = f"compiledai: 1\na: [{'[],' * EVENTS_CAP}]\n"

    with pytest.raises(SpecError, match="split it"):
        read_documents(text.encode(), "specs/x.yaml")


@timed
def test_a_line_of_spaces_is_looked_at_once(bench, tmp_path: Path) -> None:
    """Every YAML file of a project is asked whether it is a spec: spaces took four seconds."""
    with bench.Watch(bench.LIMIT_S) as watch:
        found, _ = bench.Bench(SEED, tmp_path, watch).watched("yaml", b" " * 60_000)

    assert found == "error: SpecError"


@pytest.mark.parametrize(
    "line",
    [
        "a" + ".a" * 60_000 + " = 1",
        "[a" + ".a" * 60_000 + "]",
        '[artifact."a"]\nfiles = {a' + ".a" * 60_000 + " = 1}",
        "a = " + "9" * 5000,
        "a = " + "[" * 50_000,
    ],
    ids=["dotted key", "dotted table", "dotted inline", "long number", "deep"],
)
def test_toml_that_costs_its_parser_dear_is_refused_at_once(line: str) -> None:
    """A key of 60,000 parts took a minute, a number of 5,000 digits ended in a traceback."""
    with pytest.raises(LockError, match="no TOML"):
        read_lock(f"lock-version = 1\n{line}\n".encode(), "compiledai.lock")


def test_dots_inside_strings_are_no_parts_of_a_key() -> None:
    """Files of many dots are a lock as it is written, and `proposer` may hold some too."""
    files = ", ".join(f'"a/{n}.tar.gz" = "{"a" * 64}"' for n in range(10))

    faults = read_lock(
        f'lock-version = 1\n[artifact."a"]\nfiles = {{{files}}}\n'.encode(), "compiledai.lock"
    ).faults

    assert "no key `attempts`" in str(faults["a"])


def test_a_long_integer_is_refused_whatever_the_environment_says() -> None:
    """The bound is ours, so that PYTHONINTMAXSTRDIGITS changes no verdict."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(StrictJSONError, match="an integer of 4301 digits"):
            read_json("9" * 4301)
    finally:
        sys.set_int_max_str_digits(limit)
    assert read_json("-" + "9" * 4300) < 0


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"examples": [NaN]}', '{"examples": {"a": 1}}', '{"examples": "ab"}', "[]"],
)
def test_reference_examples_are_read_strictly(tmp_path: Path, text: str) -> None:
    """Depth, NaN and other shapes are an error that names the file."""
    path = tmp_path / "double.reference.json"
    path.write_text(text)

    with pytest.raises(ModelError, match=r"double\.reference\.json"):
        _stored(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "[NaN, 1]", '[{"a": 1, "a": 2}, 1]', "[1e999, 1]"])
def test_a_models_answers_are_read_strictly(text: str) -> None:
    """What a model says is a reader's input too."""
    with pytest.raises(ModelError, match="the reference of double"):
        parse_answers(text, 2, where="the reference of double")


def test_recorded_calls_are_lines_of_line_feeds() -> None:
    """A line separator inside a JSON text is no end of a line; bytes that are no UTF-8 are told."""
    row = '{"input": "a\u2028b", "output": 1}\n'

    assert read_table(row.encode(), "x.jsonl") == {'"a\\u2028b"': 1}
    with pytest.raises(SpecError, match=r"x\.jsonl:2: found bytes that are not UTF-8"):
        read_table(row.encode() + b"\xff", "x.jsonl")


@pytest.mark.parametrize(
    "text", ["[]", "1", '{"double": []}', '{"double": {"spec": 1, "input": 2}}']
)
def test_a_cache_of_another_shape_holds_no_counterexample(tmp_path: Path, text: str) -> None:
    """`.pytest_cache` can come with the tree: what is not as we write it is not read."""
    path = tmp_path / ".pytest_cache" / "v" / KEY
    path.parent.mkdir(parents=True)
    path.write_text(text)

    assert recall(tmp_path, "double") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_does_not_hang_a_reader(tmp_path: Path) -> None:
    """Whoever opens a pipe in the usual way waits for a writer for ever."""
    os.mkfifo(tmp_path / "compiledai.lock")

    with pytest.raises(NotPlain):
        read_regular(tmp_path / "compiledai.lock", cap=10)
    with pytest.raises(LockError, match="no plain file"):
        read_lock_file(tmp_path / "compiledai.lock", "compiledai.lock")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
def test_a_device_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A link to an endless device is refused; one to a file is followed."""
    (tmp_path / "a").symlink_to("/dev/zero")
    (tmp_path / "b").write_bytes(b"text")
    (tmp_path / "c").symlink_to("b")

    with pytest.raises(NotPlain):
        read_regular(tmp_path / "a", cap=10)
    assert read_regular(tmp_path / "c", cap=4) == b"text"
    with pytest.raises(NotPlain, match="4 bytes, over the cap of 3"):
        read_regular(tmp_path / "c", cap=3)


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        ("matrices", b'{"m": {"dtype": "F32", "shape": [2, 2], "data_offsets": true}}'),
        ("tensors", b'{"m": {"dtype": [], "shape": [2, 2], "data_offsets": [0, 16]}}'),
        ("traces", b'{"id": "a", "score": 1' + b"0" * 400 + b', "steps": [{"action": "x"}]}'),
        ("graph", b'{"solve": {"signature": 0.1, "demos": []}}'),
        ("spans", b'{"resourceSpans": [1]}'),
        ("sketch", b'{"nodes": [{}], "edges": []}'),
        ("sketch.yaml", b"flows: {a: &a [*a]}"),
        ("pack", b"no name\t{}\n"),
    ],
)
def test_a_file_of_another_shape_is_an_error_of_its_reader(bench, tmp_path, reader, data) -> None:
    """Each of these ended in a traceback once, or would."""
    with bench.Watch(bench.LIMIT_S) as watch:
        found, _ = bench.Bench(SEED, tmp_path, watch).watched(reader, data)

    assert found.startswith("error: ")
