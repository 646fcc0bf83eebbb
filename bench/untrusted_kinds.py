"""Readers of packs, tensors, plans, traces, profiles, of other kinds' specs and of imports."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.untrusted import READERS as FIRST
from bench.untrusted import ROOT
from bench.untrusted import Reader
from bench.untrusted import Surroundings
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.core.tensorfile import BadTensors
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.core.tensors import _tensors
from pytest_compiledai.dialogues.imports.files import sketched
from pytest_compiledai.dialogues.spec import read_dialogue_spec
from pytest_compiledai.distill.demospec import read_demos_spec
from pytest_compiledai.distill.skillspec import read_skill_spec
from pytest_compiledai.distill.tensors import read_matrices
from pytest_compiledai.distill.trace import read_traces
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import PlanError
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.spec import read_model_spec
from pytest_compiledai.llm.pack import _read as read_pack
from pytest_compiledai.workflows.imports.graphs import drafted
from pytest_compiledai.workflows.imports.traces import from_lines
from pytest_compiledai.workflows.profile import read_profile
from pytest_compiledai.workflows.runs import read_runs
from pytest_compiledai.workflows.runs import write_runs
from pytest_compiledai.workflows.spec import read_workflow_spec

NUMBERS = b"\x00" * 16
TENSORS = {
    "bias": {"dtype": "I32", "shape": [2], "data_offsets": [0, 8]},
    "rows": {"dtype": "I16", "shape": [2, 2], "data_offsets": [8, 16]},
}
MATRICES = {"m": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
SKILL = """\
compiledai: 1
kind: skill
name: polite
description: Answer briefly.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
golden: double.jsonl
runs: runs.jsonl
graph: graph.json
"""
GRAPHS = (
    {"nodes": [{"id": "__start__"}, {"id": "a"}, {"id": "b"}, {"id": "__end__"}],
     "edges": [{"source": "__start__", "target": "a"}, {"source": "a", "target": "b"},
               {"source": "b", "target": "__end__"}]},
    {"solve": {"signature": {"instructions": "Answer.", "fields": [{"prefix": "Question:",
     "description": "${question}"}]}, "demos": []}},
    {"schema_version": "flowcompile.flat.v1", "agents": {"a": {"model": "m"}}},
)  # fmt: skip
SPAN = {
    "agent": "solver", "setting": "m", "query": "q1", "score": 1.0, "seconds": 0.5, "cost": 0.001,
    "answer": "4", "sample": 0,
}  # fmt: skip
RASA = """\
flows:
  transfer:
    description: Move money.
    steps:
      - collect: amount
        next:
          - if: slots.amount > 10
            then: END
          - else: confirm
      - id: confirm
        action: utter_done
