"""What came of each task, and the figures of many: counts, shares with intervals, tokens, times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from statistics import mean
from typing import Any

from bench.calls import running
from bench.calls.checker import check
from bench.calls.running import Run
from bench.calls.running import Unit
from bench.calls.tasks import Task
from pytest_compiledai.core.interval import wilson

#: Tokens that answering one request directly costs, as published; a break-even needs a yardstick.
DIRECT_TOKENS = 552
NOT_COMPILED = "not compiled"
COLUMNS = ("n", "right", "wrong", "abstained", "not_compiled", "coverage", "accuracy")


def scored(task: Task, unit: Unit, run: Run) -> dict[str, Any]:
    """Return what came of one task: right, wrong, or why there is no call.

    Where no call is right, a compiled program that abstains is right; no program is no decision.
    A program that fails without having abstained is wrong.
    """
    calls = run.calls.get(task.id)
    row = {"id": task.id, "category": task.category, "unit": unit.name, "calls": calls}
    if not is_frozen(run, unit.name):
        return {**row, "result": NOT_COMPILED, "why": NOT_COMPILED}
    if task.id in run.failed:
        return {**row, "result": "wrong", "why": run.failed[task.id]}
    if calls is None:
        why = run.reasons.get(task.id, "")
        return {**row, "result": "abstained" if task.answers else "right", "why": why}
    if not task.answers:
        return {**row, "result": "wrong", "why": "irrelevance:call"}
    wrong = check(task.functions, calls, task.answers, category=task.category)
    return {**row, "result": "wrong" if wrong else "right", "why": wrong}


def is_frozen(run: Run, name: str) -> bool:
    """Return whether a unit has a frozen program."""
    return run.units.get(name, {}).get("outcome") in ("frozen", "renewed", "unchanged")


def is_clean(unit: Mapping[str, Any]) -> bool:
    """Return whether a unit passed the syntax gate: `mypy --strict`, Ruff, and its complexity."""
    return bool(unit.get("gates", {}).get("syntax", {}).get("outcome") == "passed")


def figures(rows: Sequence[dict[str, Any]], units: int, run: Run) -> dict[str, Any]:
    """Return the figures of all tasks and of each category; ``units`` are all distinct ones."""
    tokens = [unit["tokens"] for unit in run.units.values()]
    spent = sum(item["in"] + item["out"] for item in tokens)
    frozen = [name for name in run.units if is_frozen(run, name)]
    categories = sorted({row["category"] for row in rows})
    called = [row for row in rows if row["category"] != "irrelevance"]
    return {
        "units": units,
        "asked": len(run.units),
        "frozen": len(frozen),
        "clean": sum(is_clean(run.units[name]) for name in frozen),
        "first_pass": sum(run.units[name]["attempts"] == 1 for name in frozen),
        "attempts": sum(unit["attempts"] for unit in run.units.values()),
        "tokens_in": sum(item["in"] for item in tokens),
        "tokens_out": sum(item["out"] for item in tokens),
        "call_p50_ms": round(running.p50(run), 4),
        "complexity_mean": round(mean(run.complexities or [0]), 2),
        "complexity_max": max(run.complexities or [0]),
        "break_even_calls": -(-spent // (DIRECT_TOKENS * len(frozen))) if frozen else None,
        "refused_by": dict(refused_by(run)),
        "categories": {
            **{name: shares([r for r in rows if r["category"] == name]) for name in categories},
            "all calls": shares(called),
            "all": shares(rows),
        },
    }


def refused_by(run: Run) -> Counter[str]:
    """Return how many units each gate refused for good."""
    return Counter(
        gate
        for name, unit in run.units.items()
        if not is_frozen(run, name)
        for gate, verdict in unit.get("gates", {}).items()
        if verdict["outcome"] == "failed"
    )


def shares(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return counts, coverage x accuracy, and Wilson's 95 % interval of three shares of all tasks.

    They are: right; wrong; and right or abstained, that is, decided by a program and not wrong.
    """
    counts = Counter(row["result"] for row in rows)
    n, right, wrong = len(rows), counts["right"], counts["wrong"]
    answered = right + wrong
    kept = right + counts["abstained"]
    return {
        "n": n,
        "right": right,
        "wrong": wrong,
        "abstained": counts["abstained"],
        "not_compiled": counts[NOT_COMPILED],
        "coverage": round(answered / n, 4) if n else 0.0,
        "accuracy": round(right / answered, 4) if answered else 0.0,
        **_share("right", right, n),
        **_share("kept", kept, n),
        **_share("wrong", wrong, n),
    }


def _share(name: str, count: int, n: int) -> dict[str, float]:
    span = wilson(count, n)
    share = round(count / n, 4) if n else 0.0
    return {
        f"{name}_share": share,
        f"{name}_low": round(span.low, 4),
        f"{name}_high": round(span.high, 4),
    }


def table(found: Mapping[str, Any]) -> str:
    """Return the figures as text."""
    return "\n".join(_lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'tasks':14}" + "".join(f"{name:>13}" for name in COLUMNS) + "  share [95 %] of"
    for name, item in found["categories"].items():
        cells = "".join(f"{item[key]:13}" for key in COLUMNS)
        yield f"{name:14}{cells}  {_spans(item)}"
    yield (
        f"{found['units']} distinct units, {found['asked']} asked for, {found['frozen']} frozen"
        f" ({found['first_pass']} at the first attempt), {found['attempts']} attempts"
        f"{_refusals(found['refused_by'])}"
    )
    yield (
        f"tokens {found['tokens_in']:,} in, {found['tokens_out']:,} out; {_break_even(found)}"
        f" ({DIRECT_TOKENS} tokens a direct call)"
    )
    yield (
        f"a call takes {found['call_p50_ms']:.3f} ms (P50, CPU); cyclomatic complexity of a"
        f" function {found['complexity_mean']} (mean), {found['complexity_max']} (most);"
        f" {found['clean']} of {found['frozen']} clean under mypy --strict and Ruff"
    )
    if found["mode"] == "function":
        yield f"{found['units']} schemas with several requests: too few to claim anything"


def _spans(item: Mapping[str, Any]) -> str:
    named = {"right": "right", "kept": "right or abstained", "wrong": "wrong"}
    return ", ".join(
        f"{text} {item[f'{key}_share']:.3f} [{item[f'{key}_low']:.3f}, {item[f'{key}_high']:.3f}]"
        for key, text in named.items()
    )


def _break_even(found: Mapping[str, Any]) -> str:
    calls = found["break_even_calls"]
    if calls is None:
        return "nothing is frozen that could earn tokens back"
    return f"earned back after {calls} calls of each of {found['frozen']} distinct programs"


def _refusals(gates: Mapping[str, int]) -> str:
    told = ", ".join(f"{gate} {count}" for gate, count in gates.items())
    return f"; refused for good by {told}" if told else ""
