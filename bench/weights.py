"""What weights of whole flows cost and reach: ``python -m bench.weights [FLOW ...] [--json F]``.

Each flow is trained from scratch, judged on walks, carriers and wording that no data was made of,
made again (with ``--rebuild``), and recompiled from the frozen weights after four edges changed.
Then its machine is frozen with a sentence encoder, and asked what no example says.
Times are CPU time: the machine may be shared. ``--short`` trains little and says so.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import encoded
from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Project
from pytest_compiledai.dialogues.flow import Edge
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.spec import read_dialogue_spec
from pytest_compiledai.dialogues.weights import edges
from pytest_compiledai.dialogues.weights.building import build
from pytest_compiledai.dialogues.weights.child import ask
from pytest_compiledai.dialogues.weights.grammar import heard
from pytest_compiledai.dialogues.weights.judging import VERSIONS
from pytest_compiledai.dialogues.weights.judging import judge
from pytest_compiledai.dialogues.weights.questions import EXAMINER
from pytest_compiledai.dialogues.weights.questions import Questions
from pytest_compiledai.dialogues.weights.settings import digest_of_files
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.dialogues.weights.talking import asked
from pytest_compiledai.dialogues.weights.talking import speaking

ROOT = Path(__file__).parents[1]
FLOWS = ("examples/dialogue/travel.yaml", "examples/dialogue/insurance.yaml")
CHANGED = 4  # edges of the recompile
ASKED = 50  # turns along each of them


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flows that are named, or the examples that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("flows", nargs="*", default=[f for f in FLOWS if (ROOT / f).is_file()])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--short", action="store_true", help="a small budget, marked as such")
    parser.add_argument("--rebuild", action="store_true", help="train twice, compare the bits")
    parser.add_argument("--part", choices=("weights", "encoder"), help="one part alone")
    parser.add_argument("--keep", type=Path, help="folder for the artifacts")
    parser.add_argument("--base", type=Path, help="folder for the weights, of two bytes a number")
    parser.add_argument("--set", default="{}", help="settings of `weights:`, as JSON")
    told = parser.parse_args(arguments)
    block = json.loads(told.set)
    if told.short:
        block = {"width": 64, "layers": 2, "heads": 2, "examples": 6000, "steps": 120} | block
    rows = [row for flow in told.flows for row in _rows(flow, block, told)]
    for row in rows:
        row["budget"] = "small" if told.short else "full"
        for name, value in row.items():
            print(f"{name:28} {value}")
    if told.json:
        text = json.dumps(rows, indent=1, sort_keys=True)
        told.json.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return 0


def _rows(
    flow: str, block: Mapping[str, Any], told: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    if told.part != "encoder":
        yield _measured(ROOT / flow, block, told)
    if told.part != "weights":
        yield encoded.measured(_spec(ROOT / flow, {}))


def _measured(path: Path, block: Mapping[str, Any], told: argparse.Namespace) -> dict[str, Any]:
    spec = _spec(path, block)
    before = encoded.cpu_s()
    files = build(spec, settings_of(spec))
    if told.keep:
        _write(told.keep, files)
    if told.base:
        _write(told.base, halved(files))
    row: dict[str, Any] = {
        "flow": spec.name,
        "nodes": len(speaking(spec.flow)),
        "edges": sum(1 for _ in spec.flow.edges()),
        "compile CPU s": round(encoded.cpu_s() - before, 1),
        "MB": round(sum(map(len, files.values())) / 1e6, 2),
    }
    record = json.loads(files[f"{spec.name}/dialogue.json"])
    row |= {"threshold": round(record["threshold"], 4), "data": record["data"]["paths"]}
    candidate = Candidate(files=files, proposer="bench", attempt=1)
    for gate in VERSIONS:
        verdict = judge(gate, spec, candidate, Phase.ACCEPT)
        row |= {f"{gate}: {k}": v for k, v in verdict.figures.items() if k != "terminal confusion"}
        row[gate] = [finding.message for finding in verdict.findings] or "passed"
    if told.rebuild:
        row["same bits again"] = build(spec, settings_of(spec)) == files
    return row | _recompiled(spec, files)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def halved(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a checkpoint of an artifact: its three files, the tensors in half precision."""
    import safetensors.torch

    def half(path: str, content: bytes) -> bytes:
        if not path.endswith(".safetensors"):
            return content
        tensors = safetensors.torch.load(content)
        return safetensors.torch.save({name: tensors[name].half() for name in sorted(tensors)})

    return {path: half(path, c) for path, c in files.items() if not path.endswith(f"/{FILE}")}


