"""One thing to compile, as a kind read it from a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
