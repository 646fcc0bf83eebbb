"""How fast the search is, and in how much memory: one process a measurement.

Seconds are of the process's own processor time, for the machine is shared.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.bitset import Group
from pytest_compiledai.workflows.bitset import best_pairs
from pytest_compiledai.workflows.bitset import pack
from pytest_compiledai.workflows.compose import Composer
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.plan import Plan
from pytest_compiledai.workflows.profile import Cell
from pytest_compiledai.workflows.profile import Profile
from pytest_compiledai.workflows.search import Means
from pytest_compiledai.workflows.search import search

SETTINGS = 75
AGENTS = ("programmer", "refine", "detailed", "generate", "ensemble")


def means(seed: int) -> dict[str, Means]:
    """Return 5 models x 15 budgets an agent: more of either is slower and, mostly, better."""
    rng = np.random.default_rng(seed)
    model, budget = np.repeat(np.arange(1, 6), 15), np.tile(np.geomspace(50, 10000, 15), 5)
    found = {}
    for agent in AGENTS:
        seconds = budget * model / 200 * rng.uniform(0.8, 1.2, SETTINGS)
        accuracy = 0.2 + 0.12 * model * (0.4 + 0.12 * np.log(budget / 50))
        found[agent] = Means(seconds, np.clip(accuracy + rng.normal(0, 0.02, SETTINGS), 0.02, 0.98))
    return found


def published_space() -> graph.Choice:
    """Return the published mathematics workflow: every set of active sub-agents, copies 1 or 2.

    A programmer whose refiner is switched off stays in, as the published code enumerates it.
    """
    calls = {agent: Call(agent, agent) for agent in AGENTS}
    program = graph.Sequence((calls["programmer"], calls["refine"]))
    options: list[graph.Step] = []
    for programmed, detailed, copies in np.ndindex(3, 2, 3):
        branches = [program] * (programmed == 1) + [calls["detailed"]] * detailed
        branches += [calls["generate"]] * copies
        if len(branches) < 2:
            continue
        best: graph.Step = graph.Best(tuple(branches), calls["ensemble"])
        options.append(graph.Sequence((calls["programmer"], best)) if programmed == 2 else best)
    return graph.Choice(tuple(options))


def slots_space() -> graph.Best:
    """Return the full mathematics workflow, each of its six calls with a setting of its own."""
    program = graph.Sequence((Call("programmer", "programmer"), Call("refine", "refine")))
    generate = tuple(Call("generate", f"generate.{n}") for n in (1, 2))
    branches = (program, Call("detailed", "detailed"), *generate)
    return graph.Best(branches, Call("ensemble", "ensemble"))


def configurations(step: graph.Step) -> int:
    """Return how many configurations a space has."""
    return sum(SETTINGS ** len(graph.slots(s)) for s in graph.structures(step))


def exact(name: str) -> dict[str, Any]:
    """Return how long the exact front of a space takes, the best of ten."""
    step = published_space() if name == "published" else slots_space()
    found, ms = _best(lambda: search(step, means(0)), 10)
    return {"configurations": configurations(step), "ms": 1000 * ms, "front": len(found.front)}


def enumerated(*, fast: bool, side: int = 4000, queries: int = 512) -> dict[str, Any]:
    """Return the configurations a second that are counted per query and put into a front."""
    rng = np.random.default_rng(0)
    a, b = (Group(pack(rng.random((side, queries)) < 0.5), rng.random(side)) for _ in "ab")
    best_pairs(Group(a.words[:, :9], a.seconds[:9]), b, fast=fast)
    _, seconds = _best(lambda: best_pairs(a, b, fast=fast), 3)
    return {"configurations": side * side, "millions_per_second": side * side / seconds / 1e6}


def composed(settings: int = 43, queries: int = 660) -> dict[str, Any]:
    """Return how long all votes of three of so many settings take to compose, intervals and all."""
    rng = np.random.default_rng(0)
    right = rng.random((settings, queries)) < rng.uniform(0.4, 0.95, (settings, 1))
    names = [f"m{n:02}" for n in range(settings)]
    cells = {
        ("solver", name, "correct"): Cell(
            query=np.arange(queries),
            score=right[n].astype(float),
            answer=np.where(right[n], 0, rng.integers(1, 4, queries)),
            seconds=rng.uniform(0.5, 1.5, queries) * (n + 1),
            cost=np.full(queries, 0.001 * (n + 1)),
            tokens=np.zeros(queries, dtype=np.int64),
        )
        for n, name in enumerate(names)
    }
    profile = Profile(
        queries=tuple(f"q{n}" for n in range(queries)),
        cells=cells,
        answers=tuple("0123"),
        digest="",
    )
    plan = Plan(
        flow=graph.Vote(tuple(Call("solver", f"solver.{n}") for n in range(3))),
        settings={"solver": tuple(names)},
        latency="p95",
        width=None,
        confidence=0.9,
        wishes={},
    )
    start = time.process_time()
    found = Composer(plan, profile).composed(new_problems=300)
    taken = time.process_time() - start
    return {
        "configurations": found.searched,
        "ms": 1000 * taken,
        "front": len(found.configurations),
    }


MEASURED: dict[str, Callable[[], dict[str, Any]]] = {
    "exact front, published space": lambda: exact("published"),
    "exact front, a setting a slot": lambda: exact("slots"),
    "per query, NumPy": lambda: enumerated(fast=False),
    "per query, numba": lambda: enumerated(fast=True),
    "trade-off set, 3-vote of 43": composed,
}


def measured(checkout: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return every measurement, each made in a process of its own.

    ``checkout`` is one of FlowCompile, whose own code is measured too.
    """
    found = {name: _apart("bench.flow_speed", name) for name in MEASURED}
    if checkout is not None:
        found["FlowCompile's own code"] = _apart("bench.flow_beside", str(checkout))
    return found


def _apart(module: str, asked: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, asked], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout))


def peak_kb() -> int:
    """Return the most memory that this process held, in KiB.

    `VmHWM` where there is one: `ru_maxrss` starts at the peak of the process that began this one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text("utf-8").splitlines() if status.exists() else []
    held = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return held[0] if held else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _best(work: Callable[[], Any], times: int) -> tuple[Any, float]:
    work()
    taken = []
    for _ in range(times):
        start = time.process_time()
        found = work()
        taken.append(time.process_time() - start)
    return found, min(taken)


if __name__ == "__main__":
    figures = MEASURED[sys.argv[1]]()
    print(json.dumps(figures | {"peak_mb": round(peak_kb() / 1024, 1)}))
