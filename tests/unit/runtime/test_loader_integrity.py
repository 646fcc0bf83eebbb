"""What the loader refuses: nothing that the lock does not vouch for is ever executed."""

from __future__ import annotations

import contextlib
import importlib
import os
import py_compile
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.entry import KEYS
from pytest_compiledai.core.entry import _toml

EVIL = "import builtins\nbuiltins.evil = True\ndef {name}(data):\n    return 'evil'\n"


@pytest.fixture(autouse=True)
def nothing_evil_runs():
    """No test of this file may execute what it plants."""
    import builtins

    yield
    assert not hasattr(builtins, "evil")


@pytest.fixture
def refused(package, from_import):
    """Return the error of every way to `route_ticket`; all of them have to refuse alike."""

    def ways() -> ImportError:
        compiled = package.load()
        errors = []
        for way in (
            lambda: compiled.load("route_ticket"),
            lambda: from_import(package, "route_ticket"),
            lambda: package.submodule("route_ticket"),
        ):
            with pytest.raises((compiled.IntegrityError, compiled.NotCompiled)) as caught:
                way()
            errors.append(caught.value)
        assert len({str(error) for error in errors}) == 1
        assert "route_ticket" not in vars(compiled)
        assert f"{package.name}.route_ticket" not in sys.modules
        return errors[0]

    return ways


def edit_entry(package, **changes: object) -> None:
    """Write the lock with a table of `route_ticket` that has ``changes`` and a fitting digest."""
    from pytest_compiledai.core.lock import parse

    table = parse(package.lock.read_bytes()).entries["route_ticket"].table() | changes
    table = {key: value for key, value in table.items() if value is not None}
    table.setdefault("entry", digest_of(table))
    lines = [f"{key} = {_toml(table[key])}" for key in [*KEYS, "extra"] if key in table]
    text = "\n".join(["lock-version = 1", "", '[artifact."route_ticket"]', *lines, ""])
    package.lock.write_text(text)


def test_four_parts_in_a_message(package, refused) -> None:
    """Where, what was found, what was expected, what to do next."""
    (package.out / "route_ticket.py").write_text(EVIL.format(name="route_ticket"))

    message = str(refused())

    assert message.startswith(f"{package.name}/route_ticket.py: found sha256 ")
    assert "; expected " in message
    assert "; next: `git checkout" in message


@pytest.mark.parametrize("byte", [0, 20, -1])
def test_every_changed_byte_is_noticed(package, refused, byte: int) -> None:
    """A flip in the docstring, in the code or at the end is refused before anything runs."""
    path = package.out / "route_ticket.py"
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(bytes(data))

    assert "found sha256" in str(refused())


def test_a_swapped_pair_is_refused(package, refused) -> None:
    """Two artifacts that changed places do not pass for each other."""
    package.freeze("other", EVIL.format(name="other"))
    one, other = package.out / "route_ticket.py", package.out / "other.py"
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)

    assert "found sha256" in str(refused())


def test_a_missing_file(package, refused) -> None:
    """A lock without its folder's files is told as that."""
    (package.out / "route_ticket.py").unlink()

    assert "no such file" in str(refused())


def test_a_stray_module_is_never_imported(package) -> None:
    """A file that no entry names cannot be imported, as a module, a package or a name."""
    (package.out / "evil.py").write_text(EVIL.format(name="evil"))
    (package.out / "worse").mkdir()
    (package.out / "worse" / "__init__.py").write_text(EVIL.format(name="worse"))
    compiled = package.load()

    for name in ("evil", "worse", "__main__", "worse.deep"):
        with pytest.raises(ImportError, match=r"compiledai\.lock|worse"):
            package.submodule(name)
    with pytest.raises(compiled.NotCompiled, match=r"compiledai\.lock: found no artifact 'evil'"):
        compiled.load("evil")


def test_no_other_finder_sees_the_folder(package) -> None:
    """Even a finder that comes first finds no file below the package: its path is empty."""
    (package.out / "evil.py").write_text(EVIL.format(name="evil"))
    compiled = package.load()
    finders = sys.meta_path[:]
    sys.meta_path[:] = [finder for finder in finders if not hasattr(finder, "prefix")]

    try:
        with pytest.raises(ModuleNotFoundError):
            package.submodule("evil")
        with pytest.raises(ModuleNotFoundError):
            package.submodule("route_ticket")
    finally:
        sys.meta_path[:] = finders

    assert compiled.__path__ == []


def test_poisoned_bytecode_is_ignored(package, tmp_path: Path) -> None:
    """A `.pyc` that claims to be the artifact's is neither read nor renewed."""
    source = package.out / "route_ticket.py"
    evil = tmp_path / "evil.py"
    evil.write_text(EVIL.format(name="route_ticket"))
    cache = Path(importlib.util.cache_from_source(str(source)))
    cache.parent.mkdir(exist_ok=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), cfile=str(cache), invalidation_mode=mode)
    before = cache.read_bytes()

    assert package.load().route_ticket({"a": 1})["queue"] == "tech"
    assert cache.read_bytes() == before


