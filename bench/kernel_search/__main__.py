"""Search curves: how soon each order of measurements finds a fast kernel.

    python -m bench.kernel_search [--json FILE] [--times FILE] [--measure FILE] [--ask MODEL]

Orders: a model's (from the recordings beside this file; where there is none it is said), the static
model's, chance (20 seeds), and every candidate. Times are measured on a processor with
``--measure``; without it those beside this file are read, so that curves can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.kernel_search import space
from bench.kernel_search.curves import BUDGETS
from bench.kernel_search.curves import best_after
from bench.kernel_search.curves import mean_regret
from bench.kernel_search.curves import regret
from pytest_compiledai.asking import request_of
from pytest_compiledai.kernels import ranking
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Request

HERE = Path(__file__).parent
RECORDINGS = Recordings(HERE / "recordings")


def main() -> int:
    """Print the curves of every region; 1 where advice changes the end of a whole search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--times", type=Path, default=HERE / "measured.json")
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--ask", default="", help="a model to ask what is not recorded")
    options = parser.parse_args()
    if options.ask:
        _ask(options.ask)
    if options.measure is not None:
        from bench.kernel_search.measuring import measured

        rows = {}
        for region in space.REGIONS:
            rows[region] = measured(region)
            options.measure.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        options.times = options.measure
    known = json.loads(options.times.read_text(encoding="utf-8"))
    found = {region: curves(region, rows) for region, rows in known.items()}
    for region, table in found.items():
        _print(region, table)
    _print_mean(found)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(any(table["parted"] for table in found.values()))


def curves(region: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the regrets of every order over the measured candidates of a region."""
    # A candidate that a gate refused is measured in vain: it costs its place and gives nothing.
    times = [float("inf") if row["ns"] is None else float(row["ns"]) for row in rows]
    orders = _orders(region, rows)
    count = len(times)
    best = {name: best_after(order, times, count) for name, order in orders.items() if order}
    chance = {str(budget): mean_regret(times, budget) for budget in BUDGETS}
    return {
        "candidates": count,
        "refused": sum(row["ns"] is None for row in rows),
        "best": rows[best["static model"]]["id"],
        "best_ns": min(times),
        "framework_ns": min(row["framework_ns"] for row in rows if row["ns"] is not None),
        "worst_over_best": max(time for time in times if time != float("inf")) / min(times),
        "chance": chance,
        "orders": {
            name: {str(budget): regret(order, times, budget) for budget in BUDGETS} if order else {}
            for name, order in orders.items()
        },
        "parted": len(set(best.values())) != 1,
    }


def _orders(region: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, ...]]:
    known = space.candidates(space.contract(region))
    modelled = sorted(range(len(rows)), key=lambda place: (rows[place]["slowed"], place))
    found: dict[str, tuple[int, ...]] = {
        "static model": tuple(modelled),
        "static model, spread": ranking.spread(modelled, known),
    }
    answer = _recorded(_request(region))
    found["model"] = ranking.advised(answer, modelled).order if answer else ()
    found["model, spread"] = ranking.spread(found["model"], known) if answer else ()
    return found


def _request(region: str) -> Request:
    stated = space.contract(region)
    known = space.candidates(stated)
    return request_of(ranking.question(stated, known, dtype="float32", targets=("cpu",)), 0)


def _recorded(request: Request) -> str:
    reply = RECORDINGS.choose(request, model=None, preferred=None)
    return reply.text if reply else ""


def _ask(model: str) -> None:
    """Record what a model answers to the questions that have no recording yet."""
    from pytest_compiledai.llm.client import LiteLLMClient

    client = LiteLLMClient(model)
    client.prepare()
    for region in space.REGIONS:
        request = _request(region)
        if not _recorded(request):
            RECORDINGS.store(request, asyncio.run(client.ask(request)))


def _print(region: str, table: Mapping[str, Any]) -> None:
    print(
        f"\n{region}: {table['candidates']} candidates, {table['refused']} refused, best "
        f"{table['best']} {table['best_ns'] / 1000:.1f} us, framework "
        f"{table['framework_ns'] / 1000:.1f} us, worst {table['worst_over_best']:.2f} x the best"
    )
    print(f"{'order':24}" + "".join(f"{f'after {budget}':>12}" for budget in BUDGETS))
    for name, regrets in table["orders"].items():
        told = "".join(f"{value:12.1%}" for value in regrets.values()) or "  no recording"
        print(f"{name:24}{told}")
    for place, name in enumerate(("chance, mean of 20", "chance, worst of 20")):
        print(f"{name:24}" + "".join(f"{one[place]:12.1%}" for one in table["chance"].values()))
    print(f"{'every candidate':24}" + "".join(f"{0:12.1%}" for _ in BUDGETS))


def _print_mean(found: Mapping[str, Mapping[str, Any]]) -> None:
    print(f"\nmean of {len(found)} regions")
    for name in next(iter(found.values()))["orders"]:
        rows = [table["orders"][name] for table in found.values() if table["orders"][name]]
        if rows:
            told = (sum(row[str(budget)] for row in rows) / len(rows) for budget in BUDGETS)
            print(f"{name:24}" + "".join(f"{value:12.1%}" for value in told))
    means = (sum(t["chance"][str(b)][0] for t in found.values()) / len(found) for b in BUDGETS)
    print(f"{'chance':24}" + "".join(f"{value:12.1%}" for value in means))


if __name__ == "__main__":
    sys.exit(main())
