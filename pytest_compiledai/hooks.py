"""Hooks for a project's ``conftest.py``.

A project adds; nothing here can remove, replace or reorder a built-in gate: a gate or kind with a
built-in name is an error, and a project's gates run after the built-in ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_compiledai.core.gate import Gate
    from pytest_compiledai.core.kind import Kind


@pytest.hookspec()
def pytest_compiledai_gates(config: pytest.Config) -> Sequence[Gate]:  # type: ignore[empty-body]
    """Return gates of the project's own; they are asked after the built-in ones."""


@pytest.hookspec()
def pytest_compiledai_kinds(config: pytest.Config) -> Sequence[Kind]:  # type: ignore[empty-body]
    """Return kinds of the project's own, beside the built-in ones."""
