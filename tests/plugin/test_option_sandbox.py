"""`--compile-sandbox`: the same verdicts behind every wall, and none without one."""

from __future__ import annotations

import sys

import pytest

from pytest_compiledai.core.errors import SandboxError
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

    report = project.report("--compile", "--compile-sandbox", backend)

    assert [item["name"] for item in report["sandbox"]] == [backend]
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


def test_the_summary_says_which_wall_held(project, monkeypatch) -> None:
    """Where auto did not take the strongest, the reason stands beside the one it took."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    text = project.unit().run("--compile", "--compile-sandbox", "auto").stdout.str()

    assert "sandbox native: seccomp, " in text
    assert "(not docker sandbox: /nowhere/docker.sock: No such file or directory)" in text
