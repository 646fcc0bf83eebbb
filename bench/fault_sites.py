"""The projects of `bench.faults`: where runs start, must end, and what may lie in between."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pytest_compiledai.asking import request_of
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.journal import read_journal
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions import proposing
from pytest_compiledai.functions import reference
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.llm.recording import Recordings

ROOT = Path(__file__).parents[1]
FIRST = ROOT / "pytest_compiledai" / "commands" / "first"
NAME = "parse_duration"
SPEC = f"specs/{NAME}.yaml"
GOLDEN = f"specs/{NAME}.jsonl"
INPUTS = f"specs/recordings/{NAME}.reference.json"
NEXT = "compiled/.next/"
TINY = """\
compiledai: 1
kind: function
name: {name}
description: Return twice the number n.
input:
  {{type: object, properties: {{n: {{type: integer, minimum: 0, maximum: 99}}}}, required: [n]}}
output: {{type: object, properties: {{m: {{type: integer}}}}, required: [m]}}
golden: {name}.jsonl
candidate: {name}.py
gates: {{latency: {{p50_ms: 50, p99_ms: 500}}, fuzz: {{examples: 10, reference: none}}}}
"""
BEFORE = (
    'def {name}(data: {type}Input) -> {type}Output:\n    return {{"m": data["n"] + data["n"]}}\n'
)
AFTER = 'def {name}(data: {type}Input) -> {type}Output:\n    return {{"m": 2 * data["n"]}}\n'
WRONG = AFTER.replace("2 *", "3 *")  # refused by the accuracy gate
Tree = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all runs of a campaign share."""

    starts: Mapping[str, Tree]  # `new`, `frozen`, `stale`, `live`, `changed`
    ends: Mapping[str, Tree]  # of a run without a fault, by start
    rejected: Mapping[str, Tree]  # of one that judged the unit and refused it, by start
    seconds: Mapping[str, float]  # of a run without a fault: `replay`, `live`
    #: By start, below `root` and below `temp`: how many, and the first that belongs to a freeze.
    changes: Mapping[tuple[str, str], tuple[int, int]]


def sources() -> Tree:
    """Return the first spec of `compiledai init`, judged on few generated inputs."""
    tree = {f"specs/{path}": data for path, data in read_tree(FIRST).items()}
    text = tree[SPEC].decode()
    assert "examples: 100," in text, "the first spec draws another number of examples"
    tree[SPEC] = text.replace("examples: 100,", "examples: 20,").encode()
    tree["pytest.ini"] = b"[pytest]\n"
    return tree


