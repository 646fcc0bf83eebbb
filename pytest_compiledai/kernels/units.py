"""The units of a model's spec: its plan, one a region, and the step put together from them.

Which regions there are is read from the checked-in plan; where none fits the spec, the plan's unit
stands alone, and the next run collects the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import ClassVar
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import ALWAYS_ON
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import read_lock_file
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.kernels.plan import FILE
from pytest_compiledai.kernels.plan import VERSION
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import PlanError
from pytest_compiledai.kernels.plan import plan_digest
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.spec import ModelSpec
from pytest_compiledai.kernels.spec import read_model_spec

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.kind import Project

#: The unit that checks the step as a whole.
WHOLE: Final = "whole"
LOCK: Final = "compiledai.lock"
PLAN_CAP: Final = 64 << 20  # bytes
#: Of what the gates of each form ask; a higher one makes entries stale.
GATE_VERSION: Final = 5
GATES_OF: Final = {
    "plan": ALWAYS_ON,
    "assembled": ("security", "syntax", "execution", "accuracy"),
    "region": tuple(gate for gate in GATES if gate != "fuzz"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBody:
    """The unit that captures."""

    form: ClassVar[str] = "plan"
    spec: ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionBody:
    """The unit of one region."""

    form: ClassVar[str] = "region"
    spec: ModelSpec
    region: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembledBody:
    """The unit of the step put together from its regions."""

    form: ClassVar[str] = "assembled"
    spec: ModelSpec
    plan: Plan
    project: Project  # frozen kernels are read where they lie


Body = PlanBody | RegionBody | AssembledBody


def read_units(document: Document, project: Project) -> tuple[Unit, ...]:
    """Return the units of a spec without a dataset. Raises ``SpecError``."""
    spec = read_model_spec(document, project)
    plan, why = _plan(spec, project)
    return tuple(_units(spec, plan, why, document, project))


def _units(
    spec: ModelSpec, plan: Plan | None, why: str, document: Document, project: Project
) -> Iterator[Unit]:
    model = PlanBody(spec=spec)
    source = digest_of([VERSION, spec.captured])
    if plan is None:
        remark = f"{document.path}: {why}; compile writes it, run again for its regions"
        yield _unit(
            spec.name,
            model,
            document,
            source,
            evidence=source,
            gates=GATES_OF["plan"],
            remark=remark,
        )
        return
    _refuse_unknown(spec, plan, document)
    yield _unit(spec.name, model, document, source, evidence=source, gates=GATES_OF["plan"])
    for region in plan.regions:
        yield _unit(
            f"{spec.name}.{region.name}",
            RegionBody(spec=spec, region=region),
            document,
            digest_of(
                [
                    *(region.signature, spec.targets, spec.budget, spec.texts.get(region.name)),
                    *((spec.buckets,) if spec.buckets else ()),
                ]
            ),
            evidence=digest_of([region.signature, spec.dtype, spec.targets, spec.settings]),
            gates=GATES_OF["region"],
        )
    if spec.config is not None:  # the framework's own step is known of these only
        yield _unit(
            f"{spec.name}.{WHOLE}",
            AssembledBody(spec=spec, plan=plan, project=project),
            document,
            digest_of([plan_digest(plan), spec.targets]),
            evidence=digest_of([plan_digest(plan), spec.tokens, spec.settings]),
            gates=GATES_OF["assembled"],
        )


def _unit(
    name: str,
    body: Body,
    document: Document,
    source: str,
    *,
    evidence: str,
    gates: tuple[str, ...],
    remark: str = "",
) -> Unit:
    off = tuple(gate for gate in body.spec.off if gate in gates)
    asked = tuple(gate for gate in gates if gate not in off)
    return Unit(
        name=name,
        kind="model",
        place=document.place(),
        gates=asked,
        off=off,
        versions=tuple(f"{gate}@{GATE_VERSION}" for gate in asked),
        capabilities=(),
        source=source,
        evidence=evidence,
        asks_model=False,
        attempts=2 if isinstance(body, RegionBody) else 1,  # the fastest kernel, the framework
        candidates=1,
        timeout_s=body.spec.timeout_s,
        body=body,
        alone=bool(remark),
        remarks=(remark,) if remark else (),
    )


def _plan(spec: ModelSpec, project: Project) -> tuple[Plan | None, str]:
    """Return the checked-in plan where it is this spec's, else why there is none."""
    path = project.frozen(f"{spec.name}/{FILE}")
    try:
        data = read_regular(path, cap=PLAN_CAP)
        plan = read_plan(data)
    except FileNotFoundError:
        return None, "no plan yet"
    except (OSError, PlanError) as error:
        return None, f"a plan that cannot be read ({error})"
    if plan.made_from != spec.captured:
        return None, "a plan of another configuration, shape or dtype"
    # Kernels are judged by what the plan says: an edited one would be judged by its own edit.
    if sha256(data).hexdigest() != _locked(spec.name, project):
        return None, "a plan that is not the one that the lock names"
    return plan, ""


def _locked(name: str, project: Project) -> str:
    """Return the digest that the lock has of a model's plan; "" where it has none."""
    try:
        lock = read_lock(read_lock_file(project.frozen("").parent / LOCK, LOCK), LOCK).lock
    except LockError:
        return ""
    entry = lock.entries.get(name)
    return entry.files.get(f"{name}/{FILE}", "") if entry else ""


def _refuse_unknown(spec: ModelSpec, plan: Plan, document: Document) -> None:
    names = [region.name for region in plan.regions]
    for name in spec.candidates:
        if name not in names:
            raise SpecError(
                where=document.place("candidate", name),
                found=f"the region `{name}`",
                expected=f"one of {', '.join(names)}",
            )
