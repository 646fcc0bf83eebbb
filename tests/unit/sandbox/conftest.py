"""One native sandbox for the tests of this folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.sandbox.native import NativeSandbox

if sys.platform != "linux":
    collect_ignore_glob = ["test_sandbox_*.py"]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Return a native sandbox that is closed after the last test."""
    native = NativeSandbox()
    yield native
    native.close()
