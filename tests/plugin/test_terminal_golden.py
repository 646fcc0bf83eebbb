"""The whole terminal output of a run, compared with files; times, digests and machines are masked.

Write the files again with `pytest tests/plugin/test_terminal_golden.py --update-golden`, then read
their diff.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="gates execute code on Linux only")
GOLDEN = Path(__file__).with_name("golden")
WRONG = """\
def {name}(data: {type}Input) -> {type}Output:
    return {{"m": 3 * data["n"]}}
"""
MASKS = (
    (
        re.compile(
            r"^(platform|cachedir|rootdir|configfile|plugins|Using --randomly|hypothesis profile).*\n",
            re.MULTILINE,
        ),
        "",
    ),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<digest>"),
    (re.compile(r"\bin \d+\.\d+s( \([0-9:]+\))?"), "in <time>"),
    (re.compile(r"\b\d+(\.\d+)?(e-\d+)? ms\b"), "<time>"),
    (re.compile(r"\bseccomp, (no )?landlock( \d+)?, uid \d+"), "<wall>"),
    # The rule of a section is as long as what stands in its middle leaves.
    (re.compile(r"\b(p\d\d_ms) [0-9.e-]+"), r"\1 <time>"),
    (re.compile(r"={3,}"), "=="),
)
RUNS = {
    "default": (),
    "quiet": ("-q",),
    "verbose": ("-v",),
    "no-summary": ("--no-summary",),
    "colour": ("--color=yes",),
}


def masked(text: str) -> str:
    """Return the output without what differs from run to run; colours as `<31;1>`."""
    text = re.sub(r"\x1b\[([0-9;]*)m", r"<\1>", text)
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


@pytest.mark.parametrize("name", RUNS)
def test_terminal_output_of_a_compile_is_as_reviewed(project, request, monkeypatch, name) -> None:
    """One unit passes and one fails; every line that a user reads is in a file of its own."""
    for variable in ("NO_COLOR", "CI", "BUILD_NUMBER"):  # pytest cuts no line where CI is set
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    project.unit("double").unit("triple", code=WRONG)

    found = masked(
        project.run("--compile", "specs", "-p", "no:cacheprovider", *RUNS[name]).stdout.str()
    )

    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden", default=False):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found + "\n", encoding="utf-8")
    assert found + "\n" == path.read_text(encoding="utf-8")


def test_no_colour_is_obeyed(project, monkeypatch) -> None:
    """With NO_COLOR no escape sequence is written, whatever the terminal can do."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    project.unit("triple", code=WRONG)

    found = project.run("--compile", "specs", "-p", "no:cacheprovider").stdout.str()

    assert "1 rejected" in found
    assert "\x1b[" not in found
