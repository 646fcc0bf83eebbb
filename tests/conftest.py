"""What tests of every folder make: an entry of the lock."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_compiledai.core.entry import TARGET
from pytest_compiledai.core.entry import Entry


def made_entry(**changes: Any) -> Entry:
    """Return the entry of a function `double`, but for ``changes``."""
    facts: dict[str, Any] = {
        "name": "double",
        "kind": "function",
        "spec": "specs/double.yaml",
        "files": {"double.py": "d" * 64},
        "source": "a" * 64,
        "evidence": "c" * 64,
        "proposer": "tester",
        "attempts": 1,
        "target": TARGET,
        "gates": ("security@1", "syntax@1"),
    }
    return Entry(**(facts | changes))


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what mypy knows of the standard library once a session.

    Runs in a home of their own would each learn it again, which takes half a second.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "user-cache"))
        yield


@pytest.fixture
def entry_of() -> Callable[..., Entry]:
    """Return the maker of entries."""
    return made_entry
