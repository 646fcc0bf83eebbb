"""`compiledai check`: the static gates on files, for an editor or a hook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.failure import finding_line

STATIC = ("security", "syntax")


def check(root: Path, out: Path, files: Sequence[Path], *, gate: str | None, as_json: bool) -> int:
    """Print what the static gates find; return 1 when any of them failed."""
    from pytest_compiledai.gates.tools import ScanRequest
    from pytest_compiledai.gates.tools import scan

    sources = [_source(root, path) for path in _python_files(root, out, files)]
    scans = scan([ScanRequest(source=source) for source in sources])
    judged = {
        source.path: [_verdict(name, source, scans) for name in STATIC if gate in (None, name)]
        for source in sources
    }
    print(_json(judged) if as_json else _text(judged))  # noqa: T201 - a command speaks
    return int(any(not verdict.passed for verdicts in judged.values() for verdict in verdicts))


def _verdict(gate: str, source: Source, scans: Any) -> Verdict:
    from pytest_compiledai.gates import security
    from pytest_compiledai.gates import syntax

    if gate == "security":
        return security.judge(source, capabilities=frozenset(), scans=scans)
    return syntax.judge_file(source, settings=syntax.SyntaxSettings(), scans=scans)


def _python_files(root: Path, out: Path, files: Sequence[Path]) -> list[Path]:
    """Return the Python files named, and for a spec the artifacts of its units."""
    found: list[Path] = []
    for path in files:
        found += _artifacts(root, out, path) if path.suffix in (".yaml", ".yml") else [path]
    return found


def _artifacts(root: Path, out: Path, spec: Path) -> list[Path]:
    from pytest_compiledai.core.lock import read_lock
    from pytest_compiledai.core.lock import read_lock_file

    lock = out.parent / "compiledai.lock"
    data = read_lock_file(lock, lock.name)
    entries = read_lock(data, lock.name).lock.entries if data else {}
    relative = spec.resolve().relative_to(root.resolve()).as_posix()
    files = [
        out / path
        for entry in entries.values()
        if entry.spec == relative
        for path in sorted(entry.files)
        if path.endswith(".py")
    ]
    if not files:
        raise SettingsError(
            where=relative,
            found=f"no artifact of it in {lock.name}",
            expected="a spec that was compiled",
            next=f"pytest --compile {relative}",
        )
    return files


def _source(root: Path, path: Path) -> Source:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            where=str(path),
            found=(error.strerror or str(error)).lower(),
            expected="a file to check",
            next="name files of Python, or a spec: compiledai check FILE...",
        ) from error
    resolved = path.resolve()
    inside = resolved.is_relative_to(root.resolve())
    return Source(
        data=data,
        path=(resolved.relative_to(root.resolve()) if inside else path).as_posix(),
    )


def _json(judged: dict[str, list[Verdict]]) -> str:
    files = [
        {
            "path": path,
            "gates": {
                verdict.gate: {
                    "outcome": "passed" if verdict.passed else "failed",
                    "findings": [finding.as_json() for finding in verdict.findings],
                }
                for verdict in verdicts
            },
        }
        for path, verdicts in judged.items()
    ]
    return json.dumps({"files": files}, indent=2, ensure_ascii=False)


def _text(judged: dict[str, list[Verdict]]) -> str:
    lines = [
        finding_line(finding)
        for verdicts in judged.values()
        for verdict in verdicts
        for finding in verdict.findings
    ]
    counts = (_count(len(judged), "file"), _count(len(lines), "finding"))
    return "\n".join([*lines, ", ".join(counts)])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
