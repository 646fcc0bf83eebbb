"""What a spec of kind `function` may say."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.judging import opened
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.functions.spec import read_function_spec

CODE = "def double(data: DoubleInput) -> DoubleOutput:\n    return {'m': 2 * data['n']}\n"
HEAD = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer}}, required: [n]}
output: {type: object, properties: {m: {type: integer}}, required: [m]}
"""


def read(specs, more="", **arguments):
    return read_function_spec(specs.document(more, **arguments), specs.project)


def test_what_is_left_out_has_the_documented_defaults(specs):
    """A short spec means what the page of the spec says."""
    spec = read(specs)

    assert (spec.attempts, spec.candidates, spec.timeout_s) == (None, 1, 600.0)
    assert (spec.fallback, spec.candidate, spec.capabilities, spec.off) == ("model", None, (), ())
    assert (spec.syntax.mypy, spec.syntax.complexity) == ("strict", 15)
    assert (spec.accuracy.threshold, spec.accuracy.coverage, spec.accuracy.shown) == (0.95, 1.0, 20)
    assert (spec.latency.p50_ms, spec.latency.p99_ms) == (1, 5)
    assert (spec.fuzz.examples, spec.fuzz.reference, spec.fuzz.agreement) == (200, "model", 0.95)


def test_rows_are_read_from_beside_the_spec(specs):
    """Paths are relative to the spec; what is kept is relative to the root."""
    spec = read(specs)

    assert (spec.path, spec.golden) == ("specs/double.yaml", "specs/double.jsonl")
    assert [row.id for row in spec.rows_in(Split.TRAIN)] == ["r0", "r3"]
    assert len(spec.rows_in(*Split)) == len(spec.rows) == 6


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("goldens: x\n", 8),
        ("gates: {speed: {}}\n", 8),
        ("gates:\n  security: {strict: true}\n", 9),
        ("gates:\n  execution: {rows: 7}\n", 9),
        ("gates:\n  syntax: {mypy: strict, lines: 7}\n", 9),
        ("gates:\n  accuracy:\n    treshold: 0.5\n", 10),
        ("gates:\n  latency: {p90_ms: 5}\n", 9),
        ("gates:\n  fuzz: {seeds: 7}\n", 9),
    ],
)
def test_unknown_keys_are_told_at_their_line(specs, more, line):
    """A slip of the pen is an error, never a default."""
    with pytest.raises(SpecError, match=rf"specs/double\.yaml:{line}: found the key"):
        read(specs, more)


@pytest.mark.parametrize(
    ("more", "following"),
    [("golde: a.jsonl\n", "write `golden`"), ("owner: me\n", "take it out, or see docs/spec.md")],
)
def test_an_unknown_key_says_what_to_do(specs, more, following):
    """What is nearly a key is told; what is none has no place in a spec."""
    with pytest.raises(SpecError, match=f"next: {following}"):
        read(specs, more)


@pytest.mark.parametrize("gate", ["security", "syntax", "execution"])
def test_gates_that_cannot_be_off(specs, gate):
    """The gates that keep code from doing harm are always asked."""
    with pytest.raises(SpecError, match="a gate that can be switched off"):
        read(specs, f"gates: {{{gate}: off}}\n")


def test_what_is_off_is_not_asked(specs):
    """The unit's gates and their versions lack it, and it is named."""
    unit = specs.unit("gates: {latency: off, accuracy: off}\n")

    assert unit.gates == ("security", "syntax", "execution", "fuzz")
    assert [version.split("@")[0] for version in unit.versions] == list(unit.gates)
    assert unit.off == ("accuracy", "latency")


@pytest.mark.parametrize("path", ["../../rows.jsonl", "/etc/passwd", "a/../../../rows.jsonl"])
def test_golden_rows_lie_inside_the_project(specs, path):
    """No spec reads a file outside, even one that exists."""
    (specs.root.parent / "rows.jsonl").write_text("{}", encoding="utf-8")

    with pytest.raises(SpecError, match=r"specs/double\.yaml:7: .* inside the project"):
        read(specs, f"golden: {path}\n", head=HEAD)


def test_a_link_out_of_the_project_is_no_way_out(specs, tmp_path_factory):
    """What counts is where a path leads."""
    outside = tmp_path_factory.mktemp("outside") / "rows.jsonl"
    outside.write_text("{}", encoding="utf-8")
    (specs.root / "specs" / "link.jsonl").symlink_to(outside)

    with pytest.raises(SpecError, match="inside the project"):
        read(specs, "golden: link.jsonl\n", head=HEAD)


