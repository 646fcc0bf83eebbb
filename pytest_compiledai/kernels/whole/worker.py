"""The process in which models are loaded, exported, run and timed; torch lives here alone.

    python -m pytest_compiledai.kernels.whole.worker JOB.json

The job names what to do, where the model is, and a file for the result. The network is shut first.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.kernels.whole.backends import Run
from pytest_compiledai.kernels.whole.backends import Unsupported
from pytest_compiledai.kernels.whole.backends import backend
from pytest_compiledai.kernels.whole.backends import reason
from pytest_compiledai.kernels.whole.original import Original
from pytest_compiledai.sandbox.offline import end_with_parent
from pytest_compiledai.sandbox.offline import shut

ROUNDS: Final = 15  # of interleaved timing; the interval of the median needs at least six
_ROUND_S: Final = 0.05  # least seconds of one back end in one round
Job = Mapping[str, Any]


def main() -> None:
    """Do one job."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    end_with_parent()
    shut()
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    operations: Mapping[str, Callable[[Job], Any]] = {
        "search": search,
        "export": export,
        "compare": compare,
        "time": timed,
    }
    result = operations[job["op"]](job)
    Path(job["result"]).write_text(json.dumps(result), encoding="utf-8")


def search(job: Job) -> dict[str, Any]:
    """Return for each back end why it cannot be taken, or how it matches and how fast it is."""
    original = Original(job)
    inputs = [original.arrays(row) for row in job["rows"]]
    found: dict[str, dict[str, Any]] = {}
    runs: dict[str, Run] = {}
    reference = backend("eager").load(original.module, b"")
    for name in job["frameworks"]:
        start = time.perf_counter()
        try:
            run = _built(name, original, inputs)
            built_s = time.perf_counter() - start
            figures = _closest(reference, run, inputs)
        except Exception as error:  # noqa: BLE001 - whatever a back end raises is its refusal
            told = isinstance(error, Unsupported) and str(error)
            found[name] = {"refused": told or reason(error)}
            continue
        found[name] = {"built_s": round(built_s, 3), **figures}
        if "refused" not in figures:
            runs[name] = run
    for name, figures in _interleaved(runs, inputs).items():
        found[name] |= figures | _arithmetic(name)
    return found


def export(job: Job) -> dict[str, Any]:
    """Write the model in a back end's form; return whether it has one."""
    original = Original(job)
    chosen = backend(job["framework"])
    data = chosen.export(original.module, original.example(), original.axes())
    Path(job["file"]).write_bytes(data)
    return {"bytes": len(data)}


def compare(job: Job) -> list[dict[str, Any]]:
    """Return for each row how the frozen model compares with the original, called twice."""
    original = Original(job)
    reference = backend("eager").load(original.module, b"")
    if not original.repeats():
        return [{"failed": "the builder gives other weights each time"} for _ in job["rows"]]
    run = _frozen(job, original)
    found = []
    for row in job["rows"]:
        arrays = original.arrays(row)
        try:
            one, again = run(arrays), run(arrays)
        except Exception as error:  # noqa: BLE001 - whatever a back end raises is its answer
            found.append({"failed": reason(error)})
            continue
        same: dict[str, Any] = {"same": _same(one, again)}
        found.append(same | _compared(reference(arrays), one))
    return found


def timed(job: Job) -> dict[str, Any]:
    """Return the interleaved times of the frozen model and of the framework's own path."""
    original = Original(job)
    runs = {"eager": backend("eager").load(original.module, b""), "frozen": _frozen(job, original)}
    found = _interleaved(runs, [original.arrays(row) for row in job["rows"]])
    found["frozen"] |= _arithmetic(job["framework"])
    return found


def _built(name: str, original: Original, inputs: Sequence[Sequence[Any]]) -> Run:
    chosen = backend(name)
    data = chosen.export(original.module, original.example(), original.axes())
    run = chosen.load(original.module, data)
    run(inputs[0])  # what compiles at the first call compiles here
    return run


