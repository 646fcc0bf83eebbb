"""An audit for a terminal: a table of sites, then a paragraph each."""

from __future__ import annotations

import math

from pytest_compiledai.audit.audited import Audit
from pytest_compiledai.audit.audited import Audited
from pytest_compiledai.audit.call import printable
from pytest_compiledai.audit.cost import Costs
from pytest_compiledai.audit.cost import Month
from pytest_compiledai.audit.decision import Target
from pytest_compiledai.audit.decision import counted
from pytest_compiledai.audit.measures import Measures
from pytest_compiledai.audit.measures import Use
from pytest_compiledai.audit.reading import Tally

_NAME = 36  # characters of a site's name in the table


def as_text(audit: Audit) -> str:
    """Return the table and the paragraphs."""
    blocks = [_read(audit), _table(audit.sites), *(_paragraph(audited) for audited in audit.sites)]
    return "\n\n".join(blocks)


def _read(audit: Audit) -> str:
    tally = audit.log.tally
    formats = ", ".join(f"{name} {count}" for name, count in sorted(tally.formats.items()))
    read = f"{tally.calls} calls in {tally.lines} lines of {tally.files} files ({formats})"
    first = f"{read}, {len(audit.sites)} sites"
    return "\n".join([first, *_left_out(tally, audit.log.beyond)])


def _left_out(tally: Tally, beyond: int) -> list[str]:
    """Return a line for each kind of thing that no figure below counts."""
    facts = [
        (tally.unreadable, f"lines unreadable, the first {printable(tally.first_unreadable, 300)}"),
        (tally.failed, "calls failed or without an answer"),
        (tally.unpaired, "lines of a batch without their request or answer"),
        (tally.other, "spans that are no calls"),
        (beyond, "calls of further sites, more than are told apart"),
    ]
    return [f"left out: {count} {what}" for count, what in facts if count]


def _table(sites: tuple[Audited, ...]) -> str:
    head = f"{'site':<{_NAME}}{'calls':>9}  {'decision':<9}{'agree':>7}{'outputs':>9}"
    head += f"{'rule':>7}{'usd/call':>10}{'pays after':>12}"
    return "\n".join([head, *(_row(audited) for audited in sites)])


def _row(audited: Audited) -> str:
    measures, costs = audited.measures, audited.costs
    pilots = measures.pilots
    rule = pilots.rule_right / pilots.tested if pilots.tested else None
    cost = f"{costs.call_usd:.2g}" if costs.call_usd is not None else "-"
    pays = f"{math.ceil(costs.break_even_calls):,}" if costs.break_even_calls is not None else "-"
    return (
        f"{printable(measures.site.name, _NAME - 1):<{_NAME}}{measures.site.calls:>9}  "
        f"{audited.decision.target:<9}{_short(measures.agreement.value):>7}{measures.outputs:>9}"
        f"{_short(rule):>7}{cost:>10}{pays:>12}"
    )


def _short(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _paragraph(audited: Audited) -> str:
    measures, decision = audited.measures, audited.decision
    lines = [
        f"{printable(measures.site.name)}: {decision.target}",
        f"  because  {decision.figure}",
        f"  unless   {decision.change}",
        f"  volume   {_volume(audited)}",
        *_answer_lines(measures),
        _use_line(measures.use),
        *_machine_lines(audited),
        *_cost_lines(audited),
    ]
    if measures.site.title:
        lines.insert(1, f"  prompt   {printable(measures.site.title, 90)}")
    return "\n".join(lines)


def _answer_lines(measures: Measures) -> list[str]:
    late, copied = measures.new_inputs, measures.pilots.copied_share
    top = _short(measures.top_share)
    asked, said = _short(late.value), _short(measures.new_outputs.value)
    fit = counted(measures.schema_valid)
    return [
        f"  answers  {measures.outputs} distinct, the 20 commonest {top} of calls",
        f"  repeats  {counted(measures.agreement)} repeated inputs got the answer before",
        f"  novelty  of the last {late.total} calls {asked} inputs and {said} answers new",
        f"  schema   {fit} held-out answers fit what the others suggest",
        f"  copying  {_short(copied)} of the values stand in the input",
    ]


def _use_line(use: Use) -> str:
    told = f"  tokens   {use.tokens_in:.0f} in, {use.tokens_out:.0f} out a call"
    if use.estimated:
        told += " (some estimated)"
    if use.p50_s is not None and use.p95_s is not None:
        told += f"; {use.p50_s:.2f} s median, {use.p95_s:.2f} s p95"
    return told


def _volume(audited: Audited) -> str:
    measures = audited.measures
    a_day = measures.use.calls_per_day
    told = f"{measures.site.calls} calls" + (f", {a_day:.1f} a day" if a_day is not None else "")
    models = ", ".join(printable(name, 40) for name in sorted(measures.site.models)[:4])
    return f"{told}; {models}" if models else told


def _machine_lines(audited: Audited) -> list[str]:
    machine, talks = audited.measures.machine, audited.conversations
    if machine is None or talks is None:
        return []
    first = sorted(machine.transitions.items(), key=lambda pair: (-pair[1], pair[0]))[:6]
    ways = ", ".join(
        f"{printable(a, 28)} > {printable(b, 28)} ({count})" for (a, b), count in first
    )
    money = ""
    if talks.resent_usd is not None and talks.cached_usd is not None:
        money = f" ({talks.resent_usd:.4f} and {talks.cached_usd:.4f} usd)"
    history = f"{talks.resent_tokens_in:.0f} tokens in with the whole history resent"
    cached = f"the worth of {talks.cached_tokens_in:.0f} with prompt caching{money}"
    return [
        f"  states   {len(machine.states)} with {len(machine.transitions)} transitions: {ways}",
        f"  history  {talks.turns:.1f} turns a conversation; {history}, {cached}",
    ]


def _cost_lines(audited: Audited) -> list[str]:
    costs = audited.costs
    if costs.call_usd is None:
        model = printable(costs.model or "no model named", 60)
        return [f"  costs    tokens alone: no price is known ({model})"]
    if audited.decision.target is Target.KEEP:
        months = ", ".join(f"{month.calls:,} calls {month.keep_usd:,.2f}" for month in costs.months)
        return [f"  costs    a month as it is, usd: {months}"]
    months = ", ".join(_month(month) for month in costs.months)
    return [f"  costs    a month kept -> compiled, usd: {months}", f"           {_pays(costs)}"]


def _month(month: Month) -> str:
    compiled = "?" if month.compiled_usd is None else f"{month.compiled_usd:,.2f}"
    return f"{month.calls:,} calls {month.keep_usd:,.2f} -> {compiled}"


def _pays(costs: Costs) -> str:
    if costs.compile_usd is None:
        return "one compile of unknown cost: no price of the model is known"
    if costs.break_even_calls is None or costs.least_calls_month is None:
        return f"one compile {costs.compile_usd:,.2f} usd, never paid back"
    calls = math.ceil(costs.break_even_calls)
    least = math.ceil(costs.least_calls_month)
    paid = f"one compile {costs.compile_usd:,.2f} usd, paid back after {calls:,} calls"
    return f"{paid}; a month pays from {least:,} calls"
