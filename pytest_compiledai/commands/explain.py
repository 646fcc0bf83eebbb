"""`compiledai explain`: why a frozen unit has its verdict, what it costs, where its spec is weak.

The unit is judged again as in locked mode; then mistakes are planted in its artifact, and those
that every gate lets through show what the golden rows do not say. Nothing is written.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.commands.cost import cost_lines
from pytest_compiledai.commands.cost import cost_of
from pytest_compiledai.commands.units import entry_of
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.split import Split
from pytest_compiledai.failure import finding_line
from pytest_compiledai.rejudged import rejudged
from pytest_compiledai.weakspots import Difference
from pytest_compiledai.weakspots import Tried
from pytest_compiledai.weakspots import weak_spots

if TYPE_CHECKING:
    from pytest_compiledai.core.result import Result
    from pytest_compiledai.functions.spec import FunctionSpec
    from pytest_compiledai.run import Run


def explain(root: Path, lock: Path, name: str, *, most: int, as_json: bool) -> int:
    """Print the verdicts and the weak spots of a unit; 1 where a gate failed or a spot is weak.

    Raises ``SettingsError`` for a unit that is not frozen and ``ArtifactError`` where pytest gives
    no result of it.
    """
    root = root.resolve()
    entry = entry_of(lock, name)

    def work(run: Run, result: Result) -> dict[str, Any]:
        tried: list[Tried] = []
        spec: FunctionSpec = run.selected[name].body
        cost = cost_of(spec, entry, result, run.project.recordings_of(entry.spec))
        if result.accepted and most:
            unit = run.selected[name]
            files = {path: run.store.get_bytes(at) for path, at in result.files.items()}
            tried = weak_spots(run, unit, files, most=most, say=_progress)
            _progress("")
        return {
            **_standing(result),
            "entry": entry.digest,
            "cost": cost,
            **_mutation(spec, tried),
        }

    document = rejudged(root, entry.spec, name, work)
    print(  # noqa: T201 - a command speaks
        json.dumps(document, ensure_ascii=False, indent=2) if as_json else _text(document)
    )
    return int(document["outcome"] != "unchanged" or bool(document["weak_spots"]))


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _standing(result: Result) -> dict[str, Any]:
    """Return the outcome, the reason where nothing was judged, and each gate with its figures."""
    trouble = result.trouble
    return {
        "name": result.unit,
        "spec": result.spec,
        "outcome": result.outcome.value,
        "reason": str(trouble.error()) if trouble else "",
        "gates": {
            verdict.gate: {
                "outcome": "passed" if verdict.passed else "failed",
                "findings": [finding_line(finding) for finding in verdict.findings],
                "figures": dict(verdict.figures),
            }
            for verdict in result.verdicts
        },
    }


def _mutation(spec: FunctionSpec, tried: Sequence[Tried]) -> dict[str, Any]:
    killed = Counter(item.killed_by for item in tried if item.killed_by)
    survivors = [item for item in tried if item.survived]
    weak = [item for item in survivors if item.difference is not None]
    return {
        "mutants": len(tried),
        "killed": dict(sorted(killed.items())),
        "survived": len(survivors),
        "weak_spots": [
            _spot(spec, item, item.difference) for item in weak if item.difference is not None
        ],
        "alike": [str(item.mutant) for item in survivors if item.difference is None],
    }


def _spot(spec: FunctionSpec, item: Tried, found: Difference) -> dict[str, Any]:
    mistake = {"mutant": str(item.mutant), "line": item.mutant.line, "kind": item.mutant.kind}
    got = {"status": found.status, "output": found.got}
    if found.golden:
        settings = spec.accuracy
        bound = "coverage" if found.status == "abstain" else "threshold"
        return mistake | {
            "way": "tolerated",
            "property": f"{found.golden} is answered differently, which `{bound}: "
            f"{getattr(settings, bound):g}` lets pass; `{bound}: 1` would not",
            "mutant_answers": got,
        }
    row = {
        "id": f"weak-{digest_of(found.input)[:12]}",
        "input": found.input,
        "output": found.output,  # null where the artifact abstains: the row demands that
    }
    split, needed = _rows_needed(spec, found)
    return mistake | {
        "way": "row",
        "row": row | {"split": split},
        "rows_needed": needed,  # such rows, until the tolerance is used up
        "note": "check the answer before you keep it",
        "mutant_answers": got,
    }


def _rows_needed(spec: FunctionSpec, found: Difference) -> tuple[str, int]:
    """Return the split in which the fewest rows like it make the gate fail, and how many."""
    settings = spec.accuracy
    bar = settings.coverage if found.status == "abstain" else settings.threshold
    # Rows that demand an abstention are a share of their own, and may be the first of a split.
    rows = [row for row in spec.rows if row.demands_abstention is found.abstained]
    sizes = {split.value: sum(row.split is split for row in rows) for split in Split}
    counts = {
        name: next(k for k in itertools.count(1) if bar == 0 or size < bar * (size + k))
        for name, size in sizes.items()
        if size or found.abstained
    }
    return min(counts.items(), key=lambda item: item[1])


def _text(document: dict[str, Any]) -> str:
    lines = [f"{document['name']}: {document['outcome']} ({document['spec']})"]
    if document["reason"]:
        lines.append(document["reason"])
    for gate, verdict in document["gates"].items():
        lines.append(f"  {gate:10} {verdict['outcome']:7} {_figures(verdict['figures'])}".rstrip())
        lines += [f"    {text}" for text in verdict["findings"]]
    lines += cost_lines(document["cost"])
    if document["mutants"]:
        lines += _mutants_text(document)
    return "\n".join(lines)


def _mutants_text(document: dict[str, Any]) -> list[str]:
    killed = ", ".join(f"{gate} {count}" for gate, count in document["killed"].items())
    total = sum(document["killed"].values())
    weak, alike = len(document["weak_spots"]), len(document["alike"])
    by_gate = f" ({killed})" if killed else ""
    lines = [
        f"mutants: {document['mutants']}, killed {total}{by_gate}, survived {weak + alike}",
        f"  {weak} weak spots, {alike} that no input found tells apart",
    ]
    for spot in document["weak_spots"]:
        lines.append(f"weak spot: {spot['mutant']}")
        if spot["way"] == "row":
            more = "" if spot["rows_needed"] == 1 else f" (it takes {spot['rows_needed']} like it)"
            lines.append(
                f"  a row that tells them apart{more}; check the answer before you keep it:"
            )
            lines.append(f"  {json.dumps(spot['row'], ensure_ascii=False)}")
        else:
            lines.append(f"  {spot['property']}")
        got = spot["mutant_answers"]
        shown = "" if got["output"] is None else f" {json.dumps(got['output'], ensure_ascii=False)}"
        lines.append(f"  the mutant: {got['status']}{shown}")
    return lines


def _figures(figures: dict[str, Any]) -> str:
    plain = {name: value for name, value in figures.items() if not isinstance(value, dict | list)}
    return ", ".join(f"{name} {value}" for name, value in plain.items())
