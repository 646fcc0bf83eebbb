"""What a frozen unit cost to make, what a call of its reference costs, and when compiling pays.

Tokens are those that recordings tell; money is said only for a model whose price is known.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.audit.cost import costs_at
from pytest_compiledai.audit.cost import usd
from pytest_compiledai.audit.decision import Target
from pytest_compiledai.audit.rules import rules
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.result import Cost
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.functions.proposing import direct_tokens
from pytest_compiledai.spent import Spent
from pytest_compiledai.spent import on_proposals
from pytest_compiledai.spent import on_reference
from pytest_compiledai.summary import break_even

if TYPE_CHECKING:
    from pytest_compiledai.core.entry import Entry
    from pytest_compiledai.core.result import Result
    from pytest_compiledai.functions.spec import FunctionSpec

#: The assumptions of a month that `rules.toml` states; the compile is known here.
ASSUMED = ("fixed_usd_month", "fallback", "recompiles_month")


def cost_of(spec: FunctionSpec, entry: Entry, result: Result, folder: Path) -> dict[str, Any]:
    """Return the costs of a unit as JSON values; ``folder`` holds its recordings.

    What is not known is None, with the reason in `unknown`.
    """
    parts, unknown = _parts(spec, entry, folder)
    reference = parts.get("reference")
    whole = None if unknown else sum((part.tokens for part in parts.values()), Cost())
    # As the run told it that made the artifact.
    made = replace(result, outcome=Outcome.FROZEN)
    paid = replace(made, cost=whole or Cost(), reference_tokens=direct_tokens(spec))
    return {
        "compile": asdict(whole) if whole is not None else None,
        "exchanges": sum(part.exchanges for part in parts.values()),
        "estimated": sum(part.estimated for part in parts.values()),
        "models": sorted({part.model for part in parts.values()}),
        "unknown": unknown,
        "direct_tokens": paid.reference_tokens,
        "call": _call(reference) if reference else None,
        "pays_after_calls": break_even(paid),
        "usd": _usd(parts, reference) if reference and not unknown else None,
        "assumed": {name: rules()["cost"][str(Target.CODE)][name] for name in ASSUMED},
    }


def call_of(spec: FunctionSpec, entry: Entry, folder: Path) -> dict[str, Any] | None:
    """Return what a recorded call of the reference took; None where none is recorded."""
    try:
        reference = on_reference(spec, folder, entry.proposer)
    except ModelError:
        return None
    return _call(reference) if reference else None


def _parts(spec: FunctionSpec, entry: Entry, folder: Path) -> tuple[dict[str, Spent], str]:
    """Return what is recorded, and why that is not all; empty when it is."""
    parts: dict[str, Spent] = {}
    unknown = ""
    try:
        asks = spec.candidate is None
        proposals = on_proposals(spec, folder, entry.proposer) if asks else None
        reference = on_reference(spec, folder, entry.proposer)
    except ModelError as error:
        return {}, str(error)
    if proposals is not None:
        parts["proposals"] = proposals
    if reference is not None:
        parts["reference"] = reference
    if asks and (proposals is None or proposals.exchanges < entry.attempts):
        kept = proposals.exchanges if proposals else 0
        unknown = (
            f"{kept} of {entry.attempts} proposals of {entry.proposer} recorded for the spec as "
            "it stands"
        )
    elif reference is None and spec.fuzz.reference == "model" and "fuzz" not in entry.off:
        unknown = "no recorded answers of the reference"
    return parts, unknown


def _call(reference: Spent) -> dict[str, Any]:
    """Return the mean tokens of one input; a request answers many, a call by itself takes more."""
    inputs = max(reference.inputs, 1)
    return {
        "model": reference.model,
        "tokens_in": reference.tokens.tokens_in / inputs,
        "tokens_out": reference.tokens.tokens_out / inputs,
        "inputs": reference.inputs,
        "requests": reference.exchanges,
        "usd": _price(reference, inputs),
    }


def _price(spent: Spent, inputs: int = 1) -> float | None:
    return usd(spent.model, spent.tokens.tokens_in / inputs, spent.tokens.tokens_out / inputs)


def _usd(parts: dict[str, Spent], reference: Spent) -> dict[str, Any] | None:
    """Return the sums in US dollars; None where a model's price is not known."""
    prices = [_price(part) for part in parts.values()]
    known = [price for price in prices if price is not None]
    call = _call(reference)["usd"]
    if call is None or len(known) < len(prices):
        return None
    costs = costs_at(
        Target.CODE,
        call_usd=call,
        compile_usd=sum(known),
        basis="recorded",
        model=reference.model,
    )
    return asdict(costs)


def cost_lines(cost: dict[str, Any]) -> list[str]:
    """Return the costs as lines of text."""
    return ["cost:", f"  compile   {_compile_text(cost)}", *_call_lines(cost), *_usd_lines(cost)]


def _compile_text(cost: dict[str, Any]) -> str:
    if cost["compile"] is None:
        return f"not known: {cost['unknown']}"
    if not cost["exchanges"]:
        return "0 tokens: no model was asked"
    models = ", ".join(cost["models"])
    estimated = f", {cost['estimated']} estimated" if cost["estimated"] else ""
    spent = cost["compile"]
    return (
        f"{spent['tokens_in']:,} tokens in, {spent['tokens_out']:,} out in {cost['exchanges']} "
        f"exchanges of {models} (recorded{estimated})"
    )


def _call_lines(cost: dict[str, Any]) -> list[str]:
    call, direct = cost["call"], cost["direct_tokens"]
    lines = ["  call      0 tokens of the artifact"]
    if direct is not None:
        lines.append(f"            {direct:,.0f} tokens of a model asked directly (estimated)")
    lines.append(f"            {call_text(call)}")
    if cost["pays_after_calls"] is not None:
        lines.append(f"  pays      after {cost['pays_after_calls']:,} calls, in tokens")
    return lines


def call_text(call: dict[str, Any] | None) -> str:
    """Return what a recorded call of the reference took, in words."""
    if call is None:
        return "not known what the reference takes: no answer of a model is recorded"
    money = "no price known" if call["usd"] is None else f"{call['usd']:.2g} usd"
    return (
        f"{call['tokens_in']:,.0f} in, {call['tokens_out']:,.0f} out of {call['model']} as recorded"
        f", {call['inputs']} inputs in {call['requests']} requests ({money})"
    )


def _usd_lines(cost: dict[str, Any]) -> list[str]:
    money, assumed = cost["usd"], cost["assumed"]
    if money is None:
        reason = cost["unknown"] or "no call of a model is recorded"
        if cost["models"] and not cost["unknown"]:
            reason = f"no price known of {', '.join(cost['models'])}, or no recorded call"
        return [f"  dollars   not known: {reason}"]
    pays = "never paid back"
    if money["break_even_calls"] is not None:
        pays = f"paid back after {math.ceil(money['break_even_calls']):,} calls"
        pays += f"; a month pays from {math.ceil(money['least_calls_month']):,} calls"
    months = ", ".join(
        f"{month['calls']:,} calls {month['keep_usd']:,.2f} -> {month['compiled_usd']:,.2f}"
        for month in money["months"]
    )
    fallback = f"{100 * assumed['fallback']:g} % of calls to the fallback"
    fixed = f"fixed {assumed['fixed_usd_month']:.2f} usd"
    recompiles = f"{assumed['recompiles_month']:g} recompiles"
    return [
        f"  dollars   {money['compile_usd']:.2g} of the compile, {pays}",
        f"  a month   kept -> compiled: {months}",
        f"            assumed: {fixed}, {recompiles}, {fallback}",
    ]
