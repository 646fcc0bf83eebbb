"""A frozen package in a folder of its own, imported under a name that no other test uses."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.runtime.emit import LOADER_PATH
from pytest_compiledai.runtime.emit import loader_bytes

_numbers = itertools.count()

ROUTE = '''"""Route a ticket."""

import json


def route_ticket(data):
    if not data:
        raise Abstain("empty")
    return {"queue": json.loads('"tech"'), "of": data}
'''


class Package:
    """The folder, the lock and the name of a frozen package."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.out = root / name
        self.lock = root / "compiledai.lock"

    def freeze(self, name: str, files: dict[str, str | bytes] | str, **facts: object) -> None:
        """Freeze one artifact, and the loader beside it."""
        texts = {f"{name}.py": files} if isinstance(files, str) else files
        data = {p: t if isinstance(t, bytes) else t.encode() for p, t in texts.items()}
        made = Artifact(name=name, files=data)
        values: dict[str, object] = {
            "name": name,
            "kind": "function",
            "spec": "specs/all.yaml",
            "files": made.digests(),
            "source": "b" * 64,
            "evidence": "c" * 64,
            "proposer": "some/model",
            "attempts": 1,
            "target": "python>=3.11",
            "gates": ("security@1", "syntax@1", "execution@1"),
        }
        entry = Entry(**(values | facts))  # type: ignore[arg-type]
        freeze = Freeze(self.out, self.lock)
        freeze.stage([made], [entry], beside={LOADER_PATH: loader_bytes()})
        freeze.commit()

    def load(self) -> ModuleType:
        """Import the package."""
        importlib.invalidate_caches()
        return importlib.import_module(self.name)

    def submodule(self, name: str) -> ModuleType:
        """Import a module of the package."""
        return importlib.import_module(f"{self.name}.{name}")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Yield a package with one function, `route_ticket`, not yet imported."""
    made = Package(tmp_path, f"compiled{next(_numbers)}")
    made.freeze("route_ticket", ROUTE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield made
    # Only its own: what a test imports may have put finders there that the process needs.
    prefix = f"{made.name}."
    sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, "prefix", "") != prefix]
    for name in [name for name in sys.modules if name.partition(".")[0] == made.name]:
        del sys.modules[name]


@pytest.fixture
def from_import() -> Callable[[Package, str], object]:
    """`from package import name`, as the statement does it."""

    def statement(package: Package, name: str) -> object:
        space: dict[str, object] = {}
        exec(f"from {package.name} import {name}", space)  # the statement is what is tested
        return space[name]

    return statement
