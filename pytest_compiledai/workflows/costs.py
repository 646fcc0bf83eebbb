"""What each step of a configuration costs: its calls a problem, their seconds and USD.

Cost adds up over calls, so that the replay of one slot alone, all others free, is its share.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.deck import Decks
from pytest_compiledai.workflows.replay import Outcome
from pytest_compiledai.workflows.replay import Replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One slot's part of what a problem takes."""

    slot: str
    setting: str
    calls: float  # a problem
    seconds: float  # of its calls together, whatever runs beside them
    usd: float


def spent(step: graph.Step, settings: Mapping[str, str], decks: Decks) -> Iterator[Spent]:
    """Yield what each slot of ``step`` takes at ``settings``, in the order of its calls."""
    for slot in graph.slots(step):
        calls, seconds, usd = (
            float(_Metered(decks, slot, meter).run(step, settings).cost.mean())
            for meter in ("calls", "seconds", "cost")
        )
        yield Spent(slot=slot, setting=settings[slot], calls=calls, seconds=seconds, usd=usd)


class _Metered(Replay):
    """A replay in which only one slot's calls cost anything: 1, their seconds, or their USD."""

    def __init__(self, decks: Decks, slot: str, meter: str) -> None:
        super().__init__(decks)
        self.slot = slot
        self.meter = meter

    def _from(self, call: graph.Call, setting: str, state: str) -> Outcome | None:
        found = super()._from(call, setting, state)
        if found is None:
            return None
        if call.slot != self.slot:
            return found._replace(cost=np.zeros_like(found.cost))
        meters = {"calls": np.ones_like(found.cost), "seconds": found.seconds, "cost": found.cost}
        return found._replace(cost=meters[self.meter])
