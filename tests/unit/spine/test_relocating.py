"""Findings name the line that the proposer wrote, wherever the artifact has it."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.functions.assembly import relocate
from pytest_compiledai.functions.kind import FunctionKind

CODE = """\
import json
import os


def double(data: DoubleInput) -> DoubleOutput:
    return {"m": len(os.sep) + len(json.dumps(data))}
"""


@pytest.mark.parametrize(
    ("code", "lead"),
    [
        ("import os", "line 2 `import os`: "),
        ('return {"m": len(os.sep) + len(json.dumps(data))}', "line 6 `return "),
        ("from typing import TypedDict", "`from typing import TypedDict`, one of the imports: "),
        ("class DoubleInput(TypedDict):", "`class DoubleInput(TypedDict):`, which the template "),
    ],
)
def test_a_finding_stands_at_the_line_of_the_users_file(specs, asking, code, lead):
    """Imports are gathered at the top of an artifact; the finding goes back to where they stood."""
    specs.write("specs/double.py", CODE)
    unit = specs.unit("candidate: double.py\n")
    candidate = FunctionKind().propose(unit, (), sample=0, asking=asking)
    lines = candidate.files["double.py"].decode().split("\n")
    number = next(n for n, text in enumerate(lines, start=1) if text.strip() == code)
    finding = Finding(rule="security.x", message=f"line {number}: found it", line=number)

    moved = relocate(unit.body, candidate, Verdict(gate="security", findings=(finding,)))

    assert moved.findings[0].message.startswith(lead)
    assert moved.findings[0].message.endswith(": found it")
    assert "specs/double.py" == moved.findings[0].path
