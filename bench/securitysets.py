"""The files that `bench.security` judges: foreign sets, our own samples, evasions, recordings.

Everything here is read and parsed, never executed.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.source import Source
from pytest_compiledai.functions import proposing
from pytest_compiledai.functions.assembly import TemplateError
from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.kind import FunctionKind

ROOT = Path(__file__).parents[1]
OWN = Path(__file__).parent / "security_samples"
SPEC_FOLDERS = ("examples/function", "pytest_compiledai/commands/first", "bench/artifacts/specs")
_HEAD = re.compile(r"^=== (?P<id>\S+) (?P<label>bad|good)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file of a set."""

    label: str
    source: Source
    imports: frozenset[str]  # every module that the file imports, dotted
    capabilities: frozenset[str] = frozenset()  # what its spec was granted


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Files of one origin."""

    name: str
    rows: tuple[Row, ...]
    unparsed: int = 0


def foreign(folder: Path) -> Iterator[Set]:
    """Yield the sets below ``folder``: files named ``samples.jsonl`` of id, label and code."""
    for path in sorted(folder.rglob("samples.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        data = [json.loads(line) for line in lines]
        yield _set(path.parent.name, [(row["id"], row["label"], row["code"]) for row in data])


def samples() -> Set:
    """Return our own vulnerable samples and their clean counterparts."""
    found = []
    for path in sorted(OWN.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        heads = list(_HEAD.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            label = {"bad": "vulnerable", "good": "clean"}[head["label"]]
            code = text[head.end() : end].strip("\n") + "\n"
            found.append((f"{path.stem}/{head['id']}", label, code))
    return _set("own", found)


def evasions() -> list[dict[str, Any]]:
    """Return our own ways around a policy, grouped by technique."""
    text = (OWN / "evasions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def evasion_set() -> Set:
    """Return the evasions as a set of files."""
    rows = [(f"{row['technique']}/{n}", "evasion", row["code"]) for n, row in enumerate(evasions())]
    return _set("evasions", rows)


def recorded() -> Set:
    """Return the artifact of every chain of recorded answers, assembled as the gate sees it."""
    rows = []
    for folder in SPEC_FOLDERS:
        for path in sorted((ROOT / folder).glob("*.yaml")):
            for document in read_documents(path.read_bytes(), path.relative_to(ROOT).as_posix()):
                rows += list(_artifacts(document, path.parent / "recordings"))
    return Set(name="recorded", rows=tuple(rows))


def _artifacts(document: Any, recordings: Path) -> Iterator[Row]:
    asked = frozenset(document.data.get("capabilities", ()))
    project = Project(root=ROOT, grants={"*": asked})
    for unit in FunctionKind().read(document, project):
        label = "granted" if asked else "pure"
        for number, reply in enumerate(_last_replies(unit.body, recordings)):
            try:
                text = assemble(unit.body, reply, fenced=True).text
            except TemplateError:
                continue
            source = Source(data=text.encode(), path=f"{unit.name}/{number}")
            yield Row(label=label, source=source, imports=_imports(text), capabilities=asked)


def _last_replies(spec: Any, folder: Path) -> Iterator[str]:
    """Yield the last answer of every chain that begins as the spec is asked for."""
    if spec.candidate is not None or not folder.is_dir():
        return
    opening = [(role, text) for role, text in proposing.opening(spec)]
    chains = [
        chain
        for path in sorted(folder.glob("*.json"))
        if not path.name.endswith(".reference.json")
        and (chain := _chain(path))[: len(opening)] == opening
    ]
    for chain in chains:
        if not any(len(other) > len(chain) and other[: len(chain)] == chain for other in chains):
            yield chain[-1][1]


def _chain(path: Path) -> list[tuple[str, str]]:
    data = json.loads(path.read_text(encoding="utf-8"))
    turns = [(turn["role"], _joined(turn["content"])) for turn in data["request"]["messages"]]
    return [*turns, ("assistant", _joined(data["reply"]["text"]))]


def _joined(text: Any) -> str:
    return "\n".join(text) if isinstance(text, list) else text


def _set(name: str, found: list[tuple[str, str, str]]) -> Set:
    rows, unparsed = [], 0
    for id_, label, text in found:
        # A set's line ends say where it was checked out; every carriage return would be a finding
        # of its own, before the gate looks at the code.
        code = text.replace("\r\n", "\n")
        try:
            imports = _imports(code)
        except (SyntaxError, ValueError):
            unparsed += 1
            continue
        source = Source(data=code.encode("utf-8", "replace"), path=id_)
        rows.append(Row(label=label, source=source, imports=imports))
    return Set(name=name, rows=tuple(rows), unparsed=unparsed)


def _imports(code: str) -> frozenset[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset(found)
