"""What a form of the kind `model` says: a whole model on its data, or a model cut into regions."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import Protocol

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict


class Form(Protocol):
    """One form; the unit's body says which by its attribute ``form``."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the next candidate. Raises ``ModelError`` when there is none."""

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of what verdicts rest on beside the spec; "" for nothing."""

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return what the analysers have to scan."""

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""


#: Form -> where its class is; a run loads those its units have.
PLACES: Final = {
    "whole": ("pytest_compiledai.kernels.whole.form", "WholeForm"),
    "plan": ("pytest_compiledai.kernels.planning", "PlanForm"),
    "assembled": ("pytest_compiledai.kernels.assembling", "AssembledForm"),
    "region": ("pytest_compiledai.kernels.choosing", "RegionForm"),
}


def form(name: str) -> Form:
    """Return the form called ``name``, one of PLACES."""
    module, attribute = PLACES[name]
    made: Form = getattr(importlib.import_module(module), attribute)()
    return made
