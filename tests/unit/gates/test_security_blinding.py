"""Ways to blind the analysers: each is refused for its own reason, or changes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security
from pytest_compiledai.gates import tools

# Every analyser has something to say about this.
PLANTED = b"import subprocess\nsubprocess.run('a', shell=True)\nx: int = 'a'\n"
WITNESS = "open({path!r}, 'w').close()\n"


Spoken = Callable[[str], tools.ToolReport]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    """What one analyser says of the planted code, asked as a run asks it."""
    cache = tmp_path_factory.mktemp("run")
    source = Source(data=PLANTED, path="specs/planted.py")
    request = tools.ScanRequest(source=source)
    return lambda tool: tools.scan([request], which=frozenset({tool}), cache=cache)[source.address]


@pytest.fixture(scope="module")
def plain(spoken: Spoken) -> Mapping[str, tools.ToolReport]:
    """What each analyser says where nobody tries to blind it."""
    found = {tool: spoken(tool) for tool in ("bandit", "ruff-security", "semgrep", "mypy")}
    assert all(report.findings and not report.faults for report in found.values())
    return found


SKIPS = "skips = B404,B602,B603,B607\nexclude = /\n"
FILES = [
    ("ruff-security", "ruff.toml", 'exclude = ["*"]\n[lint]\nselect = []\n'),
    ("ruff-security", ".ruff.toml", "[lint]\nselect = []\n"),
    ("ruff-security", "pyproject.toml", '[tool.ruff]\nexclude = ["*"]\n'),
    ("ruff-security", ".gitignore", "*\n"),
    ("bandit", ".bandit", f"[bandit]\n{SKIPS}"),
    ("bandit", "bandit.yaml", "skips: [B404, B602]\n"),
    ("bandit", "pyproject.toml", '[tool.bandit]\nskips = ["B404", "B602"]\nexclude_dirs = ["/"]\n'),
    ("bandit", "setup.cfg", f"[bandit]\n{SKIPS}"),
    ("bandit", "tox.ini", f"[bandit]\n{SKIPS}"),
    ("semgrep", ".semgrepignore", "*\n"),
    ("semgrep", ".gitignore", "*\n"),
    ("semgrep", ".semgrep.yml", "rules: []\n"),
    ("semgrep", ".semgrep/settings.yml", "has_shown_metrics_notification: true\n"),
    ("mypy", "mypy.ini", "[mypy]\nignore_errors = True\n"),
    ("mypy", ".mypy.ini", "[mypy]\nignore_errors = True\n"),
    ("mypy", "setup.cfg", "[mypy]\nignore_errors = True\n"),
    ("mypy", "pyproject.toml", "[tool.mypy]\nignore_errors = true\n"),
    ("mypy", "subprocess.pyi", "def __getattr__(name: str) -> object: ...\n"),
]


@pytest.mark.parametrize(("tool", "name", "text"), FILES, ids=lambda value: str(value)[:24])
def test_configuration_in_the_tree_changes_nothing(
    tool: str,
    name: str,
    text: str,
    spoken: Spoken,
    plain: Mapping[str, tools.ToolReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that steers an analyser, here, above or at home, leaves its answer as it was."""
    inner = tmp_path / "project" / "specs"
    for folder in (tmp_path, inner.parent, inner):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(inner)

    assert spoken(tool) == plain[tool]


