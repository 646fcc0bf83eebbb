"""What `compiledai diff` says of two revisions' specs and golden rows."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.commands.promises import changed_promises
from pytest_compiledai.core.entry import Entry

SPEC = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
golden: ../rows/double.jsonl
"""
GATES = "gates: {fuzz: {reference: none}}\n"
ROWS = [("a", 1, 2, "train"), ("b", 2, 4, "validation"), ("c", 3, 6, "test")]


class Revision:
    """A revision whose files are given."""

    shown = "a revision"

    def __init__(self, spec: str, rows=ROWS, **files: str) -> None:
        lines = [
            json.dumps({"id": id_, "input": {"n": n}, "output": m and {"m": m}, "split": split})
            for id_, n, m, split in rows
        ]
        texts = {"specs/double.yaml": spec, "rows/double.jsonl": "\n".join(lines)}
        self._files = texts | {f"specs/{name}.py": text for name, text in files.items()}

    def read(self, path: str) -> bytes | None:
        return self._files[path].encode() if path in self._files else None


def entry(kind="function", evidence="e" * 64):
    return Entry(
        name="double",
        kind=kind,
        spec="specs/double.yaml",
        files={},
        source="",
        evidence=evidence,
        proposer="bridge/llm",
        attempts=1,
        target="",
        gates=(),
    )


def told(before: Revision, after: Revision) -> list[str]:
    return [str(found).strip() for found in changed_promises(before, entry(), after, entry())]


@pytest.mark.parametrize(
    ("after", "line"),
    [
        ("accuracy: {threshold: 0.5}", "looser gates.accuracy.threshold: 0.95 -> 0.5"),
        ("accuracy: {threshold: 1}", "other  gates.accuracy.threshold: 0.95 -> 1"),
        ("accuracy: {coverage: 0.2}", "looser gates.accuracy.coverage: 1.0 -> 0.2"),
        ("accuracy: off", "looser gates.accuracy: on -> off"),
        ("accuracy: {metric: {m: number}}", 'looser gates.accuracy.metric: {} -> {"m": "number"}'),
        ("latency: {p99_ms: 50}", "looser gates.latency.p99_ms: 5.0 -> 50"),
        ("syntax: {mypy: basic}", "looser gates.syntax.mypy: strict -> basic"),
        ("syntax: {complexity: 9}", "other  gates.syntax.complexity: 15 -> 9"),
    ],
)
def test_a_setting_says_whether_it_is_looser(after, line):
    """Each by its own direction, the documented defaults included."""
    spec = SPEC + GATES.replace("{fuzz", f"{{{after}, fuzz")

    assert [line] == told(Revision(SPEC + GATES), Revision(spec))


def test_rows_that_go_move_or_change_are_told():
    """A row is known by its input; one that went is looser, whatever id another one took."""
    rows = [
        ("a", 1, 2, "test"),
        ("b", 2, 5, "validation"),
        ("c", 4, 8, "test"),
        ("d", 5, None, "test"),
    ]

    assert told(Revision(SPEC + GATES), Revision(SPEC + GATES, rows)) == [
        'looser golden row c: test {"m": 6} -> nothing',
        'other  golden row a: train {"m": 2} -> test {"m": 2}',
        'other  golden row b: validation {"m": 4} -> validation {"m": 5}',
        "other  golden rows of other inputs: nothing -> 2 added",
    ]


def test_the_text_of_a_comparator_or_reference_is_a_promise():
    """The spec names the same function, and that function says something else."""
    spec = SPEC + 'gates: {fuzz: {reference: "own.py:answer"}}\n'

    (line,) = told(Revision(spec, own="a = 1"), Revision(spec, own="a = 2"))

    assert line.startswith("other  text of own.py: ")


def test_other_keys_of_a_spec_are_told():
    """A capability more is looser; what a description asks for is for its reader to say."""
    spec = SPEC.replace("twice", "thrice") + "capabilities: [clock]\n" + GATES

    assert told(Revision(SPEC + GATES), Revision(spec)) == [
        'looser capabilities: nothing -> ["clock"]',
        "other  description: Return twice the number n. -> Return thrice the number n.",
    ]


def test_recordings_that_changed_show_in_the_evidence():
    """Nothing of the spec did, and a verdict rests on other answers of a model."""
    revision = Revision(SPEC + GATES)

    (found,) = changed_promises(revision, entry(), revision, entry(evidence="f" * 64))

    assert str(found).strip() == f"other  evidence: {'e' * 12} -> {'f' * 12}"


def test_an_older_spec_that_nothing_can_read_is_told():
    """That is a difference, not a silence."""
    (line,) = told(Revision("compiledai: 1\nkind: [\n"), Revision(SPEC + GATES))

    assert line.startswith("other  spec: unreadable, specs/double.yaml:")


def test_other_kinds_tell_their_keys():
    """Without defaults: what a spec of them leaves out is theirs to know."""
    spec = "compiledai: 1\nkind: demos\nname: double\ngates: {cost: {most: 3}}\n"
    after = spec.replace("3", "9")

    found = changed_promises(Revision(spec), entry("demos"), Revision(after), entry("demos"))

    assert ["other  gates.cost.most: 3 -> 9"] == [str(promise).strip() for promise in found]


def test_recorded_calls_are_a_promise():
    """The same capability, and the callable tells other answers."""
    spec = SPEC + "capabilities: ['call:rates']\n" + GATES
    revisions = [Revision(spec), Revision(spec)]
    for revision, text in zip(revisions, ("one", "two"), strict=True):
        revision._files["rows/double.rates.jsonl"] = text

    (line,) = told(*revisions)

    assert line.startswith("other  text of ../rows/double.rates.jsonl: ")