"""
AGENT = {
    "start": "a",
    "nodes": {"a": {"say": "Hi", "next": {"book": "b"}}, "b": {"say": "Bye", "next": {}}},
}
MERMAID = "flowchart TD\n  a[Hello] -->|book| b[Where to?]\n  b --> c((End))\n"
_HEADED = (b'"F32"', b'"shape": []', b'"data_offsets": [0, 0]', b"-1", b"1e9", b"8388609")
_SPEC = tuple(
    rb"{}|[]|null|-1|1e999|''|../../x|/dev/zero|{type: object}|golden: double.jsonl|&a|*a|!t"
    rb"|cascade: {}|choice: []|loop: 9|vote: {of: solver, copies: 99999999}".split(b"|")
)


def _pack(data: bytes, at: Surroundings) -> object:
    """Read a pack; bytes that are no gzip file are what one would hold."""
    path = at.folder / "recordings" / "all.pack"
    path.write_bytes(data if data.startswith(b"\x1f\x8b") else gzip.compress(data, 1, mtime=0))
    try:
        return read_pack(path)
    finally:
        path.unlink()


def _pack_seeds(at: Surroundings) -> list[bytes]:
    name, body = at.recording.name.encode(), json.dumps(json.loads(at.recording.read_bytes()))
    line = b"%s\t%s\n" % (name, body.encode())
    return [line, line + line, gzip.compress(line, 9, mtime=0), gzip.compress(line) * 2]


def _headed(read: Callable[[bytes], object]) -> Callable[[bytes, Surroundings], object]:
    """Read tensors; bytes that begin like a header get the length of one and some numbers."""

    def call(data: bytes, _: Surroundings) -> object:
        if data.startswith(b"{"):
            data = len(data).to_bytes(8, "little") + data + NUMBERS
        return read(data)

    return call


def _header_seeds(facts: dict[str, Any]) -> list[bytes]:
    text = json.dumps(facts).encode()
    return [text, len(text).to_bytes(8, "little") + text + NUMBERS]


def _spec_of(read: Callable[..., object]) -> Callable[[bytes, Surroundings], object]:
    return lambda data, at: [read(d, at.project) for d in read_documents(data, "specs/x.yaml")]


def _spec_seeds(pattern: str, *files: str) -> Callable[[Surroundings], list[bytes]]:
    """Return the examples of a kind; the files that they name are put where they look for them."""

    def seeds(at: Surroundings) -> list[bytes]:
        for file in files:
            source = ROOT / file
            (at.specs / source.name).write_bytes(source.read_bytes())
        found = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern))]
        return [text.replace("../../fixtures/", "").encode() for text in found]

    return seeds


def _skill_seeds(at: Surroundings) -> list[bytes]:
    runs = [{"item": str(n), "output": "1", "tokens_in": n, "tokens_out": 2} for n in range(4)]
    node = {"id": "a", "metadata": {"prompt": "Answer {n} briefly."}}
    graph = {
        "nodes": [{"id": "__start__"}, node],
        "edges": [{"source": "__start__", "target": "a"}],
    }
    (at.specs / "graph.json").write_text(json.dumps(graph))
    (at.specs / "runs.jsonl").write_text("".join(f"{json.dumps(run)}\n" for run in runs))
    return [SKILL.encode(), (SKILL + "prices: {in: 1, out: 2}\n").encode()]


def _profile_seeds(_: Surroundings) -> list[bytes]:
    """Return profiles of a few rows: whole ones are too large to be hurt in the right place."""
    import polars as pl

    path = ROOT / "examples" / "workflow" / "recordings" / "vote_gsm.profile.parquet"
    frame = pl.read_parquet(path)
    made = []
    for compression in ("uncompressed", "zstd"):
        small = io.BytesIO()
        frame.head(8).write_parquet(small, compression=compression)
        made.append(small.getvalue())
    return made


def _runs_seeds(_: Surroundings) -> list[bytes]:
    row = {
        "structure": "a", "settings": '{"a": "m"}', "query": "q", "score": 1.0, "seconds": 0.5,
        "cost": 0.1,
    }  # fmt: skip
    return [write_runs([row, {**row, "query": "r"}])]


def _drafted(data: bytes, _: Surroundings) -> object:
    return drafted(read_json(data.decode("utf-8", "replace")), "g.json")


def _lines(values: tuple[Any, ...]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def _files(folder: Path, pattern: str) -> list[bytes]:
    return [path.read_bytes()[:12_000] for path in sorted(folder.glob(pattern))]


KINDS: dict[str, Reader] = {
    "pack": Reader(_pack, _pack_seeds, (b"\t", b".json\t{}", b"\x1f\x8b\x08\x00"), share=20),
    "weights": Reader(
        _headed(_tensors), lambda _: _header_seeds(TENSORS), _HEADED, own=(ValueError,)
    ),
    "matrices": Reader(
        _headed(read_matrices), lambda _: _header_seeds(MATRICES), _HEADED, own=(ValueError,)
    ),
    "tensors": Reader(
        _headed(header), lambda _: _header_seeds(MATRICES), _HEADED, own=(BadTensors,)
    ),
    "plan": Reader(lambda data, _: read_plan(data), lambda _: _plan_seeds(), own=(PlanError,)),
    "traces": Reader(
        lambda data, _: read_traces(data, "x.traces.jsonl"),
        lambda _: _files(ROOT / "examples" / "demos" / "recordings", "*.traces.jsonl"),
    ),
    "profile": Reader(lambda data, _: read_profile(data, "x.parquet"), _profile_seeds, share=1),
    "runs": Reader(lambda data, _: read_runs(data, "x.parquet"), _runs_seeds, share=1),
    "graph": Reader(_drafted, lambda _: _lines(GRAPHS), own=(StrictJSONError,)),
    "spans": Reader(
        lambda data, _: from_lines(data.decode("utf-8", "replace"), "t.jsonl"),
        lambda _: _lines((SPAN,)),
        share=20,
    ),
    "sketch": Reader(
        lambda data, _: sketched(data, "g.json").spec("g.json"),
        lambda _: _lines((GRAPHS[0], AGENT)),
    ),
    "sketch.yaml": Reader(
        lambda data, _: sketched(data, "stories.yml").spec("stories.yml"),
        lambda _: [RASA.encode()],
        _SPEC,
        share=20,
    ),
    "sketch.mermaid": Reader(
        lambda data, _: sketched(data, "g.mmd").spec("g.mmd"), lambda _: [MERMAID.encode()]
    ),
    "dialogue": Reader(
        _spec_of(read_dialogue_spec), _spec_seeds("examples/dialogue/*.yaml"), _SPEC, share=20
    ),
    "demos": Reader(
        _spec_of(read_demos_spec),
        _spec_seeds("examples/demos/*.yaml", "fixtures/household.jsonl"),
        _SPEC,
        share=20,
    ),
    "skill": Reader(_spec_of(read_skill_spec), _skill_seeds, _SPEC, share=20),
    "workflow": Reader(
        _spec_of(read_workflow_spec),
        _spec_seeds("examples/workflow/*.yaml", "fixtures/vote_gsm.jsonl"),
        _SPEC,
        share=20,
    ),
    "model": Reader(
        _spec_of(read_model_spec),
        _spec_seeds("examples/model/tiny.yaml", "examples/model/down_proj.cpp"),
        _SPEC,
        share=20,
    ),
}


def _plan_seeds() -> list[bytes]:
    none: tuple[Any, ...] = ()
    plan = Plan(made_from="a" * 64, tools={"torch": "2"}, regions=none, calls=none,
                inputs=("x",), outputs=("x",), parameters=0)  # fmt: skip
    return [plan.render()]


READERS = FIRST | KINDS
