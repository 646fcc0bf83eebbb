"""The analysers, run for real on private copies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.process import Ran
from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security
from pytest_compiledai.gates import tools
from pytest_compiledai.gates.corpus import samples
from pytest_compiledai.gates.scanners import answer
from pytest_compiledai.gates.scanners import copies
from pytest_compiledai.gates.scanners import parse_scan
from pytest_compiledai.gates.scanners import programs
from pytest_compiledai.gates.scanners.answer import Complaint
from pytest_compiledai.gates.smoke import is_told
from pytest_compiledai.gates.smoke import judged
from pytest_compiledai.gates.smoke import smoke

SECURITY = frozenset(security.TOOLS)
SCANNED = tools.ALL - {"mypy"} | {"mypy-strict"}


def source(code: str) -> Source:
    return Source(data=code.encode(), path="a.py")


def request(code: str) -> tools.ScanRequest:
    return tools.ScanRequest(source=source(code))


GOOD = "def f(data: int) -> int:\n    return data + 1\n"


@pytest.mark.parametrize("gate", ["security", "syntax"])
def test_whole_corpus_is_judged_rightly(gate: str, tmp_path: Path) -> None:
    """Each gate refuses every bad sample for its rule and accepts every good one."""
    everything = samples(gate)
    scans = tools.scan(
        [tools.ScanRequest(source=item.source) for item in everything], cache=tmp_path
    )

    wrong = [
        (item.source.path, [found.message for found in judged(item, scans).findings])
        for item in everything
        if not is_told(item, scans)
    ]

    assert wrong == []


def test_smoke_finds_nothing_wrong() -> None:
    """The short proof passes with the policy and the tools as they are."""
    assert smoke() == ()


def test_smoke_tells_when_a_gate_is_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that finds nothing any more is named by its samples."""
    monkeypatch.setattr(security, "_TAINTED", ())

    wrong = smoke(scans=None)

    assert "gates/security/corpus/bad/sql/1.py" in wrong


def test_every_tool_confirms_every_source() -> None:
    """After a scan each source has the confirmation of each tool and no fault."""
    requests = [request(GOOD), tools.ScanRequest(source=source("x = 1\n"), mypy="basic")]

    scans = tools.scan(requests)

    first, second = (scans[item.source.address] for item in requests)
    assert first.scanned == {"bandit", "ruff-security", "semgrep", "ruff-syntax", "mypy-strict"}
    assert second.scanned == {"bandit", "ruff-security", "semgrep", "ruff-syntax", "mypy-basic"}
    assert (first.faults, second.faults) == ((), ())


def test_suppression_blinds_no_tool() -> None:
    """Comments that silence analysers silence none of ours."""
    code = "import subprocess\nsubprocess.run('a', shell=True)  # nosec # noqa # nosemgrep\n"

    report = tools.scan([request(code)], which=SECURITY)[source(code).address]

    assert {"bandit", "ruff-security", "semgrep"} == {item.tool for item in report.findings}


def test_configuration_beside_the_run_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configuration files in the working directory and the home folder change nothing."""
    code = "import subprocess\nsubprocess.run('a', shell=True)\nx: int = 'a'\n"
    plain = tools.scan([request(code)])
    (tmp_path / "ruff.toml").write_text("[lint]\nselect = []\n", encoding="utf-8")
    (tmp_path / ".bandit").write_text("[bandit]\nskips = B602,B404\n", encoding="utf-8")
    (tmp_path / ".semgrepignore").write_text("*\n", encoding="utf-8")
    (tmp_path / "mypy.ini").write_text("[mypy]\nignore_errors = True\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MYPYPATH", str(tmp_path))

    assert tools.scan([request(code)]) == plain


def test_missing_tool_is_a_finding_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Semgrep the gate fails and says what to install."""
    monkeypatch.setattr("pytest_compiledai.gates.scanners.semgrep_scan.find", lambda _: None)
    scans = tools.scan([request(GOOD)], which=SECURITY)

    verdict = security.judge(source(GOOD), capabilities=frozenset(), scans=scans)

    assert [item.rule for item in verdict.findings] == ["security.tool"]
    assert "semgrep: found no semgrep installed" in verdict.findings[0].message
    assert 'next: pip install "pytest-compiledai[gates]"' in verdict.findings[0].message
    assert not verdict.findings[0].quotable


