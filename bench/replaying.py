"""Runs of the plugin in a copy of a project, and what was recorded for its specs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_compiledai.asking import request_of
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Reply

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
_GRANT = re.compile(r"^ +([a-z][a-z0-9_]*): (.+)$", re.MULTILINE)


def units(root: Path, specs: str) -> Iterator[Unit]:
    """Yield the units of the specs in a folder of a project, with the grants of its pytest.ini."""
    settings = root / "pytest.ini"
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    grants = {name: frozenset(words.split(", ")) for name, words in _GRANT.findall(text)}
    for path in sorted((root / specs).glob("*.yaml")):
        for document in read_documents(path.read_bytes(), path.relative_to(root).as_posix()):
            yield FunctionKind().read(document, Project(root=root, grants=grants))[0]


def last_answer(root: Path, unit: Unit) -> Reply | None:
    """Return the last recorded answer of a unit's first chain, None where nothing is recorded."""
    recordings = Recordings((root / unit.body.path).parent / "recordings")
    wanted = [(m.role, m.content) for m in request_of(opening(unit.body), 0).messages]
    best: Reply | None = None
    length = 0
    for path in recordings.folder.glob("*.*.json"):
        if path.name.endswith(".reference.json"):
            continue
        said = json.loads(path.read_text(encoding="utf-8"))["request"]["messages"]
        messages = [(item["role"], "\n".join(item["content"])) for item in said]
        if messages[: len(wanted)] == wanted and len(messages) > length:
            best, length = recordings.find(path.name.partition(".")[0])[0], len(messages)
    return best


def copied(source: Path, target: Path) -> Path:
    """Return a copy of a project without what earlier runs left in it."""
    ignored = shutil.ignore_patterns("compiled", "compiledai.lock", "__*__*")
    shutil.copytree(source, target, ignore=ignored)
    return target


def compiled(root: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the units of the JSON report of `pytest --compile` in ``root``, in their order."""
    command = [sys.executable, "-m", "pytest", "--compile", "--compile-report", "report.json"]
    command += ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    report = root / "report.json"
    if not report.exists():
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["units"]
    return found
