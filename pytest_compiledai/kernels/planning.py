"""The unit that captures a model: its artifact is the plan of regions."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels.capturing import captured
from pytest_compiledai.kernels.plan import FILE
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import PlanError
from pytest_compiledai.kernels.plan import read_plan

if TYPE_CHECKING:
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit

PROPOSER = "torch.export"
#: Operators that a plan may name: the framework's own mathematics, and what we define.
_SPACES = ("aten.", "compiledai.", "operator.")


class PlanForm:
    """One candidate: what the capture finds, which is the same each time."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the plan as captured now. Raises ``ToolError``, or ``ModelError`` for a second."""
        del asking
        if history or sample:
            raise only_one(unit, "a plan that was judged")
        files = {f"{unit.name}/{FILE}": captured(unit.body.spec)}
        return Candidate(files=files, proposer=PROPOSER, attempt=1)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return "": a plan rests on its spec alone."""
        del unit, asking
        return ""

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: a plan has no code."""
        del unit, candidate
        return ()

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Security reads which operators it names, syntax its form; execution captures again."""
        del phase, bench
        try:
            plan = read_plan(candidate.files[f"{unit.name}/{FILE}"])
        except (KeyError, PlanError) as error:
            return Verdict(gate=gate, findings=(_finding(gate, f"found {error}"),))
        asked = {"security": _foreign, "syntax": _misread, "execution": _drifted}[gate]
        findings = tuple(asked(unit, plan))
        return Verdict(gate=gate, findings=findings, figures=_figures(plan))


def _foreign(unit: Unit, plan: Plan) -> Iterator[Finding]:
    del unit
    for region in plan.regions:
        for op in region.ops:
            if not op.target.startswith(_SPACES):
                message = f"{region.name}: found {op.target}; expected an operator of the framework"
                yield _finding("security", message)


def _misread(unit: Unit, plan: Plan) -> Iterator[Finding]:
    if plan.made_from != unit.body.spec.captured:
        yield _finding("syntax", "found a plan of another spec; expected this one's")
    if not plan.calls:
        yield _finding("syntax", "found a step that calls nothing; expected regions")


def _drifted(unit: Unit, plan: Plan) -> Iterator[Finding]:
    try:
        again = read_plan(captured(unit.body.spec))
    except (ToolError, PlanError) as error:
        yield _finding("execution", f"found {error}")
        return
    # Another release of the framework may find the same regions: that is no difference.
    if (again.regions, again.calls) != (plan.regions, plan.calls):
        message = f"found {len(again.regions)} regions as captured now, not these; next: "
        yield _finding("execution", message + f"pytest --compile --compile-update -k {unit.name}")


def _figures(plan: Plan) -> dict[str, Any]:
    return {
        "regions": len(plan.regions),
        "calls": len(plan.calls),
        "parameters": plan.parameters,
        "framework": sum(region.family == "framework" for region in plan.regions),
    }


def _finding(gate: str, message: str) -> Finding:
    return Finding(rule=f"{gate}.plan", message=message)
