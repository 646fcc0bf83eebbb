"""`--compile-locked`, `-frozen`, `-update`, `-accept`, `-prune`."""

from __future__ import annotations

import pytest


def test_locked_judges_again_and_writes_nothing(frozen):
    """Locked mode runs every gate on the frozen artifact."""
    before = frozen.lock
    result = frozen.run("--compile-locked", "specs")

    result.assert_outcomes(passed=7)
    assert before == frozen.lock


def test_locked_fails_without_an_entry(project):
    """A unit that was never compiled fails with the command that compiles it."""
    result = project.unit().run("--compile-locked", "specs")

    result.assert_outcomes(failed=1, skipped=6)
    result.stdout.fnmatch_lines(["*found*no entry for double*", "next: pytest --compile specs*"])


def test_locked_fails_when_stale_and_says_what_changed(frozen):
    """A changed description makes the entry stale."""
    spec = frozen.read("specs/double.yaml").replace("Return twice", "Give twice")
    frozen.write("specs/double.yaml", spec)

    result = frozen.run("--compile-locked", "specs")

    result.assert_outcomes(failed=1, skipped=6)
    result.stdout.fnmatch_lines(["*stale*source*"])


def test_frozen_judges_what_is_stale(frozen):
    """Frozen mode runs the gates although the spec changed."""
    spec = frozen.read("specs/double.yaml").replace("Return twice", "Give twice")
    frozen.write("specs/double.yaml", spec)

    frozen.run("--compile-frozen", "specs").assert_outcomes(passed=7)


def test_a_stale_entry_is_renewed_without_proposing(frozen):
    """A changed spec whose artifact still passes gets a new entry and the same artifact."""
    artifact = frozen.read("compiled/double.py")
    rows = (
        frozen.read("specs/double.jsonl")
        + '{"id": "x", "input": {"n": 500}, "output": {"m": 1000}}\n'
    )
    frozen.write("specs/double.jsonl", rows)

    assert {"double": "renewed"} == frozen.outcomes("--compile", "specs")
    assert artifact == frozen.read("compiled/double.py")


def test_a_changed_file_of_the_users_is_what_is_judged(frozen):
    """The artifact follows the candidate's file, even where the old one would still pass."""
    code = frozen.read("specs/double.py").replace('2 * data["n"]', 'data["n"] + data["n"]')
    frozen.write("specs/double.py", code)

    assert {"double": "frozen"} == frozen.outcomes("--compile", "specs")
    assert 'data["n"] + data["n"]' in frozen.read("compiled/double.py")


def test_locked_catches_a_wrong_artifact_behind_a_right_lock(frozen):
    """The lock says what to check, not that it is good: new golden rows reject the old artifact."""
    rows = '{"id": "x", "input": {"n": 500}, "output": {"m": 7}, "split": "test"}\n' * 1
    frozen.write("specs/double.jsonl", frozen.read("specs/double.jsonl") + rows * 1)

    result = frozen.run("--compile-frozen", "specs")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*double.jsonl:81*expected 7, got 1000*"])


@pytest.mark.parametrize("flag", ["--compile", "--compile-locked", "--compile-frozen"])
def test_an_edited_artifact_fails_in_every_mode(frozen, flag):
    """Bytes that the lock does not know are named, and the two ways out are given."""
    frozen.write("compiled/double.py", frozen.read("compiled/double.py") + "\n# x\n")

    result = frozen.run(flag, "specs")

    result.assert_outcomes(failed=1, skipped=6)
    result.stdout.fnmatch_lines(["*edited by hand*", "next: restore it*--compile-accept*"])


def test_accept_takes_an_edit_through_all_gates(frozen):
    """An edit that passes is frozen; its proposer says that a hand made it."""
    frozen.write("compiled/double.py", frozen.read("compiled/double.py") + "\n_SEEN = 1\n")

    assert {"double": "frozen"} == frozen.outcomes("--compile-accept", "specs")
    assert 'proposer = "edited"' in frozen.lock
    frozen.run("--compile-locked", "specs").assert_outcomes(passed=7)


def test_accept_refuses_an_edit_that_fails(frozen):
    """A wrong edit is not taken and the lock stays as it was."""
    before = frozen.lock
    edited = frozen.read("compiled/double.py").replace("2 * data", "3 * data")
    frozen.write("compiled/double.py", edited)

    assert {"double": "rejected"} == frozen.outcomes("--compile-accept", "specs")
    assert before == frozen.lock


def test_update_replaces_an_edited_artifact(frozen):
    """--compile-update proposes again and writes over what stands there."""
    good = frozen.read("compiled/double.py")
    frozen.write("compiled/double.py", good + "# x\n")

    frozen.run("--compile-update", "specs")

    assert good == frozen.read("compiled/double.py")


def test_prune_drops_what_has_no_spec(frozen):
    """An entry whose spec is gone goes with its artifact."""
    (frozen.root / "specs/double.yaml").unlink()

    result = frozen.run("--compile-prune", "specs")

    result.stdout.fnmatch_lines(['*- [[]artifact."double"[]]'])
    assert "double" not in frozen.lock
    assert not (frozen.root / "compiled/double.py").exists()


def test_locked_fails_when_a_spec_is_gone(frozen):
    """An artifact that nobody judges any more is an error in CI."""
    (frozen.root / "specs/double.yaml").unlink()

    result = frozen.run("--compile-locked", "specs")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*found no spec of double*--compile-prune"])


