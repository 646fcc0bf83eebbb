"""The action's own steps, run by bash as a runner runs them; and parts against the whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
SPEC = """\
compiledai: 1
kind: function
name: {name}
description: Return twice the number n.
input: {{type: object, properties: {{n: {{type: integer, minimum: -1000, maximum: 1000}}}}, required: [n]}}
output: {{type: object, properties: {{m: {{type: integer}}}}, required: [m]}}
golden: rows.jsonl
candidate: {name}.py
gates:
  latency: off
  fuzz: off
"""
CODE = 'def {name}(data: {type}Input) -> {type}Output:\n    return {{"m": {factor} * data["n"]}}\n'
UNITS = {"double": 2, "again": 2, "twice": 3}  # the last is wrong
PARTS = {"one": "1/3", "two": "2/3", "three": "3/3"}
#: A `python` that installs nothing and notes what it was asked to install.
PYTHON = 'case "$*" in *" pip "*) echo "$@" >> {folder}/asked;; *) exec {python} "$@";; esac'
HOSTILE = "::error file=x::forged"


def write_project(root: Path) -> None:
    """Write three units, the last of which gives wrong answers."""
    specs = root / "specs"
    specs.mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n")
    rows = [{"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}} for n in range(80)]
    (specs / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for name, factor in UNITS.items():
        (specs / f"{name}.yaml").write_text(SPEC.format(name=name))
        code = CODE.format(name=name, type=name.title(), factor=factor)
        (specs / f"{name}.py").write_text(code)


def environ(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COMPILEDAI_", "GITHUB_", "COV_", "COVERAGE_"))
    }
    return kept | {"PYTEST_ADDOPTS": "-p no:randomly -p no:anyio -p no:hypothesispytest"} | more


class Runner:
    """Runs the `run:` steps of the action in a project, as a job of a workflow does."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        self.program("python", PYTHON)
        self.asked = ""
        self.outputs: dict[str, str] = {}
        self.summary = ""

    def program(self, name: str, text: str) -> None:
        """Put a program of ours before the machine's."""
        path = self.folder / "bin" / name
        path.write_text("#!/bin/sh\n" + text.format(folder=self.folder, python=sys.executable))
        path.chmod(0o755)

    def run(self, **given: str) -> subprocess.CompletedProcess[str]:
        """Run the steps until one fails; return the last."""
        given = {key.replace("_", "-"): value for key, value in given.items()}
        assert set(given) <= set(ACTION["inputs"])
        inputs = {name: facts["default"] for name, facts in ACTION["inputs"].items()} | given
        for step in ACTION["runs"]["steps"]:
            if "run" in step:
                done = self._step(step, inputs)
                if done.returncode:
                    break
        self.asked = (self.folder / "asked").read_text()
        text = (self.folder / "output").read_text()
        found = re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n\2$", text, re.DOTALL | re.MULTILINE)
        self.outputs = {name: value for name, _, value in found}
        self.summary = (self.folder / "summary").read_text()
        return done

    def _step(self, step, inputs) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        own = {name: INPUT.sub(lambda m: inputs[m[1]], text) for name, text in step["env"].items()}
        assert "${{" not in "".join(own.values())
        return self.bash(step["run"], **own)

    def bash(self, text: str, **own: str) -> subprocess.CompletedProcess[str]:
        """Run a script as a runner does."""
        runner = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
        }
        script = self.folder / "step.sh"
        script.write_text(text)
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.root,
            env=environ(**(runner | own)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Compile the project whole and in three parts, all at once; return their folder."""
    folder = tmp_path_factory.mktemp("parts")
    jobs = []
    for name, part in {"whole": "", **PARTS}.items():
        write_project(folder / name)
        command = [sys.executable, "-m", "pytest_compiledai.ci", "run", "--mode", "compile"]
        jobs.append(
            subprocess.Popen(
                [*command, f"--shard={part}"],
                cwd=folder / name,
                env=environ(),
                stdout=subprocess.DEVNULL,
            )
        )
    # Part one holds no unit, part two the wrong one.
    assert [job.wait(timeout=300) for job in jobs] == [1, 0, 1, 0]
    write_project(folder / "merged")
    return folder


@pytest.fixture(scope="module")
def merged(made) -> Path:
    """Merge the parts into a copy of the project, and write what they froze."""
    parts = [str(made / name / "compiledai-report") for name in PARTS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest_compiledai.ci", "merge", *parts, "--write"],
        cwd=made / "merged",
        env=environ(),
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    return made


def test_parts_merged_freeze_what_the_whole_does(merged):
    """Lock, artifacts and loader are the same bytes."""
    for path in (
        "compiledai.lock",
        "compiled/double.py",
        "compiled/again.py",
        "compiled/__init__.py",
    ):
        whole = (merged / "whole" / path).read_bytes()
        assert whole == (merged / "merged" / path).read_bytes()
    assert not (merged / "merged" / "compiled" / "twice.py").exists()


@pytest.mark.parametrize("name", ["report.json", "report.sarif", "summary.md", "report.html"])
def test_parts_merged_report_what_the_whole_does(merged, name):
    """Every form of the report is the same, measured figures aside: latency is off here."""
    report = Path("compiledai-report") / name

    whole = (merged / "whole" / report).read_text()

    assert "twice" in whole
    assert unmeasured(whole) == unmeasured((merged / "merged" / report).read_text())


def unmeasured(text: str) -> str:
    return re.sub(r'("[a-z_0-9]*(?:_ms|_us|seconds|_s)": )[\d.e-]+', r"\1M", text)


def test_parts_merged_have_the_test_cases_of_the_whole(merged):
    """Each case is there once with its outcome and its properties; the counts are of all."""

    def facts(name):
        root = ET.parse(merged / name / "compiledai-report" / "junit.xml").getroot()
        (suite,) = root.iter("testsuite")
        counts = [suite.get(key) for key in ("tests", "errors", "failures", "skipped")]
        cases = sorted(
            (
                case.get("classname"),
                case.get("name"),
                *sorted(child.tag for child in case),
                *sorted(
                    (p.get("name"), p.get("value"))
                    for p in case.iter("property")
                    if p.get("name") in ("compiledai.unit", "compiledai.gate", "compiledai.outcome")
                ),
            )
            for case in suite.iter("testcase")
        )
        return counts, cases

    counts, cases = facts("whole")
    assert counts == ["15", "0", "1", "0"]
    assert (counts, cases) == facts("merged")


def test_the_job_of_a_pull_request(merged, tmp_path):
    """The steps install, run locked, and say what failed: outputs, summary, one line a finding."""
    project = tmp_path / "project"
    shutil.copytree(merged / "whole", project)
    (project / "specs" / "double.yaml").write_text(
        SPEC.format(name="double").replace("twice", "2 x")
    )
    (project / "specs" / "no spec.yaml").write_text("compiledai: 1\nkind: [\n")
    runner = Runner(project, tmp_path / "runner")

    done = runner.run(
        constraints="pins file.txt", specs="specs/double.yaml specs/twice.yaml 'specs/no spec.yaml'"
    )

    assert done.returncode == 1
    assert runner.asked == f"-m pip install --constraint pins file.txt {ROOT}[gates]\n"
    assert runner.outputs == {
        "report": "compiledai-report/report.json",
        "summary": "compiledai-report/summary.md",
        "frozen": "0",
        "rejected": "2",
        "lock-changed": "false",
    }
    assert set(runner.outputs) == set(ACTION["outputs"])
    units = json.loads((project / runner.outputs["report"]).read_text())["units"]
    assert ["stale", "error"] == [unit["outcome"] for unit in units]
    assert "### `double` stale" in runner.summary
    assert "### Outside any unit\n\n- specs/no spec.yaml:3: found broken YAML" in runner.summary
    told = after_commands_start(done.stdout)
    assert [line.split("::")[1].partition(",title=")[0] for line in told] == [
        "error file=specs/no spec.yaml,line=3",
        "error file=specs/double.yaml,line=1",
        "error file=specs/twice.yaml,line=1",
    ]


def after_commands_start(text: str) -> list[str]:
    """Return the lines that a runner reads as commands, and check that it reads no other."""
    first, *rest = text.splitlines()
    word = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", word)
    end = rest.index(f"::{word}::")
    return rest[end + 1 :]


def test_what_a_run_prints_cannot_speak_to_the_runner(merged, tmp_path):
    """A line that begins like a command comes while commands are stopped; the failure is told."""
    project = tmp_path / "project"
    shutil.copytree(merged / "merged", project)
    (project / "test_plain.py").write_text(
        f"def test_plain():\n    assert not print('\\n{HOSTILE}')\n    raise KeyError\n"
    )
    runner = Runner(project, tmp_path / "runner")

    done = runner.run(mode="frozen", specs="test_plain.py", pytest_args="-x -q")

    assert HOSTILE in done.stdout.splitlines()
    (told,) = after_commands_start(done.stdout)
    assert told.startswith("::error title=compiledai::pytest ended with exit code 1 and no finding")
    assert done.returncode == 1


def test_a_run_without_a_record_is_no_pass(tmp_path):
    """Where pytest ends well and judged nothing, the job fails and says so."""
    write_project(tmp_path / "project")
    runner = Runner(tmp_path / "project", tmp_path / "runner")

    done = runner.run(pytest_args="--version")

    assert done.returncode == 1
    (told,) = after_commands_start(done.stdout)
    assert "pytest ended with exit code 0; compiledai-report/record.json: found no record" in told
    assert "found no record" in runner.summary


def test_the_template_opens_the_change(made, tmp_path):
    """The job that may write commits lock, artifacts and nothing else, and asks to merge them."""
    project, origin = tmp_path / "project", tmp_path / "origin"
    write_project(project)
    runner = Runner(project, tmp_path / "runner")
    runner.program("gh", 'echo "$@" >> {folder}/gh')
    temporary = tmp_path / "temporary"
    for number, name in enumerate(PARTS):
        report = made / name / "compiledai-report"
        shutil.copytree(report, temporary / "reports" / f"compiledai-report-compile-{number}")
    git(tmp_path, "init", "--quiet", "--bare", str(origin))
    for command in ("init --quiet", f"remote add origin {origin}", "add --all", "commit -qm x"):
        git(project, *command.split())

    job = yaml.safe_load((ROOT / "templates" / "compile.yml").read_text())["jobs"]["open"]
    for step in (step for step in job["steps"] if "run" in step):
        own = {name: name.lower() for name in step.get("env", {})}
        done = runner.bash(step["run"], RUNNER_TEMP=str(temporary), GITHUB_RUN_ID="77", **own)
        assert done.returncode == 0, done.stderr

    changed = git(origin, "show", "--name-status", "--format=%s", "compiledai/77").splitlines()
    assert changed == [
        "Compile",
        "",
        "A\tcompiled/__init__.py",
        "A\tcompiled/__init__.pyi",
        "A\tcompiled/again.py",
        "A\tcompiled/again.pyi",
        "A\tcompiled/double.py",
        "A\tcompiled/double.pyi",
        "A\tcompiledai.lock",
    ]
    assert "pr create --base base --head compiledai/77" in (runner.folder / "gh").read_text()


def test_the_template_of_gitlab_runs_a_part(made, tmp_path):
    """Each job of the matrix runs its part, and leaves the file that the service reads."""
    project = tmp_path / "project"
    write_project(project)
    runner = Runner(project, tmp_path / "runner")
    job = yaml.safe_load((ROOT / "templates" / "compiledai.gitlab-ci.yml").read_text())["compiled"]

    script = "\n".join(job["script"])
    done = runner.bash(script, CI_NODE_INDEX="1", CI_NODE_TOTAL="3", GITHUB_ACTIONS="")

    assert done.returncode == 0, done.stderr
    assert (project / job["artifacts"]["reports"]["junit"]).is_file()
    assert "::stop-commands" not in done.stdout


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "update"},
        {"specs": "--compile-accept"},
        {"shard": "0/4"},
        {"report_dir": "."},
        {"pytest_args": "'"},
    ],
)
def test_what_cannot_be_meant_fails_the_job(tmp_path, given):
    """A wrong input is never a pass."""
    write_project(tmp_path / "project")
    (tmp_path / "runner").mkdir()
    for name in ("output", "summary"):
        (tmp_path / "runner" / name).touch()
    runner = Runner(tmp_path / "project", tmp_path / "runner")

    assert runner.run(**given).returncode not in (0, 1)
