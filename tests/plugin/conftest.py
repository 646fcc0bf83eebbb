"""A small project that compiles without a model, and how to run pytest in it."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one flag that writes the golden files of terminal output again."""
    parser.addoption("--update-golden", action="store_true", help="write golden files again")


SPEC = """\
compiledai: 1
kind: function
name: {name}
description: Return twice the number n.
input: {{type: object, properties: {{n: {{type: integer, minimum: -1000, maximum: 1000}}}}, required: [n]}}
output: {{type: object, properties: {{m: {{type: integer}}}}, required: [m]}}
golden: {name}.jsonl
candidate: {name}.py
gates:
  latency: {{p50_ms: 50, p99_ms: 500}}
  fuzz: {{examples: 10, reference: none}}
"""
GOOD = """\
def {name}(data: {type}Input) -> {type}Output:
    return {{"m": 2 * data["n"]}}
"""
#: Installed plugins of others: half a second of every run goes to their imports.
OTHERS = ("randomly", "anyio", "hypothesispytest")


@dataclass
class Project:
    """A folder with specs, and pytest run in a process of its own."""

    pytester: pytest.Pytester
    template: Path  # where `once` keeps what was made

    @property
    def root(self) -> Path:
        return self.pytester.path

    def unit(self, name: str = "double", *, code: str = GOOD, spec: str = SPEC, rows: int = 80):
        """Write a unit: its spec, its golden rows and the user's own candidate."""
        specs = self.root / "specs"
        specs.mkdir(exist_ok=True)
        camel = "".join(part.title() for part in name.split("_"))
        (specs / f"{name}.yaml").write_text(spec.format(name=name), encoding="utf-8")
        (specs / f"{name}.py").write_text(
            textwrap.dedent(code).replace("{{", "{").replace("}}", "}")
            if "{name}" not in code
            else code.format(name=name, type=camel),
            encoding="utf-8",
        )
        lines = [
            json.dumps({"id": f"r{n}", "input": {"n": n}, "output": {"m": 2 * n}})
            for n in range(rows)
        ]
        (specs / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self

    def once(self, name: str, make: Callable[[Project], object]) -> Project:
        """Have ``make`` fill this folder; other tests of this process get a copy of what it made."""
        kept = self.template / name
        if kept.exists():
            shutil.copytree(kept, self.root, dirs_exist_ok=True)
        else:
            make(self)
            shutil.copytree(self.root, kept, ignore=shutil.ignore_patterns(".pytest_cache"))
        return self

    def frozen(self) -> Project:
        """Write `double` and freeze it."""
        return self.once("double", lambda new: new.unit().run("--compile", "specs"))

    def frozen_pair(self) -> Project:
        """Write `double` and `twice` and freeze them."""
        return self.once("pair", lambda new: new.unit().unit("twice").run("--compile", "specs"))

    def thaw(self) -> None:
        """Take away what was frozen."""
        shutil.rmtree(self.root / "compiled")
        (self.root / "compiledai.lock").unlink()

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in a process of its own, without plugins that a test did not ask for."""
        others = [name for name in OTHERS if not any(name in a for a in arguments)]
        plugins = [part for name in others for part in ("-p", f"no:{name}")]
        return self.pytester.runpytest_subprocess(*plugins, *arguments, timeout=120)

    def report(self, *arguments: str) -> dict:
        """Run pytest and return its JSON report."""
        path = self.root / "report.json"
        self.run("--compile-report", "report.json", *arguments)
        return json.loads(path.read_text(encoding="utf-8"))

    def outcomes(self, *arguments: str) -> dict[str, str]:
        """Run pytest and return each unit's outcome by name."""
        units = self.report(*arguments)["units"]
        return {unit["id"].split("::")[1]: unit["outcome"] for unit in units}

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text, encoding="utf-8")

    @property
    def lock(self) -> str:
        return self.read("compiledai.lock")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that lives as long as the session."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def project(pytester: pytest.Pytester, template: Path) -> Project:
    # Native starts in a tenth of the time; what docker changes has tests of its own.
    pytester.makeini("[pytest]\nfilterwarnings = error\ncompiledai_sandbox = native\n")
    return Project(pytester, template)


@pytest.fixture
def frozen(project: Project) -> Project:
    """Return a project where `double` is frozen."""
    return project.frozen()
