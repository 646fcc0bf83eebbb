"""`--compile-drift`: an item that holds sampled calls against labels, reference and golden rows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3

import pytest

COLUMNS = (
    "time", "unit", "sha256", "outcome", "fallback", "ms", "input", "output", "reason", "label"
)  # fmt: skip
REFERENCE = "def right(data):\n    return {'m': 2 * data['n']}\n"


@pytest.fixture
def frozen(project):
    """Return a project where `double` is frozen, a function of the project its reference."""

    def make(new) -> None:
        new.unit()
        spec = new.read("specs/double.yaml")
        new.write("specs/double.yaml", spec.replace("reference: none", "reference: ref.py:right"))
        new.write("specs/ref.py", REFERENCE)
        new.run("--compile", "specs")

    return project.once("referred", make)


def call(project, n, **changed):
    """Return a right and labelled call of the frozen artifact."""
    artifact = (project.root / "compiled" / "double.py").read_bytes()
    row = {
        "time": "2026-01-01T00:00:00.000+00:00",
        "unit": "double",
        "sha256": hashlib.sha256(artifact).hexdigest(),
        "outcome": "value",
        "fallback": False,
        "ms": 0.01,
        "input": {"n": n},
        "output": {"m": 2 * n},
        "reason": None,
        "label": {"m": 2 * n},
    }
    return {**row, **changed}


def calls(project, **changed):
    return [call(project, n % 80, **changed) for n in range(80)]


def write_jsonl(project, rows):
    project.write("calls.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))


def write_sqlite(project, rows):
    path = project.root / "calls.sqlite"
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute(f"CREATE TABLE calls ({', '.join(COLUMNS)})")
        for row in rows:
            values = [json.dumps(row[c]) if c in ("input", "output", "label") else row[c]
                      for c in COLUMNS]  # fmt: skip
            store.execute(f"INSERT INTO calls VALUES ({', '.join('?' * len(COLUMNS))})", values)


def test_drift_is_asked_last_and_passes_on_right_calls(frozen):
    """Calls like the golden rows, all labelled and right, pass in locked mode."""
    write_jsonl(frozen, calls(frozen))

    result = frozen.run("--compile-locked", "--compile-drift", "calls.jsonl", "-v", "specs")

    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(["*double::fuzz PASSED*", "*double::drift PASSED*"])


def test_calls_in_a_table_are_judged(frozen):
    """A SQLite file is read as a file of JSON lines is."""
    write_sqlite(
        frozen, [*calls(frozen), call(frozen, 3, outcome="abstain", output=None, label=None)]
    )

    report = frozen.report("--compile-locked", "--compile-drift", "calls.sqlite", "specs")

    drift = report["units"][0]["gates"]["drift"]
    assert "passed" == drift["outcome"]
    assert (81, 1) == (drift["figures"]["calls"], drift["figures"]["abstain"])


def test_the_option_alone_compiles_and_too_few_calls_fail(frozen):
    """It implies `--compile`, and 73 right calls are the fewest that show 95 %."""
    write_jsonl(frozen, calls(frozen)[:72])

    result = frozen.run("--compile-drift", "calls.jsonl", "specs")

    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["*found 72 calls of the artifact*expected at least 73*"])


def test_wrong_answers_fail_and_become_golden_rows(frozen):
    """Labelled answers that are wrong fail, and stand beside the golden file with their labels."""
    golden = frozen.read("specs/double.jsonl")
    lock = frozen.lock
    wrong = [call(frozen, 900 + n, output={"m": 0}) for n in range(6)]
    write_jsonl(frozen, [*calls(frozen), *wrong])

    result = frozen.run("--compile", "--compile-drift", "calls.jsonl", "specs")

    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*calls.jsonl: found 80 of 86 compared answers right*differ in m 6*drift.accuracy*",
            "next: label the rows of specs/double.drift-rows.jsonl*pytest --compile specs*::double",
            "*specs/double.drift-rows.jsonl: 6 golden rows proposed, 0 of them to be labelled*",
        ]
    )
    rows = [json.loads(line) for line in frozen.read("specs/double.drift-rows.jsonl").splitlines()]
    assert {r["input"]["n"]: r["output"]["m"] for r in rows} == {
        900 + n: 2 * (900 + n) for n in range(6)
    }
    assert golden == frozen.read("specs/double.jsonl")
    assert lock == frozen.lock


def test_locked_mode_judges_drift_and_writes_nothing(frozen):
    """In CI a failing item names the command that proposes rows instead of writing them."""
    write_jsonl(
        frozen, [*calls(frozen), *[call(frozen, 900 + n, output={"m": 0}) for n in range(6)]]
    )

    result = frozen.run("--compile-locked", "--compile-drift", "calls.jsonl", "specs")

    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(
        ["next: pytest --compile --compile-drift calls.jsonl specs*::double*"]
    )
    assert not (frozen.root / "specs" / "double.drift-rows.jsonl").exists()


def test_calls_of_another_version_count_apart(frozen):
    """What another artifact answered says nothing of this one, for or against it."""
    other = [call(frozen, n, sha256="0" * 64, output={"m": -1}) for n in range(80)]
    write_jsonl(frozen, [*other, *calls(frozen)])

    report = frozen.report("--compile-locked", "--compile-drift", "calls.jsonl", "specs")

    drift = report["units"][0]["gates"]["drift"]
    assert "passed" == drift["outcome"]
    assert {"0" * 12: 80} == drift["figures"]["other_versions"]


def test_an_unreadable_file_is_an_error_in_the_report(frozen):
    """A report does not show a unit as unchanged whose drift could not be asked."""
    outcomes = frozen.outcomes("--compile", "--compile-drift", "calls.jsonl", "specs")

    assert {"double": "error"} == outcomes


def test_every_form_of_report_shows_drift(frozen):
    """JSON, HTML, Markdown, SARIF and JUnit name the gate and what it found."""
    write_jsonl(frozen, calls(frozen)[:3])
    names = ["r.json", "r.html", "r.md", "r.sarif"]
    options = [part for name in names for part in ("--compile-report", name)]

    frozen.run(
        "--compile", "--compile-drift", "calls.jsonl", "--junit-xml", "r.xml", *options, "specs"
    )

    assert json.loads(frozen.read("r.json"))["units"][0]["outcome"] == "rejected"
    for name in names:
        assert "drift.calls" in frozen.read(name)
    assert 'name="compiledai.gate" value="drift"' in frozen.read("r.xml")


def test_the_reference_function_answers_what_has_no_label(frozen):
    """Calls without labels are held against the project's own reference function."""
    wrong = [call(frozen, n, output={"m": 1}, label=None) for n in range(200, 210)]
    write_jsonl(frozen, [*calls(frozen, label=None), *wrong])

    report = frozen.report("--compile-locked", "--compile-drift", "calls.jsonl", "specs")

    drift = report["units"][0]["gates"]["drift"]
    assert {"function": 90} == drift["figures"]["basis"]
    assert "drift.accuracy" in {item["rule"] for item in drift["findings"]}