def _frozen(job: Job, original: Original) -> Run:
    """Return what runs the artifact."""
    return backend(job["framework"]).load(original.module, Path(job["file"]).read_bytes())


def _arithmetic(name: str) -> dict[str, str]:
    """Return in what a back end computes here, where it says so."""
    told = getattr(backend(name), "arithmetic", None)
    return {} if told is None else {"arithmetic": told}


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def _closest(reference: Run, run: Run, inputs: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the worst figures over all inputs."""
    each = [_compared(reference(arrays), run(arrays)) for arrays in inputs]
    wrong = [figures["wrong"] for figures in each if "wrong" in figures]
    if wrong:
        return {"refused": wrong[0]}
    return {
        "cosine": min(figures["cosine"] for figures in each),
        "max_error": max(figures["max_error"] for figures in each),
    }


def _compared(expected: Sequence[Any], found: Sequence[Any]) -> dict[str, Any]:
    """Return the least cosine over vectors of the last axis, and the largest difference.

    Both in float64. What is not a number has to be so in both, and infinities have to be equal.
    """
    import numpy as np

    if [a.shape for a in expected] != [b.shape for b in found]:
        shapes = ", ".join(str(b.shape) for b in found)
        return {"wrong": f"outputs of shape {shapes}; expected the original's"}
    cosine, error = 1.0, 0.0
    for a, b in zip(expected, found, strict=True):
        if a.dtype != b.dtype:
            return {"wrong": f"outputs of type {b.dtype}; expected {a.dtype}"}
        one, other = a.astype(np.float64), b.astype(np.float64)
        odd = ~np.isfinite(one) | ~np.isfinite(other)
        if not np.array_equal(one[odd], other[odd], equal_nan=True):
            return {"wrong": "values that are not finite where the original's are, or the reverse"}
        one, other = np.where(odd, 0.0, one), np.where(odd, 0.0, other)
        error = max(error, float(np.abs(one - other).max(initial=0.0)))
        lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
        both_zero = (np.abs(one).max(axis=-1) == 0) & (np.abs(other).max(axis=-1) == 0)
        inner = (one * other).sum(axis=-1)
        cosines = np.where(both_zero, 1.0, inner / np.where(lengths == 0, np.inf, lengths))
        cosine = min(cosine, float(cosines.min(initial=1.0)))
    return {"cosine": cosine, "max_error": error}


def _interleaved(
    runs: Mapping[str, Run], inputs: Sequence[Sequence[Any]]
) -> dict[str, dict[str, Any]]:
    """Return by back end the median milliseconds a call, and how many times eager's speed.

    All take turns in every round, each beginning once in so many rounds. The interval of the
    median ratio is by order statistics: of 15 rounds the 4th and the 12th, at 96 %.
    """
    calls = {name: _calls(run, inputs) for name, run in runs.items()}
    rounds: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(ROUNDS):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            start = time.perf_counter()
            for _ in range(calls[name]):
                for arrays in inputs:
                    runs[name](arrays)
            spent = time.perf_counter() - start
            rounds[name].append(spent / (calls[name] * len(inputs)) * 1e3)
    found = {}
    for name, times in rounds.items():
        ratios = sorted(e / t for e, t in zip(rounds["eager"], times, strict=True))
        middle = ROUNDS // 2
        found[name] = {
            "p50_ms": sorted(times)[middle],
            "ratio": [ratios[3], ratios[middle], ratios[ROUNDS - 4]],
        }
    return found


def _calls(run: Run, inputs: Sequence[Sequence[Any]]) -> int:
    """Return how many passes over the inputs take long enough to be timed; warms up on the way."""
    start = time.perf_counter()
    for arrays in inputs:
        run(arrays)
    once = time.perf_counter() - start
    return max(1, min(1000, int(_ROUND_S / max(once, 1e-6))))


if __name__ == "__main__":
    main()
