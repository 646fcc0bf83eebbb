"""A whole model's spec on disk, read as a unit; nothing of torch is loaded for it."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.kernels.kind import ModelKind

SPEC = """\
compiledai: 1
kind: model
name: tiny
description: A tiny network.
dataset: rows.jsonl
model: {builder: "net.py:build"}
inputs: {x: {dtype: float32, shape: [batch, 4]}}
axes: {batch: [1, 8]}
frameworks: [onnxruntime]
gates:
  accuracy: {cosine: 0.999, max_error: 0.01}
  fuzz: {examples: 4}
"""
BUILDER = """\
import torch


def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
"""


class Whole:
    """A spec with its files; `unit()` reads it as it stands."""

    def __init__(self, root) -> None:
        self.root = root
        self.spec = SPEC
        self.rows = [
            {"id": f"r{n}", "inputs": {"x": [[n / 7, 1.0, -n, 0.5]] * (1 + n % 3)}}
            for n in range(12)
        ]
        (root / "specs").mkdir()
        (root / "specs" / "net.py").write_text(BUILDER, encoding="utf-8")

    def write(self) -> None:
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        (self.root / "specs" / "rows.jsonl").write_text(lines, encoding="utf-8")
        (self.root / "specs" / "tiny.yaml").write_text(self.spec, encoding="utf-8")

    def unit(self):
        self.write()
        (document,) = read_documents(self.spec.encode(), "specs/tiny.yaml")
        (unit,) = ModelKind().read(document, Project(root=self.root))
        return unit


@pytest.fixture
def whole(tmp_path):
    return Whole(tmp_path)
