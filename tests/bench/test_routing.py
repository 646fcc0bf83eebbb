"""The benchmark on routing: how texts are read and scored, and one small compile of a linear model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import routing
from bench.replaying import compiled
from bench.routing import Text

WORDS = {
    "card": ["card", "plastic", "chip"],
    "loan": ["loan", "credit", "rate"],
    "pin": ["pin", "code", "secret"],
}
ASKED = ("where is my {}", "I lost the {}", "how do I get a {}", "tell me about the {}", "my {}?")


def texts(*more: str) -> list[Text]:
    return [
        Text(f"{form} {extra}".format(word), intent)
        for intent, words in WORDS.items()
        for word in words
        for form in ASKED
        for extra in more
    ]


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, "specs"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_a_linear_model_is_frozen_served_and_held_by_the_lock(tmp_path) -> None:
    """All gates ask it with its weights; changed weights are refused by the next run."""
    test = texts("now sir")
    root = routing.project(
        tmp_path, "code + linear", texts("", "please", "again", "now", "sir"), test
    )

    (unit,) = compiled(root, "--compile-model", "builtin/synth", "specs")

    assert unit["outcome"] == "frozen", unit
    assert {gate["outcome"] for gate in unit["gates"].values()} == {"passed"}
    path = root / "compiled" / routing.NAME / "linear.safetensors"
    files = {
        f"{routing.NAME}.py": (root / "compiled" / f"{routing.NAME}.py").read_bytes(),
        f"{routing.NAME}/linear.safetensors": path.read_bytes(),
    }
    said = routing.answers(files, [*(item.text for item in test), "zz qq xx"])
    figures = routing.scored([item.intent for item in test], said[:-1])
    assert figures["macro_f1"] > 0.85
    assert said[-1] is None

    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    done = run(root, "--compile-locked")
    assert done.returncode != 0
    assert "linear.safetensors" in done.stdout


def test_f1_counts_an_abstention_as_no_answer() -> None:
    """It lowers recall of its intent and precision of none."""
    figures = routing.scored(["a", "a", "b", "b"], ["a", None, "b", "a"])

    assert figures["macro_f1"] == pytest.approx((2 / 4 + 2 / 3) / 2)
    assert (figures["answered"], figures["right"]) == (3, 2)


def test_texts_are_read_once_and_split_by_their_hash(tmp_path) -> None:
    """A text twice is one text; a smaller part of a file is the same on every machine."""
    (tmp_path / "a.csv").write_text("text,category\none,x\none,x\ntwo,y\nthree,y\n", "utf-8")

    found = routing.read(tmp_path / "a.csv")

    assert [item.text for item in found] == ["one", "two", "three"]
    assert routing.read(tmp_path / "a.csv", 2) == routing.read(tmp_path / "a.csv", 2)
    assert len(routing.held_out([str(n) for n in range(10)])) == 2
