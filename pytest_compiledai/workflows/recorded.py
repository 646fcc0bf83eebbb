"""The recordings a workflow rests on: its profile, and end-to-end runs where it names some."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.paths import read_regular

if TYPE_CHECKING:
    from pytest_compiledai.workflows.profile import Profile
    from pytest_compiledai.workflows.runs import Runs
    from pytest_compiledai.workflows.spec import WorkflowSpec

_CAP: Final = 256 << 20  # bytes of a file


def profile_bytes(spec: WorkflowSpec) -> bytes:
    """Return the profile's bytes. Raises ``RecordingMissing``."""
    return _bytes(spec, spec.profile_file, spec.profile, "a profile, a row a measured call")


def recorded_digest(spec: WorkflowSpec) -> str:
    """Return the digest of the files that verdicts rest on; "" where one of them is missing."""
    try:
        found = [digest(profile_bytes(spec))]
        if spec.runs_file is not None:
            found.append(digest(_runs_bytes(spec, spec.runs_file)))
    except RecordingMissing:
        return ""
    return digest_of(found)


@lru_cache(maxsize=4)
def read_cached(data: bytes, path: str) -> Profile:
    """Return the profile in ``data``. Raises ``SpecError``, ``ToolError`` without the extra."""
    try:
        from pytest_compiledai.workflows.profile import read_profile
    except ImportError as error:
        raise missing_extra(error) from None
    return read_profile(data, path)


def runs_of(spec: WorkflowSpec) -> Runs | None:
    """Return the end-to-end runs that the spec names. Raises ``SpecError``."""
    if spec.runs_file is None:
        return None
    from pytest_compiledai.workflows.runs import read_runs

    return read_runs(_runs_bytes(spec, spec.runs_file), spec.runs or "")


def missing_extra(error: ImportError) -> ToolError:
    """Return what to say where NumPy, polars or networkx is not installed."""
    return ToolError(
        where="workflows",
        found=f"{error.name} not installed",
        expected="the packages that compose and judge workflows",
        next='pip install "pytest-compiledai[workflows]"',
    )


def _runs_bytes(spec: WorkflowSpec, path: Path) -> bytes:
    return _bytes(spec, path, spec.runs or "", "end-to-end runs, as `runs:` says")


def _bytes(spec: WorkflowSpec, path: Path, shown: str, expected: str) -> bytes:
    try:
        return read_regular(path, cap=_CAP)
    except OSError as error:
        raise RecordingMissing(
            where=spec.path,
            found=f"{shown}: {(error.strerror or str(error)).lower()}",
            expected=expected,
            next=f"python -m pytest_compiledai.workflows.profiling {spec.path}, or write one as "
            "docs/workflows.md says",
        ) from error