def test_missing_golden_rows_are_told(specs):
    """The line is that of the key, the path the one that was looked for."""
    with pytest.raises(SpecError, match=r"yaml:7: found specs/none\.jsonl: no such file"):
        read(specs, "golden: none.jsonl\n", head=HEAD)


@pytest.mark.parametrize("key", ["input", "output", "golden", "name", "description"])
def test_what_every_spec_needs(specs, key):
    """A key without a default is asked for."""
    lines = [line for line in f"{HEAD}golden: double.jsonl\n".splitlines() if key not in line[:12]]

    with pytest.raises(SpecError, match=key):
        read(specs, head="\n".join(lines) + "\n")


def test_capabilities_that_were_not_granted_are_refused(specs):
    """What a spec asks for is not enough; the line for the settings is given."""
    specs.grants = {"double": frozenset({"clock"}), "other": frozenset({"random"})}

    with pytest.raises(SpecError, match=r"random asked for and not granted.*`double: random`"):
        read(specs, "capabilities: [clock, random]\n")


@pytest.mark.parametrize("unit", ["*", "double"])
def test_capabilities_that_were_granted_are_the_units(specs, unit):
    """A grant to the unit or to every unit counts."""
    specs.grants = {unit: frozenset({"clock", "random"})}

    assert specs.unit("capabilities: [random]\n").capabilities == ("random",)


def test_a_grant_alone_gives_nothing(specs):
    """A unit has what it asks for and is granted, not what it could ask for."""
    specs.grants = {"*": frozenset({"clock"})}

    assert specs.unit().capabilities == ()


def test_recorded_calls_lie_beside_the_golden_rows(specs):
    """`call:rates` of `double` is replayed from `double.rates.jsonl`, and is evidence."""
    specs.grants = {"*": frozenset({"call:rates"})}
    specs.write("specs/double.rates.jsonl", '{"input": 1, "output": 2}\n')
    before = specs.unit("capabilities: ['call:rates']\n")
    specs.write("specs/double.rates.jsonl", '{"input": 1, "output": 3}\n')
    after = specs.unit("capabilities: ['call:rates']\n")

    assert before.body.call_tables == {"rates": {"1": 2}}
    assert before.evidence != after.evidence
    assert before.source == after.source


@pytest.mark.parametrize(
    "more",
    [
        "attempts: 0\n",
        "attempts: 21\n",
        "candidates: 17\n",
        "timeout: 0\n",
        "fallback: never\n",
        "gates: {syntax: {mypy: loose}}\n",
        "gates: {syntax: {complexity: 51}}\n",
        "gates: {accuracy: {threshold: 1.5}}\n",
        "gates: {accuracy: {metric: {queue: exact}}}\n",
        "gates: {accuracy: {metric: {m: nearly}}}\n",
        "gates: {accuracy: {split: {train: 0.9, validation: 0.2, test: 0.3}}}\n",
        "gates: {latency: {p50_ms: 0}}\n",
        "gates: {fuzz: {reference: rows.py}}\n",
        "gates: {fuzz: {agreement: -1}}\n",
        "candidate: none.py\n",
        "candidate: ../../double.py\n",
        "proposing: 2\n",
        "proposing: {prompt: 3}\n",
        "proposing: {prompt: true}\n",
        "proposing: {mend: 2}\n",
        "proposing: {compose: fields}\ncandidates: 2\n",
        "proposing: {compose: [votes]}\ncandidates: 2\n",
        "proposing: {compose: [fields, fields]}\ncandidates: 2\n",
        "proposing: {compose: [fields]}\n",
    ],
)
def test_values_out_of_range_are_refused(specs, more):
    """Each bound is checked where the spec is read, before anything is spent."""
    with pytest.raises(SpecError, match=r"specs/double\.yaml:8"):
        read(specs, more)


