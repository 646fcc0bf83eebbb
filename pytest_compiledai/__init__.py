"""Compile language-model work into frozen, tested artifacts with pytest.

The names here are what a project's own gates and kinds need. Nothing is imported until used, so
that plain ``pytest`` runs pay nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.errors import CompiledAIError
    from pytest_compiledai.core.gate import Gate
    from pytest_compiledai.core.kind import Kind
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Finding
    from pytest_compiledai.core.verdict import Verdict

__all__ = ["Candidate", "CompiledAIError", "Finding", "Gate", "Kind", "Unit", "Verdict"]

_HOMES = {
    "Candidate": "candidate",
    "CompiledAIError": "errors",
    "Finding": "verdict",
    "Gate": "gate",
    "Kind": "kind",
    "Unit": "unit",
    "Verdict": "verdict",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.core.{_HOMES[name]}"), name)
