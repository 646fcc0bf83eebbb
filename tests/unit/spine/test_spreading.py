"""What a part is given and gives back."""

from __future__ import annotations

import io
import subprocess
import tarfile

import pytest

from pytest_compiledai.ci import spreading
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.errors import SettingsError


def answer(**tools: str) -> spreading.Answer:
    """Return the answer of a part whose worker has other versions of ``tools``."""
    return spreading.Answer(
        shard=Shard(number=1, of=2),
        code=0,
        said="",
        report=b"",
        tools={**spreading._tools(), **tools},
    )


def test_a_models_regions_are_in_one_part():
    """Its step is put together from what the same run freezes."""
    parts = [Shard(number=number, of=5) for number in range(1, 6)]
    units = ("tiny", "tiny.whole", *(f"tiny.region_{n}" for n in range(20)))

    assert len({part for part in parts for unit in units if part.holds(unit)}) == 1
    assert len({part for part in parts for n in range(20) if part.holds(f"unit_{n}")}) == 5


def test_what_git_ignores_does_not_travel(tmp_path):
    """A part is given the files that git tracks or would track, and no report of an earlier run."""
    for path in (".gitignore", "specs/a.yaml", "secret.env", "compiledai-report/record.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("*.env\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)

    assert [".gitignore", "specs/a.yaml"] == spreading._files(tmp_path)


def test_without_git_nothing_is_spread(tmp_path, monkeypatch):
    """Where git does not say which files are the project's, nothing is guessed."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(SettingsError, match="no repository of git"):
        spreading._files(tmp_path)


def test_an_archive_does_not_leave_its_folder(tmp_path):
    """What a worker sends is unpacked below the folder that is meant, or not at all."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../outside"), io.BytesIO())

    with pytest.raises(tarfile.TarError):
        spreading.unpack(data.getvalue(), tmp_path / "inside")

    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("tool", ["ruff", "python", "pytest-compiledai"])
def test_a_worker_with_other_versions_is_refused(tool):
    """What other versions judged is no verdict here: nothing is merged."""
    with pytest.raises(SettingsError, match=rf"a worker with {tool} 0\.0"):
        spreading._check_tools([answer(), answer(**{tool: "0.0"})])