def tiny(code: str, *names: str) -> Tree:
    """Return a project of small units that judge files of their own, which call no model.

    A freeze of it writes other bytes for a file that was frozen before, and with a unit less it
    also deletes one: moves that a project without an artifact never makes.
    """
    rows = ({"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}} for n in range(70))
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    tree = {"pytest.ini": b"[pytest]\n"}
    for name in names:
        function = code.format(name=name, type=name.title())
        tree[f"specs/{name}.yaml"] = TINY.format(name=name).encode()
        tree[f"specs/{name}.py"] = function.encode()
        tree[f"specs/{name}.jsonl"] = text.encode()
    return tree


def without_recordings(tree: Tree) -> Tree:
    """Return a project whose model has yet to be asked; the inputs of the reference stay."""
    return {
        path: data for path, data in tree.items() if "/recordings/" not in path or path == INPUTS
    }


def answers(tree: Tree, scratch: Path) -> dict[tuple[str, int, int], str]:
    """Return the recorded answers by unit, seed and turn, as an endpoint gives them again."""
    spec = _spec(tree, scratch)
    recordings = Recordings(scratch / "specs" / "recordings")
    (batch,) = reference.batches(json.loads(tree[INPUTS])["examples"])
    asked = {
        (NAME, 0, 0): proposing.opening(spec),
        ("reference", 0, 0): prompt.reference(spec, batch),
    }
    found = {}
    for place, messages in asked.items():
        reply = recordings.choose(request_of(messages, 0), model=None, preferred=None)
        assert reply is not None, f"no recording of {place}"
        found[place] = reply.text
    return found


def endpoint() -> ModuleType:
    """Return the endpoint of the tests, which fails as planned."""
    path = ROOT / "tests" / "e2e" / "faulty_endpoint.py"
    spec = importlib.util.spec_from_file_location("faulty_endpoint", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_tree(root: Path) -> Tree:
    """Return the bytes of every file below ``root``; what Python caches is left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def write_tree(root: Path, tree: Tree) -> None:
    """Write the files of a tree."""
    for path, data in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def wrong_now(tree: Tree, start: Tree, *ends: Tree) -> list[str]:
    """Return what must not be, right after a fault, before anything was healed.

    ``ends`` are the trees that a run may leave: of one without a fault first.
    """
    found = [
        f"{path} is not what it was"
        for path, data in start.items()
        if _is_source(path) and tree.get(path) != data
    ]
    known = {*start, *(path for end in ends for path in end)}
    for path, data in tree.items():
        if path.startswith(NEXT) or _is_recording(path):
            continue  # staged, or a model's answer; what is half written of it shows when healed
        if path not in known:
            found.append(f"{path} was left behind")
        elif data not in (start.get(path), *(end.get(path) for end in ends)):
            found.append(f"{path} is neither the old nor the new one")
    return [*found, *_half_recordings(tree), *_wrong_lock(tree, promised(tree, ends))]


def _half_recordings(tree: Tree) -> list[str]:
    found = []
    for path, data in tree.items():
        if _is_recording(path):
            try:
                json.loads(data)
            except ValueError:
                found.append(f"{path} is half a recording")
    return found


def _wrong_lock(tree: Tree, ends: Tree) -> list[str]:
    if "compiledai.lock" not in tree:
        return []
    try:
        lock = parse(tree["compiledai.lock"])
    except CompiledAIError as error:
        return [f"the lock cannot be read: {error}"]
    if is_pending(tree) and tree["compiledai.lock"] != ends.get("compiledai.lock"):
        return []  # half replaced: the journal names the files, and the next run applies it
    return [
        f"{entry.name}: compiled/{path} is not what the lock says"
        for entry in lock.entries.values()
        for path, sha256 in entry.files.items()
        if digest(tree.get(f"compiled/{path}", b"")) != sha256
    ]


def wrong_when_healed(tree: Tree, start: Tree, ends: Tree) -> list[str]:
    """Return what is not as a run without a fault leaves it."""
    found = []
    for path in sorted({*tree, *ends}):
        if _is_recording(path) and path in tree and path in ends:
            if start.get(path, tree[path]) != tree[path]:
                found.append(f"{path} is not what it was")
        elif tree.get(path) != ends.get(path):
            found.append(f"{path} {_difference(tree.get(path), ends.get(path))}")
    return found


def _difference(have: bytes | None, want: bytes | None) -> str:
    if have is None:
        return "is missing"
    return "was left behind" if want is None else "has other bytes"


def written_kb(start: Tree, end: Tree) -> int:
    """Return the kilobytes of pages that a freeze between the two writes, about."""
    changed = [data for path, data in end.items() if start.get(path) != data]
    return sum(4 * -(-len(data) // 4096) for data in changed) + 4  # and its journal


def is_ready(tree: Tree) -> bool:
    """Whether a journal is there with all it needs: the next run has to finish it."""
    journal = read_journal(tree.get(f"{NEXT}journal.json", b""))
    if journal is None:
        return False
    places = [(f"{NEXT}{move.staged}", f"compiled/{move.target}") for move in journal.files]
    wanted = [move.sha256 for move in journal.files]
    places.append((f"{NEXT}lock", "compiledai.lock"))
    return all(
        sha256 in (digest(tree.get(staged, b"")), digest(tree.get(target, b"")))
        for (staged, target), sha256 in zip(places, [*wanted, journal.new], strict=True)
    )


def wrong_when_recovered(tree: Tree, ends: Tree) -> list[str]:
    """Return what a run that only recovers left undone of a journal that was ready."""
    frozen = {path for path in {*tree, *ends} if not path.startswith("specs/")}
    return [
        f"recovering left undone: {path} {_difference(tree.get(path), ends.get(path))}"
        for path in sorted(frozen)
        if tree.get(path) != ends.get(path)
    ]


def promised(tree: Tree, ends: Sequence[Tree]) -> Tree:
    """Return which of the ends the journal in a tree leads to; the first where it does not say."""
    journal = read_journal(tree.get(f"{NEXT}journal.json", b""))
    locks = {digest(end.get("compiledai.lock", b"")): end for end in reversed(ends)}
    return locks.get(journal.new, ends[0]) if journal else ends[0]


def is_pending(tree: Tree) -> bool:
    """Whether a journal says that a freeze was under way."""
    return f"{NEXT}journal.json" in tree


def _is_source(path: str) -> bool:
    return path.startswith("specs/")


def _is_recording(path: str) -> bool:
    return path.startswith("specs/recordings/") and path.endswith(".json")


def older(tree: Tree, scratch: Path) -> Tree:
    """Return the project one test row earlier: what it froze is stale now."""
    rows = [row for row in _spec(tree, scratch).rows if row.split is Split.TEST]
    lines = tree[GOLDEN].splitlines(keepends=True)
    left = [line for line in lines if json.loads(line)["id"] != rows[-1].id]
    assert len(left) == len(lines) - 1
    return tree | {GOLDEN: b"".join(left)}


def _spec(tree: Tree, scratch: Path) -> FunctionSpec:
    write_tree(scratch, tree)
    (document,) = read_documents(tree[SPEC], SPEC)
    spec: FunctionSpec = FunctionKind().read(document, Project(root=scratch.resolve()))[0].body
    return spec