@pytest.mark.parametrize("script", ["exit 2", "echo nonsense", "sleep 60", "echo '{}'; exit 0"])
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_broken_tool_is_a_finding(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that crashes, babbles or hangs leaves a fault, never silence."""
    program = tmp_path / "semgrep"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("COMPILEDAI_SEMGREP", str(program))

    scans = tools.scan([request(GOOD)], which=frozenset({"semgrep"}), timeout_s=0.5)

    assert [item.tool for item in scans[source(GOOD).address].faults] == ["semgrep"]


@pytest.mark.parametrize("tool", ["bandit", "ruff", "mypy"])
@pytest.mark.parametrize(
    ("code", "out"),
    [(3, b""), (1, b"nonsense"), (1, b'{"file": 1}'), (0, b""), (1, b"[]")],
)
def test_unreadable_answers_are_faults(
    tool: str, code: int, out: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exit code or an output that Bandit, Ruff or mypy never gives for a read file is a fault."""
    monkeypatch.setattr(
        f"pytest_compiledai.gates.scanners.{tool}_scan.run_program",
        lambda *_, **__: Ran(code=code, out=out, err=b"why"),
    )
    name = {"ruff": "ruff-syntax", "mypy": "mypy-strict"}.get(tool, tool)

    scans = tools.scan([request(GOOD)], which=frozenset({name.removesuffix("-strict")}))

    assert name in {item.tool for item in scans[source(GOOD).address].faults}
    assert name not in scans[source(GOOD).address].scanned


def test_every_missing_tool_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Bandit, Ruff, mypy and Semgrep nothing is scanned, and each fault says so."""
    scanners = "pytest_compiledai.gates.scanners"
    monkeypatch.setattr(f"{scanners}.bandit_scan.find_spec", lambda _: None)
    monkeypatch.setattr(f"{scanners}.ruff_scan.find", lambda _: None)
    monkeypatch.setattr(f"{scanners}.semgrep_scan.find", lambda _: None)
    monkeypatch.setattr(f"{scanners}.mypy_scan.find_spec", lambda _: None)

    report = tools.scan([request(GOOD)])[source(GOOD).address]

    assert report.scanned == frozenset()
    assert sorted(item.found for item in report.faults) == [
        "no bandit installed",
        "no mypy installed",
        "no ruff installed",
        "no ruff installed",
        "no semgrep installed",
    ]


def test_crash_of_bandit_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever Bandit throws is a fault with the name of the error."""
    program = tmp_path / "main.py"
    program.write_text("raise KeyError('inside')\n", encoding="utf-8")
    monkeypatch.setattr("pytest_compiledai.gates.scanners.bandit_scan._MAIN", program)

    report = tools.scan([request(GOOD)], which=frozenset({"bandit"}))[source(GOOD).address]

    assert [item.found.rpartition("\n")[2] for item in report.faults] == ["KeyError: 'inside'"]
    assert report.scanned == frozenset()


def test_odd_escapes_do_not_stop_the_scan() -> None:
    """Where warnings are errors, a source with an odd escape is scanned like any other."""
    code = 'X = "\\d"\n'

    assert tools.scan([request(code)], which=SECURITY)[source(code).address].scanned == SECURITY


def test_no_requests_need_no_tool() -> None:
    """An empty scan starts nothing; a scan by no tool has no answer."""
    assert tools.scan([]) == {}
    assert tools.scan([request(GOOD)], which=frozenset()) == {
        source(GOOD).address: tools.ToolReport()
    }


def test_source_without_scan_is_a_finding() -> None:
    """A source that no scan knows fails each tool."""
    verdict = security.judge(source(GOOD), capabilities=frozenset(), scans={})

    assert {item.rule for item in verdict.findings} == {"security.tool"}
    assert len(verdict.findings) == 3


def test_unreadable_text_is_given_to_no_tool() -> None:
    """Text that does not parse is refused for that and is not scanned."""
    broken = "def f(:\n"
    scans = tools.scan([request(broken), request(GOOD)], which=SECURITY)

    verdict = security.judge(source(broken), capabilities=frozenset(), scans=scans)

    assert [item.rule for item in verdict.findings] == ["security.parse"]
    assert scans[source(broken).address].scanned == frozenset()
    assert scans[source(GOOD).address].scanned == SECURITY


def test_text_that_does_not_parse_is_given_to_no_tool() -> None:
    """It has a fault, and the sources beside it have their answers."""
    broken, plain = source("def broken(:\n"), source("x = 1\n")

    reports = tools.scan([tools.ScanRequest(source=item) for item in (broken, plain)])

    assert [fault.tool for fault in reports[broken.address].faults] == ["text"]
    assert reports[plain.address].scanned == SCANNED


def test_text_that_ends_the_parser_ends_no_other_answer(monkeypatch, tmp_path) -> None:
    """What was parsed before the program died is scanned, the rest has a fault."""
    main = tmp_path / "dies.py"
    main.write_text("import os, sys\nprint(sys.argv[1], flush=True)\nos.abort()\n")
    monkeypatch.setattr(parse_scan, "_MAIN", main)
    first, second = sorted((source("x = 1\n"), source("y = 2\n")), key=lambda item: item.address)

    reports = tools.scan([tools.ScanRequest(source=item) for item in (first, second)])

    assert reports[first.address].scanned == SCANNED
    assert [fault.tool for fault in reports[second.address].faults] == ["text"]


def test_parser_without_an_end_leaves_a_fault(monkeypatch) -> None:
    """Where time runs out no text is fit."""

    def never(*_args, **_options):
        raise ToolError(where="python", found="no end after 1 s", expected="an end")

    monkeypatch.setattr(parse_scan, "run_program", never)
    plain = source("x = 1\n")

    (report,) = tools.scan([tools.ScanRequest(source=plain)]).values()

    assert [fault.tool for fault in report.faults] == ["text"]


def test_no_scan_parses_in_this_process(monkeypatch) -> None:
    """A scan runs in a thread, and CPython cannot build two trees at once."""
    with monkeypatch.context() as patched:
        patched.setattr("ast.parse", None)
        reports = tools.scan([request("x = 1\n")])

    assert [report.scanned for report in reports.values()] == [SCANNED]


def test_a_grant_silences_the_report_of_the_import_only() -> None:
    """With a module granted, that it is imported is no report any more; how it is used is."""
    code = (
        "import subprocess\n\n\ndef f(data: str) -> None:\n    subprocess.run(data, shell=True)\n"
    )
    scans = tools.scan([request(code)], which=SECURITY)
    grant = frozenset({"module:subprocess"})

    text = " ".join(
        item.message
        for item in security.judge(source(code), capabilities=grant, scans=scans).findings
    )

    assert "B404" not in text
    assert "B602" in text


def test_one_hostile_source_takes_no_answer_from_the_others() -> None:
    """A source that the batch did not confirm is asked about by itself."""
    asked: list[int] = []

    def run(scratch: copies.Scratch) -> list[Complaint]:
        asked.append(len(scratch.copies))
        if len(scratch.copies) > 1:
            raise ToolError(where="t", found="a crash", expected="an answer")
        return [Complaint(item.name, item.canary, "X", "canary") for item in scratch.copies]

    with copies.scratch([source("x = 1\n"), source("y = 2\n")]) as scratch:
        reports = answer.answer("t", run, scratch)

    assert asked == [2, 1, 1]
    assert all(report.scanned == {"t"} for report in reports.values())


def test_silence_about_the_canary_is_a_fault() -> None:
    """A tool that does not report the last line of the copy has not read it."""
    with copies.scratch([source("x = 1\n")]) as scratch:
        name = scratch.copies[0].name
        reports = answer.answer("t", lambda _: [Complaint(name, 1, "X", "found")], scratch)

    (report,) = reports.values()
    assert report.scanned == frozenset()
    assert report.faults[0].found == "no sign that the file was read to its end"


def test_copies_are_private_and_keep_their_lines() -> None:
    """A copy begins with the source, in a folder that nobody else can read, and is removed."""
    with copies.scratch([source("x = 1\r\ny = 2")]) as scratch:
        folder = scratch.folder
        text = (folder / scratch.copies[0].name).read_text(encoding="utf-8")
        mode = folder.stat().st_mode & 0o777
        canary = text.splitlines()[scratch.copies[0].canary - 1]

    assert text.startswith("x = 1\ny = 2\n")
    assert scratch.copies[0].lines == 2
    assert canary == "exec(compiledai_canary)"
    assert not folder.exists()
    if sys.platform != "win32":
        assert mode == 0o700


def test_environment_of_tools_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the user reaches an analyser, except where programs are."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    with copies.scratch([source("x = 1\n")]) as scratch:
        env = scratch.env()

    assert "canary" not in env.values()
    assert env["HOME"] == str(scratch.folder)


def test_versions_name_every_tool() -> None:
    """Each analyser has a version, or is called missing."""
    assert set(programs.versions()) == {"bandit", "hypothesis", "mypy", "ruff", "semgrep"}
    assert programs.version_of("no-such-analyser") == "missing"
