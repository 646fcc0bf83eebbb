"""The spec of a whole model: what it may say, and what its digests cover."""

from __future__ import annotations

import sys

import pytest

from pytest_compiledai.core.errors import SpecError


def test_a_spec_is_read_without_torch(whole):
    """Collecting imports nothing heavy, and eager is always among the back ends."""
    before = "torch" in sys.modules
    spec = whole.unit().body

    assert ("torch" in sys.modules) == before
    assert spec.frameworks == ("eager", "onnxruntime")
    assert spec.inputs[0].shape == ("batch", 4)


@pytest.mark.parametrize(
    ("old", "new", "line", "found"),
    [
        ("dtype: float32", "dtype: float16", 7, "'float16'"),
        ("shape: [batch, 4]", "shape: [width, 4]", 7, "['width', 4]"),
        ("batch: [1, 8]", "batch: [8, 1]", 8, "[8, 1]"),
        ('builder: "net.py:build"', 'builder: "net.py"', 6, "net.py"),
        ('builder: "net.py:build"', "package: no_such_package_here", 6, "no_such_package_here"),
        ('builder: "net.py:build"', "pool: mean", 6, "pool"),
        ("frameworks: [onnxruntime]", "frameworks: onnxruntime", 9, "onnxruntime"),
        ("frameworks:", "targets: [sm_90]\nframeworks:", 9, "['sm_90']"),
        ("cosine: 0.999", "cosine: 1.5", 11, "1.5"),
        ("fuzz: {examples: 4}", "fuzz: {examples: 1}", 12, "1"),
        ("axes:", "axis:", 8, "the key `axis`"),
    ],
)
def test_what_a_spec_may_not_say(whole, old, new, line, found):
    """Each mistake is an error with its line and what was found."""
    whole.spec = whole.spec.replace(old, new)

    with pytest.raises(SpecError) as caught:
        whole.unit()

    assert (f"specs/tiny.yaml:{line}", True) == (
        str(caught.value.where),
        found in caught.value.found,
    )


@pytest.mark.parametrize(
    "row",
    [
        {"id": "r0", "text": "a", "inputs": {}},
        {"id": "r0"},
        {"id": 3, "text": "a"},
        {"id": "r0", "text": "a", "output": 1},
        {"id": "r1", "text": "twice"},
    ],
)
def test_a_row_that_is_none_is_told_with_its_line(whole, row):
    """A dataset holds texts or inputs, each id once."""
    whole.rows = [whole.rows[1], row]

    with pytest.raises(SpecError) as caught:
        whole.unit()

    assert str(caught.value.where) == "specs/rows.jsonl:2"


def test_weights_are_no_part_of_what_a_search_is_made_from(whole):
    """Other rows and bounds leave the source as it is; another shape or builder changes it."""
    before = whole.unit()
    whole.rows.append({"id": "more", "inputs": {"x": [[0, 0, 0, 1]]}})
    whole.spec = whole.spec.replace("0.999", "0.99")
    judged = whole.unit()
    whole.spec = whole.spec.replace("[1, 8]", "[1, 16]")
    searched = whole.unit()

    assert (before.source, True) == (judged.source, before.evidence != judged.evidence)
    assert before.source != searched.source
