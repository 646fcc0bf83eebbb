"""mypy as a subprocess: one batch, our configuration, no plugins, no packages, a private cache."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import Ran
from pytest_compiledai.core.process import run as run_program
from pytest_compiledai.gates.scanners import typeshed
from pytest_compiledai.gates.scanners.answer import Complaint
from pytest_compiledai.gates.scanners.copies import Scratch
from pytest_compiledai.gates.scanners.programs import version_of
from pytest_compiledai.gates.scanners.report import INSTALL

_LEARNT: Final = "learnt.py"


def run(
    scratch: Scratch, *, config: Path, strict: bool, cache: Path | None, timeout_s: float
) -> Iterator[Complaint]:
    """Yield the errors that mypy reports; raises ``ToolError`` when it gives no answer."""
    if find_spec("mypy") is None:
        raise ToolError(where="mypy", found="no mypy installed", expected="mypy", next=INSTALL)
    argv = [sys.executable, "-I", "-m", "mypy", f"--config-file={config}", "--output=json"]
    argv += ["--no-site-packages", "--no-error-summary", "--no-color-output"]
    argv += ["--strict"] if strict else []

    def check(cache: Path, names: Sequence[str]) -> Ran:
        whole = [*argv, f"--cache-dir={cache}", *names]
        return run_program(whole, cwd=scratch.folder, env=scratch.env(), timeout_s=timeout_s)

    def learn(cache: Path) -> None:
        (scratch.folder / _LEARNT).write_text(typeshed.TEXT, encoding="utf-8")
        check(cache, [_LEARNT])

    if cache is not None:
        typeshed.warm(cache, key=_key(argv, config), learn=learn)
    names = [copy.name for copy in scratch.copies]
    ran = check(cache or scratch.folder / ".mypy", names)
    if ran.code not in {0, 1, 2}:
        raise _silent(ran.code, ran.err)
    for line in ran.out.splitlines():
        try:
            row = json.loads(line)
            if row["severity"] == "error":
                yield Complaint(row["file"], row["line"], row["code"] or "misc", row["message"])
        except (ValueError, KeyError, TypeError) as error:
            raise _silent(ran.code, ran.err or line) from error


def _key(argv: Sequence[str], config: Path) -> str:
    """Return what the knowledge of the library depends on, as far as mypy does not see to it."""
    spec = find_spec("mypy")
    place = spec.origin if spec else ""
    facts = [*argv, version_of("mypy"), place, sys.version, typeshed.TEXT]
    return digest_of([*facts, config.read_text(encoding="utf-8")])[:16]


def _silent(code: int, err: bytes) -> ToolError:
    text = err[-300:].decode("utf-8", "replace").strip()
    return ToolError(where="mypy", found=f"exit code {code}: {text}", expected="JSON lines")
