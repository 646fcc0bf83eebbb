"""When compiling has paid for itself, against a model that reads the flow and against a router.

N = one-off cost / (c0 - c - phi c0), with c0 the cheaper baseline's cost of a conversation, c the
artifact's and phi the share of conversations that abstain and are answered by the baseline.
A month saves V (c0 - c - phi c0) - fixed - recompiles. Tokens are estimated at four characters.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.grammar import Conversation

_CHARACTERS: Final = 4  # of a token
_CPU_USD: Final = 0.04 / 3600  # of a second of one CPU
_ORDER: Final = 120  # tokens of instructions of a call


def dear(
    spec: DialogueSpec, talks: Sequence[Conversation], replies: Any, figures: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield where the artifact is not cheaper enough, or pays too late."""
    graph = _tokens(json.dumps(spec.graph, ensure_ascii=False, default=str))
    in_context = _mean(_dialogue_usd(spec, talk, graph) for talk in talks)
    node = graph / max(1, len(spec.flow.nodes))
    router = _mean(2 * _dialogue_usd(spec, talk, node) for talk in talks)
    baseline = min(in_context, router)
    own = _mean(sum(reply["seconds"] for reply in talk) * _CPU_USD for talk in replies)
    fallback = _mean(any(reply["abstained"] for reply in talk) for talk in replies)
    saved = baseline - own - fallback * baseline
    cost = spec.cost
    breakeven = cost.authoring_usd / saved if saved > 0 else math.inf
    month = cost.volume * saved - cost.fixed_usd - cost.recompiles * cost.recompile_usd
    figures |= {
        "in context USD": in_context,
        "router USD": router,
        "weights USD": own,
        "fallback": fallback,
        "saved a month USD": month,
        "breakeven": breakeven if math.isfinite(breakeven) else -1,
    }
    if baseline < cost.ratio * own:
        found = baseline / own
        yield "ratio", f"found {found:.3g} times cheaper; expected at least {cost.ratio:g} times"
    if cost.breakeven is not None and not breakeven <= cost.breakeven:
        expected = f"at most {cost.breakeven:g}"
        yield "breakeven", f"found {breakeven:.4g} conversations until it pays; expected {expected}"


def _dialogue_usd(spec: DialogueSpec, talk: Conversation, prompt: float) -> float:
    """Return what a model takes for a conversation when each call carries prompt and history."""
    history = paid_in = paid_out = 0.0
    for turn in talk:
        paid_in += _ORDER + prompt + history
        paid_out += _tokens(turn.say)
        history += _tokens(turn.say) + _tokens(turn.user)
    return (paid_in * spec.cost.usd_in + paid_out * spec.cost.usd_out) / 1e6


def _tokens(text: str) -> float:
    return len(text) / _CHARACTERS


def _mean(values: Iterator[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
