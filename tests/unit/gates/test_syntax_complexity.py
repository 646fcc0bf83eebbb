"""Complexity, counted as Ruff counts it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

from pytest_compiledai.gates.complexity import complexities
from pytest_compiledai.gates.scanners.programs import find

CODE = """
def straight(a):
    return [b for b in a if b and a or b]

def branches(a):
    if a:
        return 1
    elif a > 1:
        return 2
    else:
        return 3

def loops(a):
    for b in a:
        while b:
            b -= 1
        else:
            a = b
    else:
        a = 1
    with a as c:
        if c:
            pass
    return a

def tries(a):
    try:
        a()
    except ValueError:
        if a:
            return 1
    except TypeError:
        return 2
    else:
        a = 3
    finally:
        if a:
            a = 4
    return a

def matches(a):
    match a:
        case 1:
            return 1
        case [x] if x:
            return 2
        case _:
            return 3

def closed(a):
    match a:
        case 1:
            return 1
        case 2:
            return 2

def nested(a):
    def inner(b):
        if b:
            return 1
        return 2
    class Local:
        def method(self):
            if a:
                return 1
    return inner(a), Local

class Outer:
    def method(self):
        for a in self:
            if a:
                return a

async def waits(a):
    async for b in a:
        async with b:
            if b:
                return b
"""


def test_counts_agree_with_ruff(tmp_path: Path) -> None:
    """Every function has the number of paths that Ruff's C901 reports for it."""
    program = find("ruff")
    assert program is not None
    (tmp_path / "a.py").write_text(CODE, encoding="utf-8")
    argv = [program, "check", "--isolated", "--select", "C901", "--output-format", "json"]
    argv += ["--config", "lint.mccabe.max-complexity=0", "--no-cache", "a.py"]
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)
    rows = json.loads(ran.stdout)
    expected = {
        row["location"]["row"]: int(re.findall(r"\((\d+) >", row["message"])[0]) for row in rows
    }

    counted = {item.line: item.paths for item in complexities(ast.parse(CODE))}

    assert counted == expected
