"""The page on proposing: its spec can be read, and its table names every class of tasks."""

from __future__ import annotations

import re

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.spec import read_function_spec
from pytest_compiledai.functions.task import TASKS

ROW = '{"id": "a", "input": {"text": ""}, "output": {"company": "", "date": "2024-01-02", "total": 1}}'


def test_the_example_is_a_spec(page, tmp_path):
    """It asks for version 2 of both texts and for both ways to compose."""
    (tmp_path / "read_receipt.jsonl").write_text(f"{ROW}\n", encoding="utf-8")
    (document,) = read_documents(page("proposing.md").block("yaml").encode(), "read_receipt.yaml")

    found = read_function_spec(document, Project(root=tmp_path)).proposing

    assert (2, 2, ("fields", "agreement")) == (found.prompt, found.repair, found.compose)


def test_the_table_names_every_class(page):
    """No class of tasks is missing, none is made up."""
    rows = page("proposing.md").text.partition("| class |")[2].partition("\n\n")[0]

    assert set(TASKS) == set(re.findall(r"^\| `(\w+)`", rows, re.MULTILINE))
