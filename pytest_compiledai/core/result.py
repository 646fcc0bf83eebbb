"""What came of one unit in one run, as JSON values that cross processes and fill reports."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict


class Outcome(enum.StrEnum):
    """A unit's outcome, as reports name it."""

    FROZEN = "frozen"  # new artifact bytes
    RENEWED = "renewed"  # the same bytes, a new entry
    UNCHANGED = "unchanged"  # the same bytes, the same entry
    REJECTED = "rejected"  # a gate failed
    STALE = "stale"  # locked mode: the entry does not belong to the spec as it stands
    ERROR = "error"  # nothing could be judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The facts of a ``CompiledAIError``, without the exception."""

    where: str
    found: str
    expected: str
    next: str = ""
    kind: str = "CompiledAIError"

    @classmethod
    def of(cls, error: CompiledAIError) -> Trouble:
        """Return the facts of ``error``."""
        return cls(
            where=str(error.where),
            found=error.found,
            expected=error.expected,
            next=error.next,
            kind=type(error).__name__,
        )

    def error(self) -> CompiledAIError:
        """Return an exception with these facts."""
        return CompiledAIError(
            where=self.where, found=self.found, expected=self.expected, next=self.next
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Tokens of the exchanges a result rests on, whether asked now or replayed."""

    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one unit."""

    unit: str
    kind: str
    spec: str
    line: int
    outcome: Outcome
    attempts: int = 0
    cost: Cost = field(default_factory=Cost)
    spent: Cost = field(default_factory=Cost)  # asked in this run; the rest was replayed
    verdicts: tuple[Verdict, ...] = ()
    off: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()  # asked, in order
    files: Mapping[str, str] = field(default_factory=dict)  # path below out -> store address
    entry: Mapping[str, Any] | None = None  # the lock's table when accepted
    trouble: Trouble | None = None  # why nothing could be judged
    stopped: Trouble | None = None  # why no further proposal was made
    reference_tokens: float | None = None  # tokens of one direct call of the model
    model: str = ""

    @property
    def accepted(self) -> bool:
        """Whether every gate passed."""
        return self.outcome in (Outcome.FROZEN, Outcome.RENEWED, Outcome.UNCHANGED)

    def with_verdicts(self, verdicts: tuple[Verdict, ...], outcome: Outcome) -> Result:
        """Return this result with ``verdicts`` and ``outcome`` in place of its own."""
        return replace(self, verdicts=verdicts, outcome=outcome)

    def verdict(self, gate: str) -> Verdict | None:
        """Return the verdict of ``gate``; None when it was not asked."""
        return next((verdict for verdict in self.verdicts if verdict.gate == gate), None)

    def failed_gate(self) -> str | None:
        """Return the gate that failed, if one did."""
        return next((verdict.gate for verdict in self.verdicts if not verdict.passed), None)

    def as_json(self) -> dict[str, Any]:
        """Return JSON values from which ``from_json`` makes an equal result."""
        return {
            "unit": self.unit,
            "kind": self.kind,
            "spec": self.spec,
            "line": self.line,
            "outcome": str(self.outcome),
            "attempts": self.attempts,
            "cost": [self.cost.tokens_in, self.cost.tokens_out],
            "spent": [self.spent.tokens_in, self.spent.tokens_out],
            "verdicts": [verdict_as_json(verdict) for verdict in self.verdicts],
            "off": list(self.off),
            "gates": list(self.gates),
            "files": dict(self.files),
            "entry": dict(self.entry) if self.entry is not None else None,
            "trouble": _trouble_as_json(self.trouble),
            "stopped": _trouble_as_json(self.stopped),
            "reference_tokens": self.reference_tokens,
            "model": self.model,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        """Return the result that ``as_json`` wrote."""
        return cls(
            unit=data["unit"],
            kind=data["kind"],
            spec=data["spec"],
            line=data["line"],
            outcome=Outcome(data["outcome"]),
            attempts=data["attempts"],
            cost=Cost(tokens_in=data["cost"][0], tokens_out=data["cost"][1]),
            spent=Cost(tokens_in=data["spent"][0], tokens_out=data["spent"][1]),
            verdicts=tuple(verdict_from_json(item) for item in data["verdicts"]),
            off=tuple(data["off"]),
            gates=tuple(data["gates"]),
            files=data["files"],
            entry=data["entry"],
            trouble=Trouble(**data["trouble"]) if data["trouble"] else None,
            stopped=Trouble(**data["stopped"]) if data["stopped"] else None,
            reference_tokens=data["reference_tokens"],
            model=data["model"],
        )


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    """Return ``verdict`` as JSON values."""
    return {
        "gate": verdict.gate,
        "findings": [{**f.as_json(), "quotable": f.quotable} for f in verdict.findings],
        "figures": dict(verdict.figures),
    }


def verdict_from_json(data: Mapping[str, Any]) -> Verdict:
    """Return the verdict that ``verdict_as_json`` wrote."""
    return Verdict(
        gate=data["gate"],
        findings=tuple(Finding(**finding) for finding in data["findings"]),
        figures=data["figures"],
    )


def _trouble_as_json(trouble: Trouble | None) -> dict[str, str] | None:
    if trouble is None:
        return None
    return {name: getattr(trouble, name) for name in ("where", "found", "expected", "next", "kind")}


def trouble_of(error: ModelError | None) -> Trouble | None:
    """Return the facts of ``error``, if there is one."""
    return None if error is None else Trouble.of(error)
