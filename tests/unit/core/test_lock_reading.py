"""Strict reading of the lock: each fault has its message, and condemns no more than it must."""

from __future__ import annotations

import tomllib

import pytest

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.entry import KEYS
from pytest_compiledai.core.entry import _toml
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.lock import CAP
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import render


def entry(name: str, **changes: object) -> Entry:
    values: dict[str, object] = {
        "name": name,
        "kind": "function",
        "spec": "specs/tickets.yaml",
        "files": {f"{name}.py": "a" * 64},
        "source": "b" * 64,
        "evidence": "c" * 64,
        "proposer": "some/model",
        "attempts": 2,
        "target": "python>=3.11",
        "gates": ("security@1", "accuracy@3"),
    }
    return Entry(**(values | changes))  # type: ignore[arg-type]


def text_of(name: str, drop: str = "", **changes: object) -> str:
    """Return a table with wrong values and the digest that fits them, so that only they are wrong."""
    table = entry(name).table() | changes
    table = {key: value for key, value in table.items() if key != drop}
    if drop != "entry":
        table.setdefault("entry", digest_of(table))
    order = [*[key for key in KEYS if key in table], *sorted(set(table) - set(KEYS))]
    lines = [f"{key} = {_toml(table[key])}" for key in order]
    return "\n".join([f'[artifact."{name}"]', *lines, ""])


def lock_of(*tables: str) -> bytes:
    return "".join(["lock-version = 1\n", *[f"\n{table}" for table in tables]]).encode()


def fault_of(data: bytes) -> LockError:
    with pytest.raises(LockError) as caught:
        parse(data, "compiledai.lock")
    return caught.value


def test_the_planted_tables_are_sound_when_nothing_is_planted() -> None:
    """The builder of broken tables builds a good one by default, so that each test shows its fault."""
    assert list(parse(lock_of(text_of("a"))).entries) == ["a"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"kind": "Function"}, "`kind` = 'Function'"),
        ({"kind": 3}, "`kind` = 3"),
        ({"attempts": True}, "`attempts` = True"),
        ({"attempts": -1}, "`attempts` = -1"),
        ({"attempts": "2"}, "`attempts` = '2'"),
        ({"source": "b" * 63}, "`source` = 'bbb"),
        ({"evidence": "C" * 64}, "`evidence` = 'CCC"),
        ({"entry": "0" * 65}, "`entry` = '000"),
        ({"files": {}}, "`files` = {}"),
        ({"files": {"a.py": "x" * 64}}, "`files` = {'a.py'"),
        ({"files": ["a.py"]}, "`files` = ['a.py']"),
        ({"gates": []}, "`gates` = []"),
        ({"gates": ["security"]}, "`gates` = ['security']"),
        ({"gates": ["security@1", "security@1"]}, "`gates` = ['security@1', 'security@1']"),
        ({"off": ["fuzz@1"]}, "`off` = ['fuzz@1']"),
        ({"off": "fuzz"}, "`off` = 'fuzz'"),
        ({"capabilities": ["network"]}, "`capabilities` = ['network']"),
        ({"capabilities": ["module:../x"]}, "`capabilities` = ['module:../x']"),
        ({"basis": "guessed"}, "`basis` = 'guessed'"),
        ({"proposer": ""}, "`proposer` = ''"),
        ({"target": "a\nb"}, r"`target` = 'a\nb'"),
        ({"spec": "../other.yaml"}, "`..` in `../other.yaml` in `spec`"),
        ({"spec": "/etc/passwd"}, "the absolute path `/etc/passwd` in `spec`"),
        ({"surprise": 1}, "the unknown key `surprise`"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], found: str) -> None:
    """A wrong type, an unknown key or an impossible value is named with what was expected."""
    assert found in fault_of(lock_of(text_of("a", **changes))).found


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(key: str) -> None:
    """No key has a default: what is not written is not assumed."""
    assert fault_of(lock_of(text_of("a", drop=key))).found == f"no key `{key}` in the table of `a`"


@pytest.mark.parametrize(
    "path",
    [
        "/a.py",
        "../a.py",
        "a/../../b.py",
        "a/./b",
        "a//b",
        "a/",
        "a\\b.py",
        "C:/a.py",
        "c:a.py",
        "a/\x00.py",
        "a/\x7f.py",
        "",
        "b.py",
        "b/a.py",
        "__init__.py",
        ".next/lock",
        "a.txt",
        "a/" + "x" * 600,
        "a/b.",
        "a/b ",
        "a/nul",
        "a/CON.txt",
        "a/b?",
        'a/"b"',
        "a/e\u0301",
        "a/\u202eb",
    ],
)
def test_a_path_that_is_not_the_artifacts_own_is_refused(path: str) -> None:
    """Absolute, climbing, Windows, control-character and foreign paths never leave the reader."""
    fault = fault_of(lock_of(text_of("a", files={path: "a" * 64})))

    assert "in `files`" in fault.found
    assert "\x00" not in str(fault)


def test_an_artifact_cannot_claim_the_file_of_another() -> None:
    """Two entries that claim one file: the one whose name the file does not bear is refused."""
    reading = read_lock(lock_of(text_of("a"), text_of("b", files={"a.py": "a" * 64})), "l")

    assert list(reading.lock.entries) == ["a"]
    assert "which only an artifact `a` may claim" in reading.faults["b"].found


