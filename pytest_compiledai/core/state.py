"""Where a unit stands against its entry, before any gate is asked."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_compiledai.core.entry import TARGET

if TYPE_CHECKING:
    from pytest_compiledai.core.lock import Entry
    from pytest_compiledai.core.unit import Unit


class State(enum.StrEnum):
    """A unit's state against the lock."""

    NEW = "new"  # no entry, or its artifact is gone
    FRESH = "fresh"  # the entry belongs to the spec as it stands
    STALE = "stale"  # the spec, its rows, a policy or a tool changed since the entry was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A state and, for a stale entry, what changed."""

    state: State
    changed: tuple[str, ...] = ()


def standing(unit: Unit, entry: Entry | None, *, evidence: str) -> Standing:
    """Return where ``unit`` stands against ``entry``; ``evidence`` is its digest as of now."""
    if entry is None:
        return Standing(state=State.NEW)
    pairs = (
        ("source (description, schemas, train rows or templates)", entry.source, unit.source),
        (
            "evidence (other rows, comparators, policies or tool versions)",
            entry.evidence,
            evidence,
        ),
        ("spec path", entry.spec, unit.place.path),
        ("kind", entry.kind, unit.kind),
        ("target", entry.target, TARGET),
        ("gates", tuple(entry.gates), unit.versions),
        ("gates switched off", tuple(entry.off), unit.off),
        ("capabilities", tuple(entry.capabilities), unit.capabilities),
    )
    changed = tuple(name for name, before, now in pairs if before != now)
    return Standing(state=State.STALE if changed else State.FRESH, changed=changed)
