"""What mypy knows of the standard library is kept, and anything odd about it is passed over."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.gates.scanners import typeshed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folder of Linux users")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pytest-compiledai"


class Learning:
    """Stands for mypy: counts how often it was asked, and leaves a file."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, cache: Path) -> None:
        self.asked += 1
        (cache / "3.11").mkdir(parents=True)
        (cache / "3.11" / "builtins.db").write_bytes(b"types")


@pytest.fixture
def learning() -> Learning:
    return Learning()


def warmed(folder: Path, learning: Learning) -> list[str]:
    typeshed.warm(folder, key="k", learn=learning)
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.db"))


def test_the_second_run_need_not_learn(tmp_path, learning):
    """What the first run learnt is what the second begins with; a third one in the first's."""
    found = [warmed(tmp_path / name, learning) for name in ("one", "two", "one")]

    assert [["3.11/builtins.db"]] * 3 == found
    assert 1 == learning.asked


def test_a_broken_file_is_learnt_anew(tmp_path, learning, home):
    """A checksum that is off drops the file and what came out of it."""
    warmed(tmp_path / "one", learning)
    (kept,) = home.iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"types", b"typos"))

    assert [] == warmed(tmp_path / "two", learning)
    assert ["3.11/builtins.db"] == warmed(tmp_path / "three", learning)
    assert 2 == learning.asked


def test_what_others_may_have_written_is_not_read(tmp_path, learning, home):
    """A file that its group may write is passed over, and left alone."""
    warmed(tmp_path / "one", learning)
    (kept,) = home.iterdir()
    kept.chmod(0o664)

    assert [] == warmed(tmp_path / "two", learning)
    assert [kept] == list(home.iterdir())


def test_without_a_place_to_keep_it_the_run_goes_on(tmp_path, learning, home):
    """A cache folder that cannot be made costs time, and leaves nothing half known."""
    home.parent.write_bytes(b"a file is in the way")

    assert [] == warmed(tmp_path / "one", learning)


def test_a_mypy_that_gives_no_answer_is_not_kept(tmp_path, home):
    """What was never learnt is not kept; the scan itself says what is wrong."""

    def silent(cache: Path) -> None:
        raise ToolError(where="mypy", found="nothing", expected="an answer")

    typeshed.warm(tmp_path / "one", key="k", learn=silent)

    assert not home.exists()