def test_locked_fails_at_a_broken_table_that_no_unit_answers_for(frozen):
    """A table that cannot be trusted is told of, though its artifact is nobody's."""
    lock = frozen.root / "compiledai.lock"
    head, _, table = lock.read_text(encoding="utf-8").partition("[artifact.")
    planted = f"[artifact.{table}".replace('"double"', '"d\u043euble"')
    lock.write_text(f"{head}[artifact.{table}\n{planted}", encoding="utf-8")

    result = frozen.run("--compile-locked", "specs", "-k", "compile")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*compiledai.lock*found*"])


def test_a_missing_artifact_is_made_again(frozen):
    """A deleted file comes back byte for byte in compile mode."""
    good = frozen.read("compiled/double.py")
    (frozen.root / "compiled/double.py").unlink()

    frozen.run("--compile", "specs").assert_outcomes(passed=7)

    assert good == frozen.read("compiled/double.py")


def test_a_missing_artifact_fails_in_locked_mode(frozen):
    """Locked mode does not make what is missing."""
    (frozen.root / "compiled/double.py").unlink()

    result = frozen.run("--compile-locked", "specs")

    result.assert_outcomes(failed=1, skipped=6)
    result.stdout.fnmatch_lines(["*missing*"])


def test_swapped_artifacts_are_named(project):
    """Two artifacts that changed places are told apart from an edit."""
    project.frozen_pair()
    one, two = project.read("compiled/double.py"), project.read("compiled/twice.py")
    project.write("compiled/double.py", two)
    project.write("compiled/twice.py", one)

    project.run("--compile-locked", "specs").stdout.fnmatch_lines(["*swapped pair*"])


def test_a_half_merged_table_condemns_its_own_unit_only(project):
    """A table that was changed by hand fails its unit; the other goes on."""
    project.frozen_pair()
    lock = project.lock
    head, tail = lock.split('[artifact."twice"]')
    project.write(
        "compiledai.lock",
        head.replace("attempts = 1", "attempts = 2") + '[artifact."twice"]' + tail,
    )

    result = project.run("--compile-locked", "specs")

    result.assert_outcomes(passed=7, failed=1, skipped=6)
    result.stdout.fnmatch_lines(["*half-merged or hand-edited table of `double`*"])


def test_conflict_markers_have_their_own_message(frozen):
    """A lock with conflict markers says so and is not written over."""
    text = f"<<<<<<< ours\n{frozen.lock}=======\n{frozen.lock}>>>>>>> theirs\n"
    frozen.write("compiledai.lock", text)

    result = frozen.run("--compile", "specs")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*conflict*"])
    assert text == frozen.lock


def test_two_modes_at_once_are_refused(frozen):
    """Modes that contradict one another end before anything is collected."""
    result = frozen.run("--compile-locked", "--compile-update", "specs")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected one mode*"])


def test_a_lock_with_fewer_gates_is_stale(frozen):
    """An entry cannot hide a gate: locked mode compares the list with the kind's."""
    spec = frozen.read("specs/double.yaml").replace(
        "fuzz: {examples: 10, reference: none}", "fuzz: off"
    )
    frozen.write("specs/double.yaml", spec)
    frozen.run("--compile", "specs")
    frozen.write(
        "specs/double.yaml", spec.replace("fuzz: off", "fuzz: {examples: 10, reference: none}")
    )

    frozen.run("--compile-locked", "specs").stdout.fnmatch_lines(["*stale*gates*"])


def test_what_is_off_stands_in_report_lock_and_summary(project):
    """A gate that a spec switches off is named everywhere."""
    project.unit()
    spec = project.read("specs/double.yaml").replace(
        "fuzz: {examples: 10, reference: none}", "fuzz: off"
    )
    project.write("specs/double.yaml", spec)

    result = project.run("--compile", "specs", "--compile-report", "r.json")

    result.stdout.fnmatch_lines(["frozen*off: fuzz*"])
    assert 'off = ["fuzz"]' in project.lock
    assert '"outcome": "off"' in project.read("r.json")


def test_an_analyser_that_does_not_answer_is_no_pass(frozen, monkeypatch):
    """Locked mode without a working analyser ends in an error, and never says unchanged."""
    monkeypatch.setenv("COMPILEDAI_SEMGREP", "/nonexistent/semgrep")

    result = frozen.run("--compile-locked", "specs")

    assert result.ret == 1
    assert "0 unchanged" in result.stdout.str()
    result.stdout.fnmatch_lines(["*1 error*"])


@pytest.mark.parametrize("mode", ["--compile-locked", "--compile"])
def test_what_failed_before_the_chosen_gate_is_told_by_it(frozen, mode):
    """Where the item of the cause was not chosen, the first one after it fails with that cause."""
    frozen.write("compiled/double.py", frozen.read("compiled/double.py") + "# edited\n")

    result = frozen.run(
        mode, "specs/double.yaml::double::accuracy", "specs/double.yaml::double::fuzz"
    )

    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*bytes edited by hand*", "next: *--compile-accept*"])
    result.stdout.no_fnmatch_line("*look for hooks*")


def test_a_gate_that_was_not_chosen_fails_the_first_one_after_it(project):
    """An earlier gate's finding is told by the chosen item, with that gate's next command."""
    code = 'import os\n\ndef {name}(data: {type}Input) -> {type}Output:\n    return {{"m": 2 * data["n"]}}\n'
    project.unit(code=code)

    result = project.run("--compile", "specs/double.yaml::double::accuracy")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*security.import*"])


def test_a_table_edited_by_hand_names_the_spec_that_makes_it_again(frozen):
    """The command is one that this project has: its own spec, wherever it lies."""
    frozen.write("compiledai.lock", frozen.lock.replace('evidence = "', 'evidence = "0'))

    result = frozen.run("--compile-locked", "specs")

    result.assert_outcomes(failed=1, skipped=6)
    result.stdout.fnmatch_lines(["next: *--compile-update specs/double.yaml -k double*"])