def test_drift_keeps_no_repair_from_being_frozen(frozen):
    """A new artifact has no calls yet: its drift item fails, and it is frozen all the same."""
    write_jsonl(frozen, calls(frozen))
    code = frozen.read("specs/double.py").replace("2 * data", "data['n'] + data")
    frozen.write("specs/double.py", code)

    result = frozen.run("--compile", "--compile-drift", "calls.jsonl", "specs")

    result.assert_outcomes(passed=7, failed=1)
    assert "data['n'] + data" in frozen.read("compiled/double.py")


def test_a_gate_that_judges_its_own_samples_wrongly_judges_nothing(frozen):
    """The drift gate proves itself before it is asked, as every other does."""
    write_jsonl(frozen, calls(frozen))
    frozen.write(
        "conftest.py",
        "from pytest_compiledai.gates import shift\nshift._fresh = lambda *_: set()\n",
    )

    result = frozen.run("--compile-locked", "--compile-drift", "calls.jsonl", "specs")

    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["*samples judged wrongly: gates/drift/corpus/bad/new/*"])


def test_drift_is_skipped_where_an_earlier_gate_failed(frozen):
    """One cause, one failure."""
    write_jsonl(frozen, calls(frozen))
    frozen.write("specs/double.py", "def double(data):\n    return {}\n")

    result = frozen.run("--compile", "--compile-drift", "calls.jsonl", "-rs", "specs")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*gate failed*"])
    assert "drift." not in result.stdout.str()


def test_the_verdict_depends_on_no_order_and_no_worker(frozen):
    """Chosen alone, or distributed over shuffled rows, the item says the same."""
    rows = [*calls(frozen), *[call(frozen, 900 + n, output={"m": 0}) for n in range(6)]]
    write_jsonl(frozen, rows)
    alone = frozen.report("--compile", "--compile-drift", "calls.jsonl", "-m", "drift", "specs")
    proposed = frozen.read("specs/double.drift-rows.jsonl")
    write_jsonl(frozen, rows[::-1])

    spread = frozen.report("--compile", "--compile-drift", "calls.jsonl", "-n", "2", "specs")

    told = [report["units"][0]["gates"]["drift"]["figures"] for report in (alone, spread)]
    assert told[0] == told[1]
    assert proposed == frozen.read("specs/double.drift-rows.jsonl")
