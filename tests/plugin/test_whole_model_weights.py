"""New weights of a whole model are judged by what was measured for the old ones."""

from __future__ import annotations

import json
import struct

SPEC = """\
compiledai: 1
kind: model
name: {name}
description: A table of words.
dataset: rows.jsonl
model: {{folder: {name}}}
inputs: {{input_ids: {{dtype: int64, shape: [batch, 3], range: [0, 5]}}}}
axes: {{batch: [1, 4]}}
frameworks: [eager]
gates: {{latency: off, fuzz: off}}
"""
#: Stands where the worker's process would: it says what it was asked, and that all matches.
WORKER = """
import json
from pathlib import Path

from pytest_compiledai.kernels.whole import working

MATCHES = {"cosine": 1.0, "max_error": 0.0}
EAGER = {"built_s": 0.0, "p50_ms": 4.0, "ratio": [1.0, 1.0, 1.0], **MATCHES}


def run_module(module, job, folder, **rest):
    with Path("jobs.txt").open("a") as jobs:
        jobs.write(job["op"] + "\\n")
    if job["op"] == "export":
        Path(job["file"]).write_bytes(b"")
    found = {"search": {"eager": EAGER}, "export": {"bytes": 0}}
    found["compare"] = [{"same": True, **MATCHES} for _ in job.get("rows", ())]
    Path(job["result"]).write_text(json.dumps(found[job["op"]]))


working.run_module = run_module
"""


def weigh(folder, number):
    """Write safetensors of one number."""
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    data = struct.pack("<Q", len(head)) + head + struct.pack("<f", number)
    (folder / "model.safetensors").write_bytes(data)


def test_new_weights_search_nothing_and_another_shape_or_architecture_is_stale(pytester):
    """New weights pass the gates by the old measurements; what these do not fit is refused."""
    specs = pytester.mkdir("specs")
    pytester.makeconftest(WORKER)
    rows = [
        {"id": split, "split": split, "inputs": {"input_ids": [[number, 1, 2]]}}
        for number, split in enumerate(("train", "validation", "test"))
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (specs / "rows.jsonl").write_text(lines, encoding="utf-8")
    for name in ("shape", "architecture"):
        (specs / name).mkdir()
        (specs / name / "config.json").write_text('{"hidden_size": 4}', encoding="utf-8")
        (specs / f"{name}.yaml").write_text(SPEC.format(name=name), encoding="utf-8")
        weigh(specs / name, 1.0)

    def run(mode):
        """Return the run, and the jobs it took."""
        (pytester.path / "jobs.txt").write_text("", encoding="utf-8")
        done = pytester.runpytest_subprocess(mode, "-p", "no:xdist", "specs")
        return done, set((pytester.path / "jobs.txt").read_text(encoding="utf-8").split())

    def frozen():
        """Return what was measured, and the weights that the artifact names."""
        measured = (specs / "recordings" / "shape.measured.json").read_bytes()
        manifest = (pytester.path / "compiled" / "shape" / "model.json").read_bytes()
        return measured, json.loads(manifest)["weights"]

    done, jobs = run("--compile")
    done.assert_outcomes(passed=10)
    assert "search" in jobs
    measured, first = frozen()

    weigh(specs / "shape", 2.0)
    done, jobs = run("--compile")
    done.assert_outcomes(passed=10)
    assert "compare" in jobs
    assert "search" not in jobs
    again, second = frozen()
    assert again == measured
    assert [name for name in first if first[name] != second[name]] == ["model.safetensors"]

    spec = SPEC.format(name="shape").replace("[1, 4]", "[1, 5]")
    (specs / "shape.yaml").write_text(spec, encoding="utf-8")
    (specs / "architecture" / "config.json").write_text('{"hidden_size": 5}', encoding="utf-8")
    done, jobs = run("--compile-locked")
    done.stdout.fnmatch_lines_random(["stale *shape*", "stale *architecture*"])
    assert not jobs
