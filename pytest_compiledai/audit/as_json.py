"""An audit as JSON: stable keys, described in docs/audit.md."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from pytest_compiledai.audit.audited import Audit
from pytest_compiledai.audit.audited import Audited
from pytest_compiledai.audit.machine import Machine
from pytest_compiledai.audit.measures import Share
from pytest_compiledai.audit.reading import Tally
from pytest_compiledai.core.interval import wilson

VERSION = 1


def as_json(audit: Audit) -> dict[str, Any]:
    """Return the whole audit as plain data."""
    return {
        "version": VERSION,
        "log": _log(audit.log.tally) | {"calls_beyond_site_cap": audit.log.beyond},
        "sites": [_site(audited) for audited in audit.sites],
    }


def _log(tally: Tally) -> dict[str, Any]:
    return {
        "files": tally.files,
        "lines": tally.lines,
        "calls": tally.calls,
        "failed_calls": tally.failed,
        "other_spans": tally.other,
        "unreadable_lines": tally.unreadable,
        "first_unreadable": tally.first_unreadable or None,
        "unpaired_batch_lines": tally.unpaired,
        "formats": dict(sorted(tally.formats.items())),
    }


def _site(audited: Audited) -> dict[str, Any]:
    measures, site = audited.measures, audited.measures.site
    pilots, use = measures.pilots, measures.use
    return {
        "name": site.name,
        "named": site.named,
        "template": site.title or None,
        "decision": str(audited.decision.target),
        "figure": audited.decision.figure,
        "change": audited.decision.change,
        "calls": site.calls,
        "calls_per_day": _round(use.calls_per_day),
        "models": dict(sorted(site.models.items())),
        "agreement": _share(measures.agreement),
        "distinct_outputs": measures.outputs,
        "top_20_outputs_share": _round(measures.top_share),
        "new_inputs_late": _share(measures.new_inputs),
        "new_outputs_late": _share(measures.new_outputs),
        "output_schema": dict(measures.schema),
        "schema_valid": _share(measures.schema_valid),
        "rule_right": _share(Share(right=pilots.rule_right, total=pilots.tested)),
        "learned_right": _share(Share(right=pilots.learned_right, total=pilots.tested)),
        "copied_share": _round(pilots.copied_share),
        "covered_by_demonstrations": {
            key: _round(value) for key, value in measures.covered._asdict().items()
        },
        "tokens": {
            "in": _round(use.tokens_in),
            "out": _round(use.tokens_out),
            "estimated": use.estimated,
        },
        "latency_s": {"p50": _round(use.p50_s), "p95": _round(use.p95_s)},
        "costs": _costs(audited),
        "conversations": _conversations(audited),
        "machine": _machine(measures.machine),
    }


def _costs(audited: Audited) -> dict[str, Any]:
    costs = audited.costs
    months = [
        {key: _round(value) for key, value in asdict(month).items()} for month in costs.months
    ]
    return {
        "call_usd": _round(costs.call_usd),
        "basis": costs.basis,
        "model": costs.model,
        "compile_usd": _round(costs.compile_usd),
        "break_even_calls": _whole(costs.break_even_calls),
        "least_calls_month": _whole(costs.least_calls_month),
        "months": months,
    }


def _conversations(audited: Audited) -> dict[str, Any] | None:
    if audited.conversations is None:
        return None
    return {key: _round(value) for key, value in asdict(audited.conversations).items()}


def _machine(machine: Machine | None) -> dict[str, Any] | None:
    if machine is None:
        return None
    return {
        "states": list(machine.states),
        "transitions": [
            {"from": before, "to": after, "count": count}
            for (before, after), count in machine.transitions.items()
        ],
        "conversations": machine.conversations,
        "turns": machine.turns,
        "explained": _share(Share(right=machine.explained, total=machine.tested)),
        "next_step_right": _share(Share(right=machine.steps_right, total=machine.steps)),
    }


def _share(share: Share) -> dict[str, Any]:
    bounds = wilson(share.right, share.total)
    return {
        "right": share.right,
        "total": share.total,
        "share": _round(share.value),
        "interval": [_round(bounds.low), _round(bounds.high)],
    }


def _round(value: float | None) -> float | None:
    return value if value is None or isinstance(value, int) else float(f"{value:.6g}")


def _whole(value: float | None) -> int | None:
    return None if value is None else math.ceil(value)
