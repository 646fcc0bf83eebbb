"""Measuring a profile on a real cluster: the rows of one process, each call made once."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")
pytest.importorskip("joblib", reason="needs the extra `scale`")

import cloudpickle

from pytest_compiledai.ahead import fan_of
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.workflows.profiling import Profiler
from pytest_compiledai.workflows.profiling import read

cloudpickle.register_pickle_by_value(sys.modules[__name__])
SPEC = """\
compiledai: 1
kind: workflow
name: answer
description: Answer a question, reviewed or not.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {a: {type: string}}, required: [a]}
golden: answer.jsonl
agents:
  solver: {prompt: "Answer {n}.", models: [small, large]}
  reviewer: {prompt: "Review {n}.", models: [small]}
flow: {choice: [solver, {sequence: [solver, reviewer]}]}
choose: {good: {accuracy: 0.6}}
"""


class Model:
    """Answers, and leaves a line for each call in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.model = self.where = name
        self.folder = folder

    def prepare(self) -> None:
        pass

    async def ask(self, request) -> Reply:
        text = request.messages[0].content
        with (self.folder / str(os.getpid())).open("a", encoding="utf-8") as log:
            log.write(f"{self.model} {request.sample} {text!r}\n")
        number = int(re.search(r"\d+", text)[0])
        said = f"{'right' if number % 3 or 'Review' in text else 'wrong'} {number}"
        return Reply(text=said, model=self.model, tokens_in=7, tokens_out=3, seconds=0.5)


class Models:
    """Makes the models; travels by value, for a worker has no tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def __call__(self, name: str) -> Model:
        return Model(name, self.folder)

    def __reduce__(self):
        made = cloudpickle.dumps(functools.partial(Model, folder=self.folder))
        return cloudpickle.loads, (made,)

    def asked(self) -> dict[int, list[str]]:
        """Return the calls of each process."""
        return {int(log.name): log.read_text().splitlines() for log in self.folder.iterdir()}


def measured(root: Path, name: str, **backend) -> tuple[list[dict], dict[int, list[str]]]:
    """Return the rows, and what each process asked."""
    models = Models(root / f"{name}.log")
    with desks_of(None, models, beside=root) as desks:
        spec = read(root / "answer.yaml", root)
        fan = fan_of(**backend)
        rows = Profiler(spec, desks, root / name, samples=2, fan=fan).rows()
    return rows, models.asked()


@pytest.fixture
def project(tmp_path) -> Path:
    """A flow of two agents and twenty problems."""
    (tmp_path / "answer.yaml").write_text(SPEC, encoding="utf-8")
    rows = ({"id": f"p{n}", "input": {"n": n}, "output": {"a": f"right {n}"}} for n in range(20))
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "answer.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path.resolve()


def check(project: Path, backend: str, address: str) -> None:
    """Compare what a backend gives with what one process gives."""
    one, here = measured(project, "one", jobs=1, backend="loky", address="")
    many, there = measured(project, "many", jobs=2, backend=backend, address=address)

    assert one == many
    assert os.getpid() not in there
    assert sorted(here[os.getpid()]) == sorted(line for lines in there.values() for line in lines)


def test_a_dask_cluster_measures_what_one_process_measures(project, cluster):
    """Two workers of a real cluster ask; rows are the same, and no call is made twice."""
    check(project, "dask", cluster)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_ray_measures_what_one_process_measures(project):
    """With `ray` on this machine the rows are the same, and no call is made twice."""
    check(project, "ray", "local")