def test_a_folder_that_git_ignores_is_scanned(
    spoken: Spoken,
    plain: Mapping[str, tools.ToolReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a repository that ignores everything, Semgrep and Ruff read the file all the same."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("*\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert spoken("semgrep") == plain["semgrep"]
    assert spoken("ruff-security") == plain["ruff-security"]


PROGRAMS = [
    ("mypy", "mypy.ini", "[mypy]\nplugins = witness\n"),
    ("mypy", "mypy.ini", "[mypy]\nplugins = ./witness.py\n"),
    ("bandit", "bandit.py", "import witness\n"),
    ("mypy", "mypy.py", "import witness\n"),
    ("mypy", "sitecustomize.py", "import witness\n"),
    ("ruff-security", "sitecustomize.py", "import witness\n"),
    ("semgrep", "sitecustomize.py", "import witness\n"),
    ("semgrep", "usercustomize.py", "import witness\n"),
    ("bandit", "conftest.py", "import witness\n"),
    ("mypy", "json.py", "import witness\n"),
]


@pytest.mark.parametrize(("tool", "name", "text"), PROGRAMS, ids=lambda value: str(value)[:24])
def test_no_program_in_the_tree_is_run(
    tool: str,
    name: str,
    text: str,
    spoken: Spoken,
    plain: Mapping[str, tools.ToolReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plugin or a module that an analyser would import from the tree never runs."""
    ran = tmp_path / "ran"
    (tmp_path / "witness.py").write_text(WITNESS.format(path=str(ran)), encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MYPYPATH", str(tmp_path))

    assert spoken(tool) == plain[tool]
    assert not ran.exists()


VARIABLES = [
    ("ruff-security", "RUFF_CONFIG", "ruff.toml"),
    ("ruff-security", "RUFF_EXCLUDE", "*"),
    ("ruff-security", "RUFF_OUTPUT_FORMAT", "concise"),
    ("bandit", "BANDIT_CONFIG", "bandit.yaml"),
    ("semgrep", "SEMGREP_RULES", "rules.yaml"),
    ("semgrep", "SEMGREP_SETTINGS_FILE", "settings.yml"),
    ("semgrep", "SEMGREP_TIMEOUT", "0.001"),
    ("semgrep", "SEMGREP_BASELINE_COMMIT", "HEAD"),
    ("mypy", "MYPY_CACHE_DIR", "cache"),
    ("mypy", "MYPY_CONFIG_FILE_DIR", "."),
    ("mypy", "MYPY_FORCE_COLOR", "1"),
    ("mypy", "PYTHONSTARTUP", "startup.py"),
    ("mypy", "PYTHONHOME", "/nowhere"),
    ("mypy", "PYTHONOPTIMIZE", "2"),
    ("mypy", "XDG_CONFIG_HOME", "."),
    ("semgrep", "LD_PRELOAD_32", "nothing.so"),
]


@pytest.mark.parametrize(("tool", "name", "value"), VARIABLES)
def test_no_variable_steers_an_analyser(
    tool: str,
    name: str,
    value: str,
    spoken: Spoken,
    plain: Mapping[str, tools.ToolReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Environment variables that an analyser, or the interpreter under it, reads reach none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)

    assert spoken(tool) == plain[tool]


BODY = b"import os\n\n\ndef f(data: str) -> int:\n    return os.system(data)"
COMMENTS = [
    "# nosec", "#nosec B605", "# noqa", "# noqa: S605", "# NOQA", "# nosemgrep", "# nosemgrep: a.b",
    "# type: ignore", "# type: ignore[arg-type]", "# mypy: ignore-errors", "# mypy: disable-error-code=x",
    "# ruff: noqa", "# ruff: noqa: S605", "# flake8: noqa", "# pylint: disable=all", "# pyright: basic",
    "# pyright: ignore", "# pyre-ignore", "# pytype: skip-file", "# pragma: no cover", "# fmt: off",
    "# fmt: skip", "# isort: skip_file", "# NOSONAR", "# lgtm", "# noinspection PyUnresolved",
]  # fmt: skip
TEXTS = [
    *(("suppression", BODY + b"  " + comment.encode() + b"\n") for comment in COMMENTS),
    ("suppression", b"from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    import os\n"),
    ("suppression", b"import typing\nif typing.TYPE_CHECKING:\n    X = 1\n"),
    ("suppression", b"from typing import no_type_check\n@no_type_check\ndef f(x): return x\n"),
    ("suppression", b"from typing import no_type_check_decorator as d\n@d\ndef f(x): return x\n"),
    ("encoding", b"# -*- coding: utf-7 -*-\n" + BODY),
    ("encoding", b"#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\n" + BODY),
    ("encoding", b"# coding=rot13\nvzcbeg bf\n"),
    ("encoding", b"\xef\xbb\xbf" + BODY),
    ("encoding", BODY.decode().encode("utf-16")),
    ("encoding", b"x = '\xff'\n"),
    ("encoding", b"x = '\xed\xa0\x80'\n"),
    ("character", "x = 'a\u202e b'\n".encode()),
    ("character", "# \u2066 harmless \u2069\nx = 1\n".encode()),
    ("character", "x = 'a\u200bb'\n".encode()),
    ("character", "x\u200d = 1\n".encode()),
    ("character", "x = 1  # \u2028import os\n".encode()),
    ("character", "x = 1  # \x85import os\n".encode()),
    ("character", b"x = 1  # a\rimport os\n"),
    ("character", b"x = 1\x0c\n"),
    ("character", b"x = 'a\x00b'\n"),
    ("character", b"x = 'a\x1b[2Kb'\n"),
    ("builtin", "def f(x: str) -> int:\n    return \uff45\uff56\uff41\uff4c(x)\n".encode()),
    ("undefined", "def f(x: str) -> int:\n    return \u0435val(x)\n".encode()),
    ("dunder", "def f(x: str) -> int:\n    return x.__\u1d04\u1d38ass__\n".encode()),
    ("parse", b"def f(:\n"),
    ("parse", b"    x = 1\n  y = 2\n"),
    ("parse", b"print 'a'\n"),
    ("size", b"x = 1\n" * 20_000),
    ("size", b"x = '" + b"a" * 5_000 + b"'\n"),
    ("nesting", b"x = " + b"(" * 60 + b"1" + b")" * 60 + b"\n"),
    ("nesting", b"x = " + b"[" * 3_000 + b"]" * 900 + b"\n"),
    ("nesting", b"x = 1" + b" + 1" * 900 + b"\n"),
    ("nesting", b"x = a" + b".b" * 1_500 + b"\n"),
    ("nesting", b"x = " + b"-" * 3_000 + b"1\n"),
    ("nesting", b"x = " + b"not " * 900 + b"1\n"),
    ("nesting", b"x = " + b"lambda: " * 400 + b"1\n"),
    ("nesting", b"x = 1" + b" if 1 else 1" * 300 + b"\n"),
    ("nesting", b"".join(b" " * n + b"if 1:\n" for n in range(110)) + b" " * 110 + b"pass\n"),
]


@pytest.fixture(scope="module")
def scans() -> dict[str, tools.ToolReport]:
    """One scan of all texts by all analysers of the gate, as in a run."""
    requests = [tools.ScanRequest(source=Source(data=data, path="a.py")) for _, data in TEXTS]
    return tools.scan(requests, which=frozenset(security.TOOLS))


@pytest.mark.parametrize(("rule", "data"), TEXTS, ids=lambda value: str(value)[:24])
def test_text_that_blinds_is_refused_for_that(
    rule: str, data: bytes, scans: dict[str, tools.ToolReport]
) -> None:
    """Text that silences, misleads or breaks an analyser fails the gate with its own reason."""
    verdict = security.judge(Source(data=data, path="a.py"), capabilities=frozenset(), scans=scans)

    assert not verdict.passed
    assert f"security.{rule}" in {finding.rule for finding in verdict.findings} or (
        # Some interpreters give such text up while they parse it.
        rule in {"nesting", "dunder"} and "security.parse" in verdict.findings[0].rule
    )
    assert all(finding.message for finding in verdict.findings)


def test_hostile_texts_take_no_answer_from_an_honest_one(
    scans: dict[str, tools.ToolReport],
) -> None:
    """Every text that may be parsed at all was read to its end by every analyser."""
    unread = frozenset({"size", "encoding", "character", "nesting", "parse"})
    fit = [Source(data=data, path="a.py") for rule, data in TEXTS if rule not in unread]

    assert len(fit) > 25
    assert {scans[source.address].scanned for source in fit} == {frozenset(security.TOOLS)}
