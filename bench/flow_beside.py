"""FlowCompile's own code beside ours, where a checkout of it is given by path.

    python -m bench.flow_beside CHECKOUT

Nothing of it is copied; what it imports (pandas and more) has to be installed. Its formula is run
on every configuration of its mathematics workflow, 13 settings a sub-agent, and its front compared
with that of our search. It runs the checkout's code: give one that you trust.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.flow_speed import AGENTS
from bench.flow_speed import means
from bench.flow_speed import peak_kb
from bench.flow_speed import published_space
from pytest_compiledai.workflows.front import undominated
from pytest_compiledai.workflows.search import Means
from pytest_compiledai.workflows.search import search

SETTINGS = 13
#: Our names of its sub-agents -> its own.
NAMES = dict(
    zip(
        AGENTS,
        ("programmer", "refine_solver", "detailed_solver", "generate_solver", "sc_ensemble"),
        strict=True,
    )
)


def some_means() -> dict[str, Means]:
    """Return 13 of the settings of each sub-agent."""
    rng = np.random.default_rng(1)
    found = {}
    for agent, of in means(0).items():
        kept = np.sort(rng.choice(len(of.seconds), SETTINGS, replace=False))
        found[agent] = Means(of.seconds[kept], of.accuracy[kept])
    return found


def theirs(checkout: Path, given: dict[str, Means]) -> tuple[np.ndarray, int, float]:
    """Return the undominated (seconds, accuracy) [N, 2], how many were enumerated, and seconds."""
    sys.path.insert(0, str(checkout / "src"))
    import pandas as pd
    from flowcompile.workflows.dsl_registry import get_workflow_module

    metrics = {
        NAMES[agent]: pd.DataFrame(
            {
                "setting": [f"s{n}" for n in range(SETTINGS)],
                "accuracy": of.accuracy,
                "latency": of.seconds,
            }
        )
        for agent, of in given.items()
    }
    workflow = get_workflow_module("math")
    # As it compiles: structures of a single branch are left out.
    kept = [s for s in workflow.enumerate_structures() if int(s.get("total_branches") or 2) > 1]
    fronts, count, start = [np.empty((0, 2))], 0, time.process_time()
    for structure in kept:
        frame = workflow.backward({"structure": structure, "metrics": metrics})
        figures = frame[["workflow_latency", "workflow_accuracy"]].to_numpy(dtype=float)
        count += len(figures)
        fronts.append(figures[undominated(figures[:, 0], figures[:, 1])])
    taken = time.process_time() - start
    every = np.concatenate(fronts)
    return every[undominated(every[:, 0], every[:, 1])], count, taken


def beside(checkout: Path) -> dict[str, Any]:
    """Return configurations a second and bytes each of their code, and whether fronts are equal."""
    given = some_means()
    before = peak_kb()
    front, count, taken = theirs(checkout, given)
    grown = peak_kb() - before
    start = time.process_time()
    ours = search(published_space(), given).front
    ms = 1000 * (time.process_time() - start)
    same = len(ours) == len(front) and np.allclose(
        np.stack([ours.seconds, ours.accuracy], axis=1), front, rtol=1e-9
    )
    return {
        "configurations": count,
        "ms": 1000 * taken,
        "millions_per_second": count / taken / 1e6,
        "bytes_each": 1024 * grown / SETTINGS ** len(AGENTS),
        "front": len(front),
        "ours_ms": ms,
        "same_front": float(same),
    }


if __name__ == "__main__":
    print(json.dumps(beside(Path(sys.argv[1]))))
