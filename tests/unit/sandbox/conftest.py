"""One sandbox of each backend for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.docker import DockerSandbox
from pytest_compiledai.sandbox.native import NativeSandbox

if sys.platform != "linux":
    collect_ignore_glob = ["test_sandbox_*.py"]


@pytest.fixture(scope="session", params=["native", "docker"])
def sandbox(request) -> Iterator[Sandbox]:
    """Return a sandbox that is closed after the last test; skips where no engine answers."""
    try:
        made = NativeSandbox() if request.param == "native" else DockerSandbox()
    except SandboxError as error:
        pytest.skip(str(error))
    yield made
    made.close()
