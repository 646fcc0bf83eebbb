"""How often the audit's decision is the truth of a generated log, and how fast it reads.

    python -m bench.audit [--seeds 101 102 103] [--sites 200] [--size 1.0] [--json]

Seeds below 100 were used while thresholds were chosen; the default seeds were not. A site counts as
right when the audited site that holds most of its sampled inputs has the site's truth as decision:
sites merged or split by template mining count as they fall.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.audit_log import Truth
from bench.audit_log import key_of
from bench.audit_log import make
from bench.audit_log import write
from pytest_compiledai.audit.audited import Audit
from pytest_compiledai.audit.audited import audit
from pytest_compiledai.core.interval import wilson

HELD_OUT = (101, 102, 103)
TARGETS = ("code", "machine", "weights", "demos", "keep")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One true site and what the audit said of it."""

    seed: int
    truth: Truth
    decision: str
    figure: str
    gathered: float  # share of its inputs in the audited site that holds most of them


def judge(seed: int, sites: int, size: float) -> tuple[list[Judged], dict[str, Any]]:
    """Return what the audit says of a seed's sites, and the run's figures."""
    events = make(seed, sites, size=size)
    truths = {event.truth.number: event.truth for event in events}
    with tempfile.TemporaryDirectory() as name:
        asked = write(events, Path(name), seed)
        size_bytes = sum(path.stat().st_size for path in Path(name).iterdir())
        start = time.process_time()
        found = audit([Path(name)])
        seconds = (
            time.process_time() - start
        )  # of one core: other work on the machine does not count
    judged = [_judged(seed, truth, found, _votes(found, asked)) for truth in truths.values()]
    run = {"seed": seed, "calls": len(events), "megabytes": size_bytes / 1e6, "seconds": seconds}
    run["audited_sites"] = len(found.sites)
    run["unreadable"] = found.log.tally.unreadable
    return judged, run


def _votes(found: Audit, asked: dict[str, set[int]]) -> dict[int, Counter[int]]:
    """Return true site -> audited site -> sampled inputs of the one in the other."""
    votes: dict[int, Counter[int]] = {}
    for index, audited in enumerate(found.sites):
        for row in audited.measures.site.rows.values():
            owners = asked.get(key_of(row.text), set())
            if len(owners) == 1:
                votes.setdefault(next(iter(owners)), Counter())[index] += 1
    return votes


def _judged(seed: int, truth: Truth, found: Audit, votes: dict[int, Counter[int]]) -> Judged:
    mine = votes.get(truth.number, Counter())
    if not mine:
        return Judged(seed=seed, truth=truth, decision="lost", figure="", gathered=0.0)
    index, count = mine.most_common(1)[0]
    decision = found.sites[index].decision
    return Judged(
        seed=seed,
        truth=truth,
        decision=str(decision.target),
        figure=decision.figure,
        gathered=count / mine.total(),
    )


def summary(judged: list[Judged], runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a campaign."""
    right = sum(each.decision == each.truth.made.truth for each in judged)
    bounds = wilson(right, len(judged))
    table = Counter((each.truth.made.truth, each.decision) for each in judged)
    families = Counter(each.truth.made.family for each in judged)
    wrong = Counter(
        each.truth.made.family for each in judged if each.decision != each.truth.made.truth
    )
    calls, seconds = sum(run["calls"] for run in runs), sum(run["seconds"] for run in runs)
    return {
        "sites": len(judged),
        "right": right,
        "share": right / len(judged),
        "interval": [bounds.low, bounds.high],
        "confusion": {
            truth: {said: table[truth, said] for said in (*TARGETS, "lost")} for truth in TARGETS
        },
        "families": {
            name: {"sites": families[name], "wrong": wrong[name]} for name in sorted(families)
        },
        "gathered": sum(each.gathered for each in judged) / len(judged),
        "runs": runs,
        "calls": calls,
        "calls_per_second": calls / seconds,
        "seconds_per_100k_calls": 1e5 * seconds / calls,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(HELD_OUT))
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--size", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--wrong", action="store_true", help="list the sites judged wrong")
    options = parser.parse_args(argv)
    judged: list[Judged] = []
    runs = []
    for seed in options.seeds:
        more, run = judge(seed, options.sites, options.size)
        judged += more
        runs.append(run)
    figures = summary(judged, runs)
    print(json.dumps(figures, indent=2) if options.json else _table(figures))
    for each in judged if options.wrong else []:
        if each.decision != each.truth.made.truth:
            made = each.truth.made
            site = f"{each.seed}/{each.truth.number} {made.family} ({each.truth.format})"
            said = f"{made.truth} -> {each.decision}: {each.figure}"
            print(f"{site}: {said} [gathered {each.gathered:.2f}]")
    return 0


def _table(figures: dict[str, Any]) -> str:
    low, high = figures["interval"]
    bounds = f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    speed = f"{figures['calls']} calls, {figures['seconds_per_100k_calls']:.1f} s for 100,000"
    lines = [
        f"{figures['right']} of {figures['sites']} right: {100 * figures['share']:.1f} % {bounds}",
        f"{speed} on one core, peak {figures['peak_megabytes']:.0f} MB",
        f"{100 * figures['gathered']:.1f} % of a site's inputs gathered in one",
        f"{'truth':<9}" + "".join(f"{said:>9}" for said in (*TARGETS, "lost")),
    ]
    lines += [
        f"{truth:<9}" + "".join(f"{count:>9}" for count in row.values())
        for truth, row in figures["confusion"].items()
    ]
    lines += [
        f"  {name}: {facts['wrong']} of {facts['sites']} wrong"
        for name, facts in figures["families"].items()
        if facts["wrong"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
