"""`ci run`: pytest in the mode of a job, and what the job shows and hands on."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_compiledai import github
from pytest_compiledai.ci.annotations import Annotation
from pytest_compiledai.ci.annotations import annotations_of
from pytest_compiledai.ci.record import FILE
from pytest_compiledai.ci.record import FROZEN
from pytest_compiledai.ci.record import RECORDINGS
from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.record import read_record
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SettingsError

MODES = {"locked": "--compile-locked", "frozen": "--compile-frozen", "compile": "--compile"}
JSON, SUMMARY, JUNIT = "report.json", "summary.md", "junit.xml"
FORMS = (JSON, "report.html", "report.sarif", SUMMARY)
LEFT = (FILE, FROZEN, RECORDINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a job was asked to do."""

    mode: str
    specs: tuple[str, ...]
    pytest_args: tuple[str, ...]
    folder: Path  # of reports, emptied before the run
    shard: Shard | None
    annotate: bool

    @classmethod
    def of(
        cls,
        *,
        mode: str,
        specs: str,
        pytest_args: str,
        folder: Path,
        shard: str,
        annotate: bool,
    ) -> Job:
        """Return the job that texts of a workflow describe. Raises ``SettingsError``."""
        paths = _words("--specs", specs)
        wrong = next((path for path in paths if path.startswith("-")), None)
        if wrong is not None or not paths:
            raise SettingsError(
                where="--specs",
                found=repr(wrong) if wrong else "no path",
                expected="paths or node ids; options go into --pytest-args",
                next="python -m pytest_compiledai.ci run --specs specs/",
            )
        if Path.cwd().is_relative_to(folder.resolve()):
            raise SettingsError(
                where="--report-dir",
                found=str(folder),
                expected="a folder of its own: what an earlier run left there is removed",
                next="python -m pytest_compiledai.ci run --report-dir compiledai-report",
            )
        return cls(
            mode=mode,
            specs=paths,
            pytest_args=_words("--pytest-args", pytest_args),
            folder=folder,
            shard=Shard.parse(shard) if shard else None,
            annotate=annotate,
        )

    def command(self) -> list[str]:
        """Return the command line of pytest."""
        reports = [f"--compile-report={self.folder.absolute() / name}" for name in FORMS]
        return [
            *(sys.executable, "-m", "pytest", MODES[self.mode]),
            *("-p", "pytest_compiledai.ci.plugin", f"--ci-folder={self.folder.absolute()}"),
            *([f"--ci-shard={self.shard}"] if self.shard else []),
            *(*reports, f"--junit-xml={self.folder.absolute() / JUNIT}"),
            *(*self.pytest_args, *self.specs),
        ]


def run(job: Job, environ: Mapping[str, str] = os.environ) -> int:
    """Run pytest, then say what it found to the job; return the exit code of the job."""
    _empty(job.folder)
    with github.commands_stopped(environ):
        # Not through core's wrapper: a log that stands still for minutes looks like a hang.
        code = subprocess.run(job.command(), check=False).returncode
    try:
        record = read_record(job.folder)
    except CompiledAIError as error:
        return _without_record(job, environ, str(error), code)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED and is_empty_part(record):
        code = 0
    code = code or code_of(record)
    say(record, code, job.folder, environ, annotate=job.annotate)
    return code


def code_of(record: Record) -> int:
    """Return what a run should have ended with: a hook of the change's own can end it with 0."""
    bad = record.outside or not all(result.accepted for result in record.results)
    return int(pytest.ExitCode.TESTS_FAILED if bad else pytest.ExitCode.OK)


def say(
    record: Record,
    code: int,
    folder: Path,
    environ: Mapping[str, str],
    *,
    annotate: bool,
) -> None:
    """Write the job's outputs and summary and, where asked, its annotations."""
    bad = sum(not result.accepted for result in record.results)
    changed = record.diff is not None and not record.diff.is_empty
    github.set_outputs(
        {
            "report": (folder / JSON).as_posix(),
            "summary": (folder / SUMMARY).as_posix(),
            "frozen": str(len(record.results) - bad),
            "rejected": str(bad),
            "lock-changed": str(changed).lower(),
        },
        environ,
    )
    github.add_summary((folder / SUMMARY).read_text(encoding="utf-8") + "\n", environ)
    if annotate:
        _annotate(annotations_of(record.facts(Path.cwd()), code=code), environ)


def _without_record(job: Job, environ: Mapping[str, str], reason: str, code: int) -> int:
    """Tell of a run that ended before it could say anything; that is never a pass."""
    message = f"pytest ended with exit code {code}; {reason}"
    github.add_summary(f"## compiledai\n\n    {message}\n", environ)
    github.set_outputs({"frozen": "0", "rejected": "0", "lock-changed": "false"}, environ)
    if job.annotate:
        _annotate([Annotation("compiledai", message, None)], environ)
    print(f"compiledai: {message}", file=sys.stderr)  # noqa: T201 - a command speaks
    return code or 1


def is_empty_part(record: Record) -> bool:
    """Return whether this part of a matrix has no unit although the whole has some."""
    shard = record.shard
    own = [name for name in record.collected if shard is None or shard.holds(name)]
    return bool(record.collected) and not own and not record.outside


def _annotate(found: Sequence[Annotation], environ: Mapping[str, str]) -> None:
    if github.is_on(environ):
        for annotation in found:
            print(annotation.command(), flush=True)  # noqa: T201 - the runner reads it


def _empty(folder: Path) -> None:
    """Remove what an earlier run left: an old report must not stand for this run."""
    for name in (*FORMS, JUNIT, *LEFT):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _words(where: str, text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise SettingsError(
            where=where,
            found=f"{text!r}: {error}".lower(),
            expected="words as a shell reads them",
            next="close the quotation",
        ) from None
