"""What a conversation costs without the artifact and with it, and when compiling pays.

Tokens are estimated from the flow's own texts, four characters each; prices are the spec's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.conforming import wording
from pytest_compiledai.dialogues.exploring import Move

if TYPE_CHECKING:
    from pytest_compiledai.dialogues.spec import CostBounds
    from pytest_compiledai.dialogues.spec import DialogueSpec

CHARACTERS: Final = 4  # of a token, in English
VCPU_HOUR_USD: Final = 0.04
ROUTER_TOKENS: Final = 10  # what a router answers: the name of an edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The mean conversation of some walks, in tokens."""

    turns: float
    in_context: float  # tokens in, the whole flow and the history in each turn
    orchestrated: (
        float  # tokens in, the node's own text and the history, once to route, once to say
    )
    said: float  # tokens out of the agent
    routed: float  # tokens out of the router


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """USD, and conversations."""

    in_context: float  # c0 of a conversation with a frontier model that has the flow in context
    orchestrator: float  # the same with a router in code round the model
    artifact: float  # c of a conversation, fallback turns included
    breakeven: float  # N* conversations until the authoring is paid for; infinite: never
    least_volume: float  # conversations a month below which fixed cost eats the saving
    saving: float  # a month, S(V)


def conversation(spec: DialogueSpec, walks: Sequence[Sequence[Move]]) -> Conversation:
    """Return the mean conversation of ``walks``. Raises ``ValueError`` where there is none."""
    if not walks:
        raise ValueError("found no walk; expected at least one terminal")
    whole = _tokens(json.dumps(spec.graph))
    totals = [0.0] * 5
    for walk in walks:
        for index, value in enumerate(_measured(spec, walk, whole)):
            totals[index] += value
    means = [total / len(walks) for total in totals]
    names = ("turns", "in_context", "orchestrated", "said", "routed")
    return Conversation(**dict(zip(names, means, strict=True)))


def _measured(
    spec: DialogueSpec, walk: Sequence[Move], whole: float
) -> tuple[float, float, float, float, float]:
    flow = spec.flow
    state, action = machine.start(flow)
    history = said = _tokens(action.reply)
    in_context = orchestrated = 0.0
    for number, move in enumerate(walk):
        node = flow.nodes[state.node]
        own = _tokens(
            json.dumps([node.say, *(flow.intents[e.intent].examples for e in node.edges)])
        )
        history += _tokens(wording(flow, move, number))
        in_context += whole + history
        orchestrated += 2 * (own + history)
        state, action = machine.step(flow, state, move.intent, move.values(flow))
        reply = _tokens(action.reply)
        history += reply
        said += reply
    return len(walk), in_context, orchestrated, said, ROUTER_TOKENS * len(walk)


def _tokens(text: str) -> float:
    return len(text) / CHARACTERS


def costs(bounds: CostBounds, mean: Conversation, *, turn_s: float, abstained: float) -> Costs:
    """Return what conversations cost, and when compiling pays.

    With c0 the cheaper baseline, c = turns x CPU seconds + phi c0 where the share phi of turns
    abstains and a model takes over, G the fixed cost and rho the recompiles of a month:
    N* = C / (c0 - c), V_min = G / (c0 - c), S(V) = V (c0 - c) - G - rho C_recompile.
    """
    price_in, price_out = bounds.usd_in / 1e6, bounds.usd_out / 1e6
    in_context = mean.in_context * price_in + mean.said * price_out
    orchestrator = mean.orchestrated * price_in + (mean.said + mean.routed) * price_out
    baseline = min(in_context, orchestrator)
    artifact = mean.turns * turn_s * VCPU_HOUR_USD / 3600 + abstained * baseline
    saved = baseline - artifact
    monthly = bounds.fixed_usd + bounds.recompiles * bounds.recompile_usd
    return Costs(
        in_context=in_context,
        orchestrator=orchestrator,
        artifact=artifact,
        breakeven=bounds.authoring_usd / saved if saved > 0 else math.inf,
        least_volume=bounds.fixed_usd / saved if saved > 0 else math.inf,
        saving=bounds.volume * saved - monthly,
    )


def faults(bounds: CostBounds, found: Costs) -> list[tuple[str, str]]:
    """Return (rule, message) for each bound of the spec that the costs break."""
    baseline = min(found.in_context, found.orchestrator)
    told: list[tuple[str, str]] = []
    if baseline < bounds.ratio * found.artifact:
        ratio = baseline / found.artifact if found.artifact else math.inf
        told.append(("ratio", f"found {ratio:.3g} times; expected at least {bounds.ratio:g} times"))
    if bounds.breakeven is not None and found.breakeven > bounds.breakeven:
        message = (
            f"found {found.breakeven:.0f} conversations until it pays; "
            f"expected at most {bounds.breakeven:g}"
        )
        told.append(("breakeven", message))
    return told


def figures(found: Costs) -> dict[str, Any]:
    """Return the costs as a report carries them, four significant digits, no infinity."""
    values = {name: getattr(found, name) for name in Costs.__slots__}
    return {
        name: float(f"{value:.4g}") if math.isfinite(value) else "never"
        for name, value in values.items()
    }
