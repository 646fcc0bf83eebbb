"""How often the drift gate raises an alarm over inputs that did not move, and over those that did.

    python -m bench.drift [--rounds 200] [--seed 1] [--json]

Golden rows and calls are drawn from one made-up source of tickets: log-normal amounts, a text field
with eight categories, free texts, an optional count. Each case moves one thing in the calls. Every
call is labelled and right, so that whatever is found is found by the inputs alone; a finding of any
of the rules `shift`, `new` and `nulls` is an alarm. The first case, in which nothing moves, is the
rate of false alarms; the policy shares 1 % among the fields for the index.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.sampled import Call
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.drift import Compared
from pytest_compiledai.gates.drift import DriftSettings
from pytest_compiledai.gates.drift import Look
from pytest_compiledai.gates.drift import Production

SIZES = ((20, 73), (40, 73), (40, 400), (100, 400), (400, 400), (100, 4000))  # golden, calls
SHA256 = "a" * 64
PROPERTIES = {
    "amount": {"type": "number"},
    "region": {"type": "string"},
    "text": {"type": "string"},
    "seats": {"type": ["integer", "null"]},
}
REGIONS = ("eu", "us", "uk", "jp", "br", "in", "za", "au")
WEIGHTS = (30, 20, 15, 10, 10, 8, 5, 2)

Ticket = dict[str, Any]


def ticket(draw: random.Random) -> Ticket:
    """Return one input of the source."""
    return {
        "amount": round(draw.lognormvariate(3, 1), 2),
        "region": draw.choices(REGIONS, WEIGHTS)[0],
        "text": f"{draw.random()} ".ljust(max(20, int(draw.gauss(80, 25))), "x"),
        **({"seats": draw.randrange(1, 60)} if draw.random() < 0.8 else {}),
    }


def _part(share: float, change: Callable[[Ticket, random.Random], Ticket]) -> Any:
    return lambda item, draw: change(item, draw) if draw.random() < share else item


CASES: dict[str, Any] = {
    "nothing moves": lambda item, _: item,
    "amounts x 1.6": lambda item, _: {**item, "amount": item["amount"] * 1.6},
    "amounts x 2.7": lambda item, _: {**item, "amount": item["amount"] * 2.7},
    "regions reversed": lambda item, draw: {
        **item,
        "region": draw.choices(REGIONS, WEIGHTS[::-1])[0],
    },
    "texts a third longer": lambda item, _: {**item, "text": item["text"] + "x" * 27},
    "15 % from a new region": _part(0.15, lambda item, _: {**item, "region": "mx"}),
    "half without seats": _part(0.5, lambda item, _: {**item, "seats": None}),
}


def alarms(case: str, golden: int, calls: int, seed: int, round_: int) -> set[str]:
    """Return the rules that found something in one round."""
    draw = random.Random(f"{seed} {case} {golden} {calls} {round_}")
    place = Place(path="bench")
    schema = Schema.parse(
        {"type": "object", "properties": PROPERTIES}, lambda *_: place, agreement=0.95
    )
    inputs = [CASES[case](ticket(draw), draw) for _ in range(calls)]
    made = [
        Call(row=n, unit="u", sha256=SHA256, outcome="value", fallback=False, input=v, output={})
        for n, v in enumerate(inputs, start=1)
    ]
    production = Production(
        sha256=SHA256,
        calls=made,
        where="calls",
        compared=[Compared(call=call, basis="label", differs=()) for call in made],
    )
    settings = DriftSettings.parse({}, AccuracySettings(), lambda *_: place, agreement=0.95)
    rows = [ticket(draw) for _ in range(golden)]
    return {f.rule for f in Look(production, rows, schema, schema, settings).verdict().findings}


def run(rounds: int, seed: int) -> list[dict[str, Any]]:
    """Return the alarm rates of every case and size."""
    found = []
    for case in CASES:
        for golden, calls in SIZES:
            start = time.process_time()
            told = [alarms(case, golden, calls, seed, n) for n in range(rounds)]
            count = sum(map(bool, told))
            span = wilson(count, rounds)
            found.append(
                {
                    "case": case,
                    "golden": golden,
                    "calls": calls,
                    "rounds": rounds,
                    "alarms": count / rounds,
                    "low": span.low,
                    "high": span.high,
                    "rules": dict(Counter(rule for rules in told for rule in rules)),
                    "ms": (time.process_time() - start) / rounds * 1000,
                }
            )
    return found


def main() -> None:
    """Print the table, and with --json what it is made from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = run(options.rounds, options.seed)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("case                     golden  calls  alarms  interval        ms")
    for row in rows:
        span = f"{row['low']:.3f} to {row['high']:.3f}"
        line = f"{row['case']:<24} {row['golden']:>6} {row['calls']:>6}  {row['alarms']:>6.3f}"
        print(f"{line}  {span}  {row['ms']:>6.1f}")


if __name__ == "__main__":
    main()