def test_no_bytecode_is_written(package, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading an artifact leaves nothing behind, where Python does cache the loader itself."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    package.load().load("route_ticket")

    assert [path.name.split(".")[0] for path in package.out.rglob("*.pyc")] == ["__init__"]


def test_a_symlinked_artifact_is_refused(package, refused, tmp_path: Path) -> None:
    """A symlink is refused though it points to the right bytes."""
    (package.out / "route_ticket.py").rename(tmp_path / "elsewhere.py")
    (package.out / "route_ticket.py").symlink_to(tmp_path / "elsewhere.py")

    assert "expected a plain file" in str(refused())


def test_a_symlinked_folder_of_an_artifact_is_refused(package, tmp_path: Path) -> None:
    """No part of a path below the package may be a symlink."""
    package.freeze("bot", {"bot/deep/x": "x"}, kind="dialogue")
    (package.out / "bot" / "deep").rename(tmp_path / "deep")
    (package.out / "bot" / "deep").symlink_to(tmp_path / "deep")
    compiled = package.load()

    with pytest.raises(compiled.IntegrityError, match="expected a plain file"):
        compiled.load("bot")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_plain_file_is_refused(package, refused, make) -> None:
    """A folder or a pipe in the artifact's place neither hangs nor crashes the load."""
    path = package.out / "route_ticket.py"
    path.unlink()
    make(path)

    assert "no plain file" in str(refused())


def test_a_file_of_another_kind_that_changed_is_refused(package) -> None:
    """Every file of a folder is compared before any is handed out."""
    package.freeze("bot", {"bot/a": "a", "bot/z": "z"}, kind="dialogue")
    (package.out / "bot" / "z").write_bytes(b"other")
    compiled = package.load()

    with pytest.raises(compiled.IntegrityError, match="bot/z: found sha256"):
        compiled.load("bot")


def test_a_file_that_is_too_large_is_not_read(package, refused) -> None:
    """The cap is on what is read, before it is hashed."""
    os.truncate(package.out / "route_ticket.py", 1 << 30)

    assert "over the cap" in str(refused())


def test_a_file_swapped_during_loads_never_runs(package) -> None:
    """The bytes that were hashed are the bytes that run, whatever happens to the file meanwhile."""
    compiled = package.load()
    path, good = package.out / "route_ticket.py", (package.out / "route_ticket.py").read_bytes()
    beside = package.out / "beside"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for data in (EVIL.format(name="route_ticket").encode(), good):
                beside.write_bytes(data)
                beside.replace(path)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(60):
            with contextlib.suppress(compiled.IntegrityError):
                assert compiled.load("route_ticket")({"a": 1})["queue"] == "tech"
            importlib.reload(compiled)
    finally:
        stop.set()
        thread.join(timeout=10)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/b", "a.b", "", "A", "a\x00", "load ", "é", 3, None]
)
def test_a_name_is_no_path(package, name: object) -> None:
    """Names are checked against the lock's own form before anything is opened."""
    compiled = package.load()

    with pytest.raises(compiled.NotCompiled, match="no artifact"):
        compiled.load(name)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"entry": "0" * 64}, "half-merged or hand-edited"),
        ({"attempts": None}, "other keys: attempts"),
        ({"extra": 1}, "other keys: extra"),
        ({"files": {"../evil.py": "a" * 64}}, "a path outside the artifact"),
        ({"files": {"/evil.py": "a" * 64}}, "a path outside the artifact"),
        ({"files": {"other.py": "a" * 64}}, "a path outside the artifact"),
        ({"files": {"route_ticket/..": "a" * 64}}, "a path outside the artifact"),
        ({"files": {"route_ticket/a\\b": "a" * 64}}, "a path outside the artifact"),
        ({"files": {"route_ticket/x": "a" * 64}}, "no file `route_ticket.py`"),
        ({"files": {"route_ticket.py": "a"}}, "files without SHA-256 digests"),
        ({"files": {}}, "files without SHA-256 digests"),
        ({"gates": ["syntax@1", "execution@1"]}, "no gate security"),
        ({"gates": "security"}, "no list of gates"),
        ({"capabilities": "clock"}, "no list of gates or capabilities"),
    ],
)
def test_a_table_that_is_not_as_frozen_is_refused(package, refused, changes, found: str) -> None:
    """The table is checked as strictly as the bytes."""
    edit_entry(package, **changes)

    assert found in str(refused())


