"""Specs whose programs need no model, read as a run reads them."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.spec import FunctionSpec

REQUEST = {"type": "object", "properties": {"request": {"type": "string"}}, "required": ["request"]}


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., FunctionSpec]:
    """Return what makes a spec of schemas and rows; a row is (input, output) or with its split."""

    def make(output: Any, rows: Any = (), *, input_: Any = REQUEST, **keys: Any) -> FunctionSpec:
        head = {"compiledai": 1, "kind": "function", "name": "made", "description": "Make it."}
        data = {**head, "input": input_, "output": output, "golden": "made.jsonl", **keys}
        lines = [
            {"id": f"r{n}", "input": row[0], "output": row[1], "split": [*row, "train"][2]}
            for n, row in enumerate(rows)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "made.jsonl").write_text(text, encoding="utf-8")
        (document,) = read_documents(json.dumps(data).encode("utf-8"), "made.yaml")
        return FunctionKind().read(document, Project(root=tmp_path))[0].body

    return make


class Abstain(Exception):
    """What an artifact raises instead of answering."""


@pytest.fixture
def run_program() -> Iterator[Callable[[str], Callable[[Any], Any]]]:
    """Return what executes an artifact made of our own parts and gives its function `made`."""
    module = types.ModuleType("compiledai_program_copy")
    module.__dict__["Abstain"] = Abstain
    sys.modules[module.__name__] = module  # named tuples look their module up

    def run(text: str) -> Callable[[Any], Any]:
        exec(compile(text, "<program>", "exec", dont_inherit=True), module.__dict__)
        return module.__dict__["made"]

    yield run
    del sys.modules[module.__name__]
