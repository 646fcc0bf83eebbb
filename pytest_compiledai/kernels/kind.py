"""The kind `model`: what it says to the pipeline, in one place; each form says the rest."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.modelfree import ModelFree
from pytest_compiledai.kernels.form import form

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.kind import Project
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict


class ModelKind(ModelFree):
    """Models: no language model is asked, candidates come from back ends and templates."""

    name = "model"
    gates: tuple[str, ...] = GATES
    reopened: tuple[str, ...] = ("execution", "accuracy", "latency", "fuzz")

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the units of a spec. Raises ``SpecError``."""
        module = "whole.spec" if "dataset" in document.data else "units"
        reader = importlib.import_module(f"pytest_compiledai.kernels.{module}")
        units: tuple[Unit, ...] = reader.read_units(document, project)
        return units

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the next candidate. Raises ``ModelError`` when there is none."""
        return form(unit.body.form).propose(unit, history, sample=sample, asking=asking)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of what verdicts rest on beside the spec."""
        return form(unit.body.form).recorded(unit, asking)

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return what the analysers have to scan."""
        return form(unit.body.form).sources(unit, candidate)

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""
        return form(unit.body.form).judge(gate, unit, candidate, phase=phase, bench=bench)