def test_a_broken_table_condemns_its_own_artifact_only(package) -> None:
    """The other artifacts of a lock stay usable."""
    package.freeze("other", "def other(data):\n    return 1\n")
    package.lock.write_bytes(package.lock.read_bytes().replace(b"attempts = 1", b"attempts = =", 1))
    compiled = package.load()

    assert compiled.load("route_ticket")({"a": 1})
    with pytest.raises(compiled.IntegrityError, match="no TOML"):
        compiled.load("other")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"lock-version = 1", b"lock-version = 2", "lock-version = 2"),
        (b"lock-version = 1\n", b"", "expected `lock-version = 1`"),
        (b"lock-version = 1\n", b"lock-version = 1\nextra = 1\n", "extra = 1"),
        (b"\n[art", b"\n<<<<<<< HEAD\n[art", "a conflict marker"),
        (b"\n[art", b"\n[other]\n[art", "an unknown table"),
        (b"\n[art", b'\n[artifact."route_ticket"]\n[art', "a table twice"),
        (b"function", b"\xff", "no UTF-8"),
    ],
)
def test_a_lock_that_is_not_as_written_is_refused(package, refused, old, new, found: str) -> None:
    """Another version, conflict markers and tables twice stop every load."""
    package.lock.write_bytes(package.lock.read_bytes().replace(old, new, 1))

    assert found in str(refused())


def test_no_lock_at_all(package, refused) -> None:
    """Without a lock nothing is served, and the message says where it was looked for."""
    package.lock.unlink()

    message = str(refused())

    assert "compiledai.lock: found no file" in message
    assert "beside or inside" in message
    assert not hasattr(package.load(), "route_ticket")


def test_a_symlinked_lock_is_refused(package, refused, tmp_path: Path) -> None:
    """The lock is a plain file too."""
    package.lock.rename(tmp_path / "elsewhere")
    package.lock.symlink_to(tmp_path / "elsewhere")

    assert "expected a plain file" in str(refused())


def test_a_module_without_its_function_is_refused(package) -> None:
    """The name in the lock is the name of the function."""
    package.freeze("other", "other = 3\n")
    compiled = package.load()

    with pytest.raises(compiled.IntegrityError, match="no function `other`"):
        compiled.load("other")


def test_a_module_that_somebody_planted_is_refused(package) -> None:
    """What lies in `sys.modules` under the artifact's name has to be the loader's own."""
    compiled = package.load()
    planted = type(sys)(f"{package.name}.route_ticket")
    planted.route_ticket = str
    sys.modules[planted.__name__] = planted

    with pytest.raises(compiled.IntegrityError, match="did not come through"):
        compiled.load("route_ticket")


def test_a_package_in_a_zip_says_so(package, monkeypatch: pytest.MonkeyPatch) -> None:
    """Artifacts are read as files: a zip gives a clear error."""
    archive = package.root / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(package.out / "__init__.py", f"{package.name}/__init__.py")
        file.write(package.out / "route_ticket.py", f"{package.name}/route_ticket.py")
        file.write(package.lock, "compiledai.lock")
    (package.out / "__init__.py").unlink()
    package.out.rename(package.root / "away")
    monkeypatch.syspath_prepend(str(archive))
    compiled = package.load()

    with pytest.raises(compiled.NotCompiled, match=r"perhaps a zip; .* next: install it unpacked"):
        compiled.load("route_ticket")


def test_a_checkout_with_crlf_of_the_lock_still_loads(package) -> None:
    """Line ends of the lock do not matter; those of the artifact do."""
    package.lock.write_bytes(package.lock.read_bytes().replace(b"\n", b"\r\n"))

    assert package.load().route_ticket({"a": 1})


def test_an_artifact_with_crlf_names_gitattributes(package, refused) -> None:
    """A checkout that changed line ends is told from an edit, with what prevents it."""
    path = package.out / "route_ticket.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert "eol=lf` to .gitattributes" in str(refused())


def test_a_hard_link_is_its_bytes(package, refused, tmp_path: Path) -> None:
    """A hard link to the right bytes loads; when its other name is written, it is refused."""
    path, other = package.out / "route_ticket.py", tmp_path / "other"
    os.link(path, other)
    assert package.load().load("route_ticket")
    importlib.reload(package.load())

    other.write_text(EVIL.format(name="route_ticket"))

    assert "found sha256" in str(refused())


def test_symlinks_swapped_during_loads_never_run(package, tmp_path: Path) -> None:
    """A path that turns into a link and back while it is opened runs the frozen bytes or nothing."""
    compiled = package.load()
    path, evil = package.out / "route_ticket.py", tmp_path / "evil.py"
    good = path.read_bytes()
    evil.write_text(EVIL.format(name="route_ticket"))
    stop = threading.Event()

    def swap() -> None:
        beside = package.out / "swap.tmp"
        while not stop.is_set():
            beside.symlink_to(evil)
            beside.replace(path)
            beside.write_bytes(good)
            beside.replace(path)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(300):
            with contextlib.suppress(compiled.IntegrityError):
                assert compiled.load("route_ticket")({"a": 1}) == {"queue": "tech", "of": {"a": 1}}
            importlib.reload(compiled)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("name", ["json", "os", "list"])
def test_a_name_of_the_standard_library_shadows_nothing(package, name: str) -> None:
    """An artifact called `json` is served as one, and `import json` stays what it was."""
    package.freeze(name, f"import json as j\ndef {name}(data):\n    return j.loads('1') + data\n")

    function = package.load().load(name)

    assert function(1) == 2
    assert importlib.import_module("json").loads("1") == 1
    assert sys.modules["os"] is os
