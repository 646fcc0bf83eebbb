"""The one way to run another program: a list of arguments, a clean environment, a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_compiledai.core.errors import ToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a finished program left behind."""

    code: int
    out: bytes
    err: bytes


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    output_cap: int = 64_000_000,
) -> Ran:
    """Run ``argv`` in its own process group and return what it printed.

    Output goes through temporary files, so a flood fills no memory. Raises ``ToolError`` when the
    program is missing, outlives ``timeout_s`` (its whole group is killed) or prints more than
    ``output_cap`` bytes.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(
                where=argv[0], found=f"{error.strerror or error}", expected="a program that starts"
            ) from error
        try:
            code = child.wait(timeout=timeout_s)
        except BaseException as error:
            _kill_group(child)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise ToolError(
                where=argv[0],
                found=f"no end after {timeout_s:g} s",
                expected="an end before the deadline",
            ) from error
        return Ran(
            code=code, out=_read(out, output_cap, argv[0]), err=_read(err, output_cap, argv[0])
        )


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if os.name == "nt":  # pragma: no cover - only Windows
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read(file: object, cap: int, name: str) -> bytes:
    file.seek(0)  # type: ignore[attr-defined]
    data: bytes = file.read(cap + 1)  # type: ignore[attr-defined]
    if len(data) > cap:
        raise ToolError(where=name, found=f"more than {cap} bytes of output", expected="less")
    return data
