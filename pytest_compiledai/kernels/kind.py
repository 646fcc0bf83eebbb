"""The kind `model`: what it says to the pipeline, in one place; each form says the rest."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import GATES
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


class ModelKind:
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

    def opening(self, unit: Unit) -> Sequence[tuple[str, str]] | None:
        """Return None: no language model is asked."""
        del unit
        return None

    def bill(self, unit: Unit, attempts: int) -> tuple[int, int, int]:
        """Return nothing: no language model is asked."""
        del unit, attempts
        return (0, 0, 0)

    def direct_tokens(self, unit: Unit) -> float | None:
        """Return None: a model is not answered by tokens."""
        del unit
        return None

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of what verdicts rest on beside the spec."""
        return form(unit.body.form).recorded(unit, asking)

    def thaw(
        self, unit: Unit, files: Mapping[str, bytes], *, proposer: str, attempt: int
    ) -> Candidate:
        """Return the frozen artifact as a candidate."""
        del unit  # the bytes say it all
        return Candidate(files=files, proposer=proposer, attempt=attempt)

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return what the analysers have to scan."""
        return form(unit.body.form).sources(unit, candidate)

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate."""
        return form(unit.body.form).judge(gate, unit, candidate, phase=phase, bench=bench)

    def rank(self, verdicts: Sequence[Verdict]) -> float:
        """Return 0: each form chooses before it proposes."""
        del verdicts
        return 0.0