def test_paths_that_differ_in_case_only_are_refused() -> None:
    """On a case-insensitive disk such files are one file."""
    for other in ("a/X", "a/\uff58"):
        fault = fault_of(lock_of(text_of("a", files={other: "a" * 64, "a/x": "a" * 64})))

        assert "differ only in case" in fault.found


@pytest.mark.parametrize(
    "name", ["Route", "_a", "a-b", "load", "fallback", "trust", "con", "lpt1", "def", "a" * 65]
)
def test_an_impossible_name_is_refused(name: str) -> None:
    """Names are those that specs may have, and never a word of the loader."""
    text = text_of("a").replace('artifact."a"', f'artifact."{name}"')

    assert "the name" in fault_of(lock_of(text)).found


def test_a_hand_edited_table_is_told_by_its_digest() -> None:
    """A value that changed without the entry's digest is called by its name."""
    data = render(Lock().with_entries(entry("a"))).replace(b"attempts = 2", b"attempts = 1")

    fault = fault_of(data)

    assert fault.found == "a half-merged or hand-edited table of `a`"
    assert str(fault.where) == "compiledai.lock:3"
    assert "git checkout" in fault.next


def test_a_broken_table_condemns_its_own_artifact_only() -> None:
    """The other artifacts stay usable, and the broken table's text is kept."""
    broken = text_of("b").replace("attempts = 2", "attempts = 1")
    reading = read_lock(lock_of(text_of("a"), broken, text_of("c")), "l")

    assert list(reading.lock.entries) == ["a", "c"]
    assert list(reading.faults) == ["b"]
    assert render(reading.lock) == lock_of(text_of("a"), broken, text_of("c"))


def test_a_new_entry_replaces_a_broken_table() -> None:
    """Compiling the artifact again, or dropping it, mends the lock."""
    broken = text_of("b").replace("attempts = 2", "attempts = 1")
    lock = read_lock(lock_of(text_of("a"), broken), "l").lock

    assert parse(render(lock.with_entries(entry("b")))).entries["b"] == entry("b")
    assert list(parse(render(lock.without(["b"]))).entries) == ["a"]


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("lock-version = 2", "lock version 2"),
        ('lock-version = "1"', "lock version 1"),
        ("lock-version = true", "lock version True"),
        ("", "no lock version"),
    ],
)
def test_another_version_asks_for_an_upgrade(first: str, found: str) -> None:
    """A lock of another version is not read in part."""
    fault = fault_of(f"{first}\n".encode())

    assert (found, "1") == (fault.found, fault.expected)
    assert "upgrade" in fault.next


def test_a_key_at_the_top_level_is_refused() -> None:
    """Only the version and the artifacts' tables stand at the top."""
    assert "`extra` at the top level" in fault_of(b"lock-version = 1\nextra = 1\n").found
    assert "`artifact` at the top level" in fault_of(b"lock-version = 1\nartifact = 1\n").found


def test_conflict_markers_name_the_artifacts_between_them() -> None:
    """A lock in the middle of a merge says whose tables conflict and how to settle it."""
    ours, theirs = text_of("b"), text_of("b", attempts=9)
    head, mine = ours.split("attempts")
    other = theirs.split("attempts")[1]
    conflict = f"{head}<<<<<<< HEAD\nattempts{mine}=======\nattempts{other}>>>>>>> topic\n"

    fault = fault_of(lock_of(text_of("a"), conflict, text_of("c")))

    assert "conflict markers of a merge, in the tables of `b`" in fault.found
    assert "git checkout --ours compiledai.lock" in fault.next
    assert "pytest --compile specs/" in fault.next


def test_conflict_markers_around_whole_tables_name_each() -> None:
    """Tables that both sides added between the same neighbours are all named."""
    conflict = f"<<<<<<< HEAD\n{text_of('b')}=======\n{text_of('d')}>>>>>>> topic\n"

    assert "`b`, `d`" in fault_of(lock_of(text_of("a"), conflict)).found


def test_a_table_twice_names_the_artifact() -> None:
    """What a union merge leaves of two compiles of one artifact is called by its name and line."""
    fault = fault_of(lock_of(text_of("a"), text_of("b"), text_of("b", attempts=9)))

    assert fault.found.startswith("two tables of `b`")
    assert str(fault.where) == "compiledai.lock:33"


def test_a_key_twice_names_the_artifact() -> None:
    """A table into which a union merge wrote both sides is called half-merged."""
    fault = fault_of(lock_of(text_of("a"), text_of("b") + "attempts = 9\n"))

    assert fault.found.startswith("half-merged tables of `b`")


def test_what_is_no_toml_is_refused_as_a_whole() -> None:
    """Text that is no TOML at all gives one error with the reason."""
    assert "no toml" in fault_of(b"lock-version = 1\n{{{\n").found.lower()
    assert "UTF-8" in fault_of(b"lock-version = 1\n\xff\n").found
    assert "bytes" in fault_of(b"x" * (CAP + 1)).found


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    """A lock made to exhaust the stack is refused like any other bad text."""
    assert fault_of(b"lock-version = 1\na = " + b"[" * 100_000).expected


def test_a_checkout_with_crlf_reads_the_same() -> None:
    """A lock that git checked out with CRLF is the same lock."""
    data = render(Lock().with_entries(entry("a"), entry("b")))

    assert parse(data) == parse(data.replace(b"\n", b"\r\n"))


def test_a_delete_character_survives_the_round_trip() -> None:
    """U+007F is the one character that JSON leaves alone and TOML forbids."""
    assert tomllib.loads(f"x = {_toml(chr(0x7F))}") == {"x": "\x7f"}
