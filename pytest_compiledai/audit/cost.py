"""What a site costs a month as it is, and compiled; and after how many calls compiling pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.audit.conversation import Turn
from pytest_compiledai.audit.decision import Target
from pytest_compiledai.audit.measures import Measures
from pytest_compiledai.audit.rules import rules
from pytest_compiledai.llm.price import Price
from pytest_compiledai.llm.price import price

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of one volume."""

    calls: int
    keep_usd: float
    #: A running month: fallback, fixed cost, recompiles, without the first compile; None: unknown.
    compiled_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """A site's costs; the sums in US dollars are None where no price is known."""

    call_usd: float | None
    basis: str  # logged, priced or unpriced
    model: str | None  # that the price is of
    compile_usd: float | None
    break_even_calls: float | None  # that pay one compile back; None: never, or unknown
    least_calls_month: float | None  # that pay the fixed cost and recompiles of a month; likewise
    months: tuple[Month, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """Tokens sent in the mean conversation, under the ways to resend its history."""

    turns: float
    tokens_out: float
    resent_tokens_in: float  # the whole history with each turn
    cached_tokens_in: float  # the same, what was sent before charged at the cached price
    resent_usd: float | None
    cached_usd: float | None


def costs_of(measures: Measures, target: Target) -> Costs:
    """Return the costs of a site as it is and as what it could become."""
    call_usd, basis, model = call_cost(measures)
    if call_usd is None or target is Target.KEEP:
        months = tuple(
            Month(calls=calls, keep_usd=calls * call_usd, compiled_usd=calls * call_usd)
            for calls in rules()["months"]["calls"]
            if call_usd is not None
        )
        return Costs(
            call_usd=call_usd,
            basis=basis,
            model=model,
            compile_usd=None,
            break_even_calls=None,
            least_calls_month=None,
            months=months,
        )
    rule = rules()["cost"][str(target)]
    compile_usd = _compile_cost(rule, call_usd, _price(model))
    return costs_at(target, call_usd=call_usd, compile_usd=compile_usd, basis=basis, model=model)


def costs_at(
    target: Target,
    *,
    call_usd: float,
    compile_usd: float | None,
    basis: str,
    model: str | None,
) -> Costs:
    """Return the costs of a site at the cost of one call and of one compile, in US dollars.

    Fallback, fixed cost and recompiles are those of `rules.toml` for ``target``.
    """
    rule = rules()["cost"][str(target)]
    saved = call_usd * (1 - rule["run_share"] - rule["fallback"])
    known = compile_usd is not None and saved > 0
    standing = rule["fixed_usd_month"] + rule["recompiles_month"] * (compile_usd or 0.0)
    return Costs(
        call_usd=call_usd,
        basis=basis,
        model=model,
        compile_usd=compile_usd,
        break_even_calls=(compile_usd or 0.0) / saved if known else None,
        least_calls_month=standing / saved if known else None,
        months=tuple(
            _month(calls, call_usd, compile_usd, rule) for calls in rules()["months"]["calls"]
        ),
    )


def call_cost(measures: Measures) -> tuple[float | None, str, str | None]:
    """Return what a call costs in US dollars, how that is known, and the model it is of."""
    site = measures.site
    model = max(site.models, key=lambda name: (site.models[name], name), default=None)
    if site.costed:
        return site.cost_usd / site.costed, "logged", model
    use = measures.use
    cost = usd(model, use.tokens_in, use.tokens_out)
    return cost, "unpriced" if cost is None else "priced", model


def usd(model: str | None, tokens_in: float, tokens_out: float) -> float | None:
    """Return what tokens of a model cost in US dollars; None where its price is not known."""
    return _usd(_price(model), tokens_in, tokens_out)


def conversations_cost(
    turns: Sequence[Sequence[Turn]], system: int, model: str | None
) -> Conversations:
    """Return the tokens of the mean conversation; ``system`` is the system prompt's characters."""
    known = _price(model)
    cached_price = rules()["conversation"]["cached_price"]
    resent = cached = out = 0.0
    for conversation in turns:
        history = 0.0
        for turn in conversation:
            fresh = turn.heard_characters + (system if not history else 0)
            resent += history + fresh
            cached += cached_price * history + fresh
            out += turn.said_characters
            history += fresh + turn.said_characters
    count = (len(turns) or 1) * _CHARACTERS_PER_TOKEN
    resent, cached, out = resent / count, cached / count, out / count
    return Conversations(
        turns=sum(map(len, turns)) / (len(turns) or 1),
        tokens_out=out,
        resent_tokens_in=resent,
        cached_tokens_in=cached,
        resent_usd=_usd(known, resent, out),
        cached_usd=_usd(known, cached, out),
    )


def _month(calls: int, call_usd: float, compile_usd: float | None, rule: dict[str, Any]) -> Month:
    if compile_usd is None:
        return Month(calls=calls, keep_usd=calls * call_usd, compiled_usd=None)
    running = calls * call_usd * (rule["run_share"] + rule["fallback"])
    standing = rule["fixed_usd_month"] + rule["recompiles_month"] * compile_usd
    return Month(calls=calls, keep_usd=calls * call_usd, compiled_usd=running + standing)


def _compile_cost(rule: dict[str, Any], call_usd: float, known: Price | None) -> float | None:
    """Return the cost of one compile; None where it takes tokens of a model without a price."""
    if "compile_usd" in rule:
        return float(rule["compile_usd"])
    if "compile_calls" in rule:
        return float(rule["compile_calls"]) * call_usd
    return _usd(known, rule["compile_tokens_in"], rule["compile_tokens_out"])


def _usd(known: Price | None, tokens_in: float, tokens_out: float) -> float | None:
    if known is None:
        return None
    return float(known.usd_per_token_in) * tokens_in + float(known.usd_per_token_out) * tokens_out


def _price(model: str | None) -> Price | None:
    return price(model) if model else None
