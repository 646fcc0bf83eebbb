"""Specs whose programs need no model, read as a run reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
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
