"""The page on a call's whole life: the script does what the page shows, and writes nothing here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = ROOT / "examples" / "progressive"


def test_the_script_does_what_the_page_shows(page):
    """Every line of the page's terminal comes, in this order; the example's files stay as they are."""
    shown = page("progressive.md").block("console").splitlines()[1:]
    before = {path: path.read_bytes() for path in HERE.rglob("*") if path.is_file()}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"

    done = subprocess.run(
        [sys.executable, str(HERE / "progressive.py")],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    lines = iter(done.stdout.splitlines())
    missing = [line for line in shown if not any(_fits(line, said) for said in lines)]
    assert missing == [], done.stdout + done.stderr
    assert before == {p: p.read_bytes() for p in HERE.rglob("*") if p.is_file()}


def _fits(shown: str, said: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, shown.split("..."))) + ".*", said) is not None


def test_the_golden_rows_are_the_log():
    """The spec beside the script compiles by itself: its rows are the answers of month one."""
    log = [json.loads(line) for line in (HERE / "month1.jsonl").read_text().splitlines()]
    golden = (HERE / "specs" / "sort_transaction.jsonl").read_text().splitlines()

    rows = [json.loads(line) for line in golden]
    assert [(row["input"], row["output"]) for row in rows] == [
        (call["input"], call["output"]) for call in log
    ]