def _spec(path: Path, block: Mapping[str, Any]) -> DialogueSpec:
    """Return the flow of a spec of any target as one of target weights."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    (document,) = read_documents(path.read_bytes(), name)
    spec = read_dialogue_spec(document, Project(root=ROOT))
    return replace(
        spec,
        target="weights",
        weights=dict(block),
        timeout_s=3600.0,
        latency=replace(spec.latency, p50_ms=10.0, memory_mb=900.0, cold_ms=20_000.0),
    )


def _recompiled(spec: DialogueSpec, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what a recompile from the frozen weights costs and reaches after edges changed."""
    plain = {path.rpartition("/")[2]: content for path, content in files.items()}
    flow, changed = rewired(spec.flow, CHANGED)
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in plain.items():
            (Path(scratch) / name).write_bytes(content)
        warm = {
            "base": scratch,
            "base_sha256": digest_of_files(plain),
            "steps": 250,
            "examples": 24_000,
            "lr": 2e-3,
        }
        after = replace(spec, flow=flow, weights={**spec.weights, **warm}, root=Path(scratch))
        before = encoded.cpu_s()
        again = build(after, settings_of(after))
        spent = encoded.cpu_s() - before
        right = _right(after, again, changed)
    verdict = judge(
        "accuracy", after, Candidate(files=again, proposer="bench", attempt=1), Phase.ACCEPT
    )
    return {
        "recompile CPU s": round(spent, 1),
        **{f"recompile: {name}": value for name, value in right.items()},
        "recompile: accuracy": [finding.message for finding in verdict.findings] or "passed",
        "frozen on changed edges": _right(after, files, changed)["changed edges"],
    }


def rewired(flow: Flow, count: int) -> tuple[Flow, frozenset[tuple[str, str]]]:
    """Return the flow with ``count`` edges led elsewhere, and those edges.

    An edge takes the target of another edge of its node, where every node stays reachable.
    """
    rng = random.Random("rewired")
    changed: set[tuple[str, str]] = set()
    edges = [(node, edge) for node, edge in flow.edges() if edge.intent not in flow.anywhere]
    rng.shuffle(edges)
    for node, edge in edges:
        others = sorted({e.to for e in node.edges} - {edge.to})
        if len(changed) == count or not others or node.name in {n for n, _ in changed}:
            continue
        nodes = {**flow.nodes, node.name: _led(flow.nodes[node.name], edge, rng.choice(others))}
        candidate = replace(flow, nodes=nodes)
        if candidate.reachable(flow.start) == flow.reachable(flow.start):
            flow = candidate
            changed.add((node.name, edge.intent))
    return flow, frozenset(changed)


def _led(node: Node, edge: Edge, to: str) -> Node:
    edges = tuple(replace(e, to=to) if e.intent == edge.intent else e for e in node.edges)
    return replace(node, edges=edges)


def _right(
    spec: DialogueSpec, files: Mapping[str, bytes], changed: frozenset[edges.Edge]
) -> dict[str, Any]:
    """Return how many turns along changed edges are right, and the share of all turns."""
    questions = Questions(spec=spec, settings=settings_of(spec), phase=Phase.ACCEPT)
    split = questions.data.split
    told = edges.along(spec.flow, (*split.train, *split.held_out), ASKED)
    near = [turn for edge, found in told.items() if edge in changed for turn in found]
    all_ = [
        edges.Turn(state, text, after.node)
        for talk in questions.sets["paths"]
        for (state, text), after in zip(heard(spec.flow, talk), talk[1:], strict=True)
    ]
    right = _asked(spec, files, [*near, *all_])
    found, others = right[: len(near)], [good for good, _ in right[len(near) :]]
    record = json.loads(next(c for path, c in files.items() if path.endswith(f"/{FILE}")))
    sure = [good for good, share in found if share >= record["threshold"]]
    return {
        "wrong": [turn.text for turn, (good, _) in zip(near, found, strict=True) if not good],
        "changed edges": f"{sum(good for good, _ in found)} of {len(found)}",
        "changed edges, answered": f"{sum(sure)} of {len(sure)}",
        "all turns": round(sum(others) / len(others), 4),
    }


def _asked(
    spec: DialogueSpec, files: Mapping[str, bytes], turns: Sequence[edges.Turn]
) -> list[tuple[bool, float]]:
    """Return whether what production would do is right, turn by turn, and how sure it is."""
    with tempfile.TemporaryDirectory() as scratch:
        for path, content in files.items():
            (Path(scratch) / path.rpartition("/")[2]).write_bytes(content)
        rows = [asked(spec.flow, turn.state, turn.text) for turn in turns]
        names = [path.rpartition("/")[2] for path in files]
        job = {
            "artifact": scratch,
            "files": names,
            "canaries": [],
            "talks": {},
            "scored": {"turns": [rows]},
        }
        told = ask(EXAMINER, job, Path(scratch), timeout_s=spec.timeout_s)
    return edges.right(spec.flow, turns, told["scored"]["turns"][0])


if __name__ == "__main__":
    raise SystemExit(main())
