"""The programs of this folder, and one sandbox of each backend that never saw the canary."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.docker import DockerSandbox
from pytest_compiledai.sandbox.native import NativeSandbox
from pytest_compiledai.sandbox.pool import Pool

if sys.platform != "linux":
    collect_ignore_glob = ["test_escape*.py"]


def load_bench() -> ModuleType:
    """Return the command `python -m bench.escapes` as a module."""
    path = Path(__file__).parents[2] / "bench" / "escapes.py"
    spec = importlib.util.spec_from_file_location("bench_escapes", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


escapes = load_bench()


@pytest.fixture(scope="session", params=["native", "docker"])
def sandbox(request) -> Iterator[Pool]:
    """Return a sandbox opened by a process whose environment holds the canary."""
    before = dict(os.environ)
    os.environ.update(escapes.CANARY)
    try:
        made = NativeSandbox() if request.param == "native" else DockerSandbox()
        made.open(escapes.table("network").hostile[0].program()).close()
    except SandboxError as error:
        pytest.skip(str(error))
    finally:
        os.environ.clear()
        os.environ.update(before)
    yield made
    made.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask each test for the programs that its argument names."""
    every = [escapes.table(name) for name in escapes.CLASSES]
    hostile = [item for klass in every for item in klass.hostile]
    chosen = {
        "act": [item for item in hostile if not item.judged],
        "judged": [item for item in hostile if item.code],
        "static": [item for item in hostile if item.static],
        "honest": [item for klass in every for item in klass.honest],
    }
    for argument, items in chosen.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, items, ids=[f"{i.klass}: {i.name}" for i in items])
    if "klass" in metafunc.fixturenames:
        metafunc.parametrize("klass", every, ids=[klass.name for klass in every])


@pytest.fixture(scope="session")
def bench() -> ModuleType:
    """Return the command as a module."""
    return escapes