def test_a_file_of_the_users_is_read_with_the_spec(specs):
    """Its text is part of the source, whatever its line ends; no model is asked."""
    specs.write("specs/double.py", CODE)
    unit = specs.unit("candidate: double.py\n")
    specs.write("specs/double.py", CODE.replace("\n", "\r\n"))
    same = specs.unit("candidate: double.py\n")
    specs.write("specs/double.py", CODE.replace("2 *", "3 *"))
    other = specs.unit("candidate: double.py\n")

    assert not unit.asks_model
    assert unit.source == same.source != other.source
    assert unit.body.candidate == "specs/double.py"


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        (lambda specs: specs.write("specs/double.jsonl", rows("train")), "source"),
        (lambda specs: specs.write("specs/double.jsonl", rows("validation")), "evidence"),
        (lambda specs: specs.write("specs/double.jsonl", rows("test")), "evidence"),
    ],
    ids=["train", "validation", "test"],
)
def test_each_row_belongs_to_one_digest(specs, change, moves):
    """Train rows are what a proposal is made from; the others what it is judged by."""
    specs.write("specs/double.jsonl", rows(""))
    before = specs.unit()
    change(specs)
    after = specs.unit()

    moved = {name for name in ("source", "evidence") if changed(before, after, name)}
    assert moved == {moves}


def rows(split: str) -> str:
    """Return a row of each split, and another one of ``split``."""
    line = '{{"id": "{0}-{1}", "input": {{"n": {2}}}, "output": {{"m": 0}}, "split": "{0}"}}\n'
    text = "".join(line.format(s, 0, n) for n, s in enumerate(("train", "validation", "test")))
    return text + (line.format(split, 1, 9) if split else "")


def changed(before, after, name):
    return getattr(before, name) != getattr(after, name)


@pytest.mark.parametrize(
    ("more", "moves"),
    [
        ("attempts: 7\n", set()),
        ("timeout: 7\n", set()),
        ("candidates: 2\n", set()),
        ("proposing: {}\n", set()),
        ("proposing: {prompt: 1, repair: 1, compose: []}\n", set()),
        ("proposing: {prompt: 2}\n", {"source"}),
        ("proposing: {repair: 2}\n", {"source"}),
        ("candidates: 2\nproposing: {compose: [agreement]}\n", {"source"}),
        ("fallback: none\n", set()),
        ("gates: {accuracy: {threshold: 0.5}}\n", {"evidence"}),
        ("gates: {fuzz: {examples: 7}}\n", {"evidence"}),
        ("gates: {latency: {p50_ms: 7}}\n", {"source", "evidence"}),
    ],
)
def test_which_keys_move_which_digest(specs, more, moves):
    """Bounds of the loop make nothing stale; gates are evidence; told budgets are source too."""
    before, after = specs.unit(), specs.unit(more)

    assert {name for name in ("source", "evidence") if changed(before, after, name)} == moves


def test_tool_versions_are_evidence(specs):
    """An analyser that is replaced judges differently."""
    document = specs.document()
    newer = dataclasses.replace(specs.project, versions={"ruff": "9"})

    (before,) = FunctionKind().read(document, specs.project)
    (after,) = FunctionKind().read(document, newer)

    assert before.evidence != after.evidence
    assert before.source == after.source


def test_digests_do_not_depend_on_where_the_project_lies(specs, tmp_path_factory):
    """A checkout elsewhere is the same project."""
    there = dataclasses.replace(specs, root=tmp_path_factory.mktemp("elsewhere").resolve())
    there.write("specs/double.jsonl", (specs.root / "specs/double.jsonl").read_text())

    one, two = specs.unit(), there.unit()

    assert (one.source, one.evidence) == (two.source, two.evidence)


def test_rows_of_one_input_are_judged_once(specs):
    """A repeated row would outweigh the others and narrow the interval; the first is kept."""
    rows = [
        '{"id": "a", "input": {"n": 1, "k": 2}, "output": {"m": 2}, "split": "train"}',
        '{"id": "b", "input": {"k": 2, "n": 1}, "output": {"m": 2}, "split": "train"}',
        '{"id": "c", "input": {"n": 3}, "output": {"m": 6}, "split": "test"}',
    ]
    specs.write("specs/double.jsonl", "\n".join(rows))
    spec = read_function_spec(specs.document(), specs.project)

    assert [row.id for row in opened(spec, Phase.SELECT)] == ["a"]
    assert [row.id for row in opened(spec, Phase.ACCEPT)] == ["a", "c"]


def test_a_candidate_is_not_its_own_reference(specs):
    """By whatever name the file goes, it would agree with every one of its answers."""
    text = "def double(data):\n    return {'m': 2 * data['n']}\n"
    specs.write("specs/double.py", text)
    specs.write("specs/twice.py", text)
    more = 'candidate: double.py\ngates: {fuzz: {reference: "twice.py:double"}}\n'

    with pytest.raises(SpecError, match="whose text is the candidate's"):
        read_function_spec(specs.document(more), specs.project)
