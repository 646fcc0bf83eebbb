"""`--compile-sandbox`: the same verdicts behind every wall, and none without one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.gates.scanners.programs import find
from pytest_compiledai.sandbox.docker_engine import Engine

#: Cheats that the static gates let pass: one answers everything alike, one does not end on some.
CONSTANT = "def constant(data: ConstantInput) -> ConstantOutput:\n    return {'m': 4}\n"
ENDLESS = """
def endless(data: EndlessInput) -> EndlessOutput:
    n = 0
    while n != data["n"]:
        n += 1
    return {"m": 2 * data["n"]}
"""


@pytest.fixture(params=["native", "docker"])
def backend(request) -> str:
    """Return a backend that is there; skips with the reason why not."""
    if request.param == "native" and sys.platform != "linux":
        pytest.skip("native needs Linux")
    if request.param == "docker":
        try:
            Engine("").close()
        except SandboxError as error:
            pytest.skip(str(error))
    return request.param


def failed(report: dict) -> dict[str, list[str]]:
    return {
        unit["id"].split("::")[1]: [
            gate for gate, found in unit["gates"].items() if found["outcome"] == "failed"
        ]
        for unit in report["units"]
    }


def test_cheats_are_judged_alike_behind_every_wall(project, backend) -> None:
    """Good code is frozen, a cheat is rejected by the gate that sees it, whatever the sandbox."""
    project.unit().unit("constant", code=CONSTANT).unit("endless", code=ENDLESS)

    summary = ("--compile-report", "summary.md")
    report = project.report("--compile", "--compile-sandbox", backend, *summary)

    assert f"sandbox {backend}: " in project.read("summary.md")
    assert failed(report) == {"constant": ["accuracy"], "double": [], "endless": ["execution"]}
    assert '[artifact."double"]' in project.read("compiledai.lock")


def test_nothing_is_executed_where_the_wanted_sandbox_is_not_there(project, monkeypatch) -> None:
    """Docker that was asked for and does not answer is an error of the unit, in four parts."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    result = project.unit().run("--compile", "--compile-sandbox", "docker")

    text = result.stdout.str()
    assert "found     /nowhere/docker.sock: No such file or directory" in text
    assert "expected  an engine that answers" in text
    assert (
        "next: start the engine, or set DOCKER_HOST; or run with --compile-sandbox native" in text
    )
    assert not (project.root / "compiledai.lock").exists()


def test_an_image_that_is_not_pinned_is_a_usage_error(project) -> None:
    """The setting is checked before anything runs."""
    (project.root / "pytest.ini").write_text("[pytest]\ncompiledai_docker_image = python:3.12\n")

    result = project.unit().run("--compile")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected an image pinned by its digest" in result.stderr.str()


#: Conftests that make this machine look like another one, before anything is collected.
ELSEWHERE = {
    "darwin": """
import sys, sysconfig
sysconfig.get_config_vars()  # reads a file that this machine has under its real name only
sys.platform = "darwin"
""",
    # What looks at the platform while it is imported comes first; it runs on this machine.
    "win32": """
import asyncio, ctypes, filelock, multiprocessing, os, pathlib, signal, socket, subprocess, sys
import sysconfig, types, uuid

sysconfig.get_config_vars()

class Windows:
    def find_spec(self, name, path=None, target=None):
        if name in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

GONE = {"curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
sys.meta_path.insert(0, Windows())
pathlib.os = types.ModuleType("os")  # a Path stays one of this machine
vars(pathlib.os).update(vars(os))
for name in GONE:
    sys.modules.pop(name, None)
for name in (
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK chown fchmod fork getegid geteuid getgid getpgid "
    "getuid killpg memfd_create mkfifo pread register_at_fork sched_getaffinity setsid sysconf "
    "uname waitid"
).split():
    vars(os).pop(name, None)
for name in "SIGALRM SIGCHLD SIGHUP SIGSYS SIGUSR1 SIGXCPU alarm setitimer".split():
    delattr(signal, name)
del socket.AF_UNIX
os.supports_dir_fd = set()
os.name = "nt"
sys.platform = "win32"
""",
}
#: A console script of Windows ends in .exe, and this machine has none.
PROGRAMS = ("bandit", "mypy", "ruff", "semgrep")


@pytest.fixture(params=sorted(ELSEWHERE))
def elsewhere(request, project, monkeypatch):
    """Return a frozen project on a machine that has no sandbox."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    project.unit().run("--compile", "-q")
    (project.root / "tox.ini").write_text("[pytest]\nfilterwarnings = error\n")
    project.write("conftest.py", ELSEWHERE[request.param])
    project.platform = request.param
    for name in PROGRAMS if request.param == "win32" else ():
        monkeypatch.setenv(f"COMPILEDAI_{name.upper()}", str(find(name)))
    return project


def test_without_a_sandbox_the_static_gates_judge_and_the_others_say_why_not(elsewhere) -> None:
    """On another platform security and syntax pass; execution ends in an error of four parts."""
    result = elsewhere.run("--compile-locked", "-v")

    text = result.stdout.str()
    assert "double::security PASSED" in text
    assert "double::syntax PASSED" in text
    assert "double::execution PASSED" not in text
    name = elsewhere.platform
    assert (
        f"compiledai_docker_image: nothing, on {name}; native sandbox: the platform {name}" in text
    )
    assert "pin a Linux image in the setting compiledai_docker_image" in text
    assert "expected  one backend that passes its probes" in text
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_without_a_sandbox_specs_are_collected_and_artifacts_load(elsewhere) -> None:
    """Collecting and production need no sandbox."""
    collected = elsewhere.run("--compile-locked", "--collect-only", "-q")
    code = "import conftest; from compiled import double; print(double({'n': 4}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere.root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "specs/double.yaml::double::execution" in collected.stdout.str()
    assert collected.ret == 0
    assert loaded.stdout == "{'m': 8}\n", loaded.stderr


def test_the_summary_says_which_wall_held(project, monkeypatch) -> None:
    """Where auto did not take the strongest, the reason stands beside the one it took."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    text = project.unit().run("--compile", "--compile-sandbox", "auto").stdout.str()

    assert "sandbox native: seccomp, " in text
    assert "(not docker sandbox: /nowhere/docker.sock: No such file or directory)" in text
