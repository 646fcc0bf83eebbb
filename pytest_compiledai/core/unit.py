"""One thing to compile, as a kind read it from a spec."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Protocol

from pytest_compiledai.core.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What the pipeline needs to know of a unit; ``body`` is the kind's own reading of the spec."""

    name: str  # ^[a-z][a-z0-9_]{0,63}$, unique across the run and the lock
    kind: str
    place: Place  # of its document in the spec
    gates: tuple[str, ...]  # asked, in order
    off: tuple[str, ...]  # switched off in the spec; shown in summary, report and lock
    versions: tuple[str, ...]  # `gate@version` for every gate asked, in order
    capabilities: tuple[str, ...]  # asked for and granted
    source: str  # 64 hex digits: what the proposal was made from
    evidence: str  # 64 hex digits: what it is judged by
    asks_model: bool  # a candidate comes from a language model, not from a file of the user's
    attempts: int | None  # the spec's bound on proposals a chain; None: the setting's
    candidates: int  # chains in the pool
    timeout_s: float  # wall clock of the unit's loop
    body: Any
    composes: bool = False  # the pool may be put together to a further candidate
    alone: bool = False  # collected as `compile` alone; its gates are asked all the same
    remarks: tuple[str, ...] = ()  # what the summary says of the spec; they decide nothing


class Single(Protocol):
    """A spec of which the whole is one unit."""

    @property
    def name(self) -> str:
        """The unit's name."""

    @property
    def off(self) -> tuple[str, ...]:
        """The gates that the spec switches off."""

    @property
    def timeout_s(self) -> float:
        """The wall clock of the unit's loop."""


def single_unit(
    spec: Single,
    *,
    kind: str,
    place: Place,
    versions: Mapping[str, int],
    source: str,
    evidence: str,
    remarks: Iterable[str] = (),
    asks_model: bool = False,
    candidates: int = 1,
) -> Unit:
    """Return the one unit of a spec that is proposed once a chain.

    ``versions`` names every gate of the kind in order, each with the version of what it asks.
    """
    asked = tuple(gate for gate in versions if gate not in spec.off)
    return Unit(
        name=spec.name,
        kind=kind,
        place=place,
        gates=asked,
        off=spec.off,
        versions=tuple(f"{gate}@{versions[gate]}" for gate in asked),
        capabilities=(),
        source=source,
        evidence=evidence,
        asks_model=asks_model,
        attempts=1,
        candidates=candidates,
        timeout_s=spec.timeout_s,
        body=spec,
        remarks=tuple(remarks),
    )
