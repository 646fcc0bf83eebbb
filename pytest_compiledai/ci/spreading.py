"""`ci spread`: the units of a project in parts, on one machine or many, made one run again.

Each part is a run of pytest by itself, in a copy of the files that git knows: its gates prove
themselves on their own samples, its sandbox is that of the machine it runs on, and no verdict of
another part is read. Nothing but the part's report folder comes back; the one writer merges them.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.ci.merging import merge
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.running import LEFT
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.process import run
from pytest_compiledai.fanout import fanned
from pytest_compiledai.runtime.emit import loader_bytes

REPORT = "compiledai-report"
GIT_S = 60.0
_TAIL = 2_000  # characters of what a part that failed said last
#: Of the caller's surroundings: a part reports to its caller, not to the job or the outer run.
_NOT_PASSED = ("GITHUB_", "PYTEST_XDIST_", "PYTEST_CURRENT_TEST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the units, with all that a machine needs to run it."""

    shard: Shard
    mode: str
    specs: str
    pytest_args: str
    tree: bytes  # the project's files, a tar archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a part left behind."""

    shard: Shard
    code: int
    said: str  # the end of what it printed
    report: bytes  # its report folder, a tar archive
    tools: Mapping[str, str]  # that judged


def spread(
    *,
    parts: int,
    mode: str,
    specs: str,
    pytest_args: str,
    into: Path,
    jobs: int,
    backend: str,
    address: str,
) -> Record:
    """Run ``parts`` parts of the project in the working folder, and merge what they leave.

    In mode `compile` artifacts and lock are written as one run would have written them. Raises
    ``SettingsError`` for what cannot be spread and ``ArtifactError`` for parts that do not fit.
    """
    root = Path.cwd()
    Shard.parse(f"{parts}/{parts}")
    tree = packed(root, _files(root))
    asked = [
        Part(
            shard=Shard(number=number, of=parts),
            mode=mode,
            specs=specs,
            pytest_args=pytest_args,
            tree=tree,
        )
        for number in range(1, parts + 1)
    ]
    answers = fanned(run_part, asked, jobs=jobs, backend=backend, address=address)
    for answer in answers:
        _say(answer)
    _check_tools(answers)
    with tempfile.TemporaryDirectory(prefix="compiledai-parts-") as folder:
        folders = [Path(folder) / str(answer.shard.number) for answer in answers]
        for answer, target in zip(answers, folders, strict=True):
            unpack(answer.report, target)
        return merge(folders, into, root=root, write=mode == "compile")


def run_part(part: Part) -> Answer:
    """Run one part in a copy of the project; called where the backend puts it."""
    with tempfile.TemporaryDirectory(prefix="compiledai-part-") as name:
        root, report = Path(name).resolve() / "project", Path(name).resolve() / REPORT
        unpack(part.tree, root)
        command = [sys.executable, "-m", "pytest_compiledai.ci", "run", "--mode", part.mode]
        command += ["--shard", str(part.shard), "--report-dir", str(report)]
        command += ["--specs", part.specs, f"--pytest-args={part.pytest_args}"]
        environ = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED)}
        # Not through core's wrapper: how long a part may take is pytest's business.
        done = subprocess.run(
            [*command, "--annotations", "false"],
            cwd=root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        files = sorted(path for path in report.rglob("*") if path.is_file())
        return Answer(
            shard=part.shard,
            code=done.returncode,
            said=done.stdout.decode("utf-8", "replace")[-_TAIL:],
            report=packed(report, [path.relative_to(report).as_posix() for path in files]),
            tools=_tools(),
        )


def packed(root: Path, files: Sequence[str]) -> bytes:
    """Return an archive of the files, POSIX paths below ``root``, in their order."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for path in files:
            archive.add(root / path, arcname=path, recursive=False)
    return data.getvalue()


def unpack(data: bytes, folder: Path) -> None:
    """Write the files of an archive below ``folder``; nothing leaves it."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")


def _files(root: Path) -> list[str]:
    """Return the files that git tracks or would track. Raises ``SettingsError`` without git."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    ran = run(listed, cwd=root, env=os.environ, timeout_s=GIT_S)
    if ran.code:
        raise SettingsError(
            where=root.name,
            found="no repository of git",
            expected="one: the files that it knows are what a part is given",
            next="git init, and a .gitignore for what is not the project's",
        )
    names = sorted(set(ran.out.decode("utf-8").split("\0")) - {""})
    left = (REPORT, *LEFT)
    return [
        name
        for name in names
        if os.path.lexists(root / name) and name.partition("/")[0] not in left
    ]


def _tools() -> dict[str, str]:
    from pytest_compiledai.gates.scanners.programs import version_of
    from pytest_compiledai.gates.tools import versions

    own = "pytest-compiledai"
    # A checkout may have no version, or the same one with other code in it.
    identity = f"{version_of(own)}+{digest(loader_bytes())[:12]}"
    python = ".".join(map(str, sys.version_info[:3]))
    return {own: identity, "python": python, **versions()}


def _check_tools(answers: Sequence[Answer]) -> None:
    """Raise where a part was judged by other versions: its entries would be stale here."""
    own = _tools()
    for answer in answers:
        other = {name: found for name, found in answer.tools.items() if own.get(name) != found}
        if other or set(answer.tools) != set(own):
            shown = ", ".join(f"{name} {found}" for name, found in sorted(other.items()))
            wanted = ", ".join(f"{name} {own.get(name, 'none')}" for name in sorted(other))
            raise SettingsError(
                where=f"part {answer.shard}",
                found=f"a worker with {shown or 'other tools'}",
                expected=f"the versions of this environment: {wanted}",
                next="install the same environment on every worker",
            )


def _say(answer: Answer) -> None:
    if answer.code:
        print(  # noqa: T201 - a command speaks
            f"part {answer.shard} ended with {answer.code}:\n{answer.said}", file=sys.stderr
        )
