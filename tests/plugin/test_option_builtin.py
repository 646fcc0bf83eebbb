"""`--compile-model builtin/synth`: programs without a model, judged by the same gates."""

from __future__ import annotations

import json
import textwrap

SPEC = """\
    compiledai: 1
    kind: function
    name: triangle_area
    description: Calculate the area of a triangle given its base and height.
    input: {type: object, properties: {request: {type: string, maxLength: 300}}, required: [request]}
    output:
      type: object
      required: [base, height]
      properties:
        base: {type: integer, description: The base of the triangle.}
        height: {type: integer, description: The height of the triangle.}
    golden: triangle_area.jsonl
    gates: {latency: {p50_ms: 50, p99_ms: 500}, fuzz: {examples: 20, reference: none}}
"""
FORMS = (
    "Find the area of a triangle with a base of {b} and a height of {h}.",
    "What is the area of a triangle with height {h} and base {b}?",
    "triangle area, base {b}, height {h}",
)


def written(project, *, spec: str = SPEC, wrong: bool = False):
    """Write a spec whose requests name both numbers, in three forms."""
    specs = project.root / "specs"
    specs.mkdir()
    (specs / "triangle_area.yaml").write_text(textwrap.dedent(spec), encoding="utf-8")
    rows = []
    for n in range(24):
        base, height = 3 + n, 7 + 2 * n
        text = FORMS[n % 3].format(b=base, h=height)
        output = {"base": height, "height": base} if wrong else {"base": base, "height": height}
        rows.append(json.dumps({"id": f"r{n}", "input": {"request": text}, "output": output}))
    (specs / "triangle_area.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return project


def synthesised(project) -> None:
    """Have a program made, judged and reported."""
    written(project).report("--compile", "--compile-model", "builtin/synth", "specs")


def test_a_program_is_synthesised_judged_and_frozen(project):
    """Nobody is asked, no token is spent, and the lock names who proposed it."""
    project.once("synthesised", synthesised)

    (unit,) = json.loads(project.read("report.json"))["units"]
    assert (unit["outcome"], unit["tokens"]) == ("frozen", {"in": 0, "out": 0})
    assert {gate["outcome"] for gate in unit["gates"].values()} == {"passed"}
    assert 'proposer = "builtin/synth"' in project.lock


def test_without_a_model_a_promising_program_is_offered(project):
    """A newcomer without a key gets it unasked; the summary says so, and what a model would add."""
    project.once("synthesised", synthesised)
    asked_for = project.lock, project.read("compiled/triangle_area.py")
    project.thaw()

    result = project.run("--compile", "specs")

    result.assert_outcomes(passed=7)
    # What is synthesised depends on the spec alone: on no option, no process, no hash seed.
    assert asked_for == (project.lock, project.read("compiled/triangle_area.py"))
    result.stdout.fnmatch_lines(["*builtin/synth*no model*--compile-model NAME*"])


def test_gates_judge_a_synthesised_program_like_any_other(project):
    """Rows that contradict it reject it, and may be what is wrong; it is not proposed twice."""
    result = written(project, wrong=True).run(
        "--compile", "--compile-model", "builtin/synth", "specs"
    )

    result.assert_outcomes(passed=4, failed=1, skipped=2)
    following = "next: correct the rows of specs/triangle_area.jsonl where they are wrong, or *"
    result.stdout.fnmatch_lines(
        ["*triangle_area::accuracy*", following, "rejected*failed accuracy"]
    )


def test_without_a_model_nothing_that_its_rows_contradict_is_offered(project):
    """Then a recording is missed, as before."""
    result = written(project, wrong=True).run("--compile", "specs")

    result.stdout.fnmatch_lines(["*no recording of request*"])


def test_the_builtin_proposer_records_nothing(project):
    """`--compile-record missing` contradicts it and is told so."""
    result = written(project).run(
        "--compile", "--compile-model", "builtin/synth", "--compile-record", "missing", "specs"
    )

    result.stderr.fnmatch_lines(["*builtin/synth, which asks no model*"])
