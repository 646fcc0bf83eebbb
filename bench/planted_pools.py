"""Pools of programs with planted mistakes, put together: what is right, wrong, not answered then.

    python -m bench.planted_pools [--units N] [--pairs N] [--seed N] [--json FILE]

Shipped examples are compiled from their recordings; their programs get one small mistake each, as
`bench.mutation` plants them. Of those that pass security, syntax and execution and are wrong on a
row, pairs are drawn. The better program of a pair, by the validation rows, is held against its
fields put together and against what both agree on; what counts are the test rows, which none of
these choices saw. No model is asked and nothing here says how often a model errs like this.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.mutation import project
from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Judged
from pytest_compiledai.core.pipeline import judge_through
from pytest_compiledai.functions import judging
from pytest_compiledai.functions.composing import compose
from pytest_compiledai.functions.declaring import AGREEMENT
from pytest_compiledai.functions.declaring import FIELDS
from pytest_compiledai.functions.declaring import Proposing
from pytest_compiledai.functions.mutants.mutant import mutants
from pytest_compiledai.functions.weights import code_path
from pytest_compiledai.rejudged import rejudged

#: Examples with several fields.
UNITS = ("extract_invoice", "normalise_money", "parse_log_line", "route_ticket", "book_table")
GATES = ("security", "syntax", "execution", "accuracy")
MUTANTS = 60  # of a program; many crash or change nothing


def tried(root: Path, name: str, pairs: int, seed: int) -> list[dict[str, Any]]:
    """Return what became of each pair of one unit."""

    def work(run: Any, result: Any) -> list[dict[str, Any]]:
        unit = run.selected[name]
        address = result.files[code_path(name)]
        pool = planted(run, unit, run.store.get_bytes(address).decode("utf-8"), seed)
        chance = random.Random(seed)
        couples = [(one, two) for n, one in enumerate(pool) for two in pool[n + 1 :]]
        drawn = chance.sample(couples, min(pairs, len(couples)))
        return [{"unit": name, **measured(run, unit, pair)} for pair in drawn]

    return rejudged(root, f"examples/function/{name}.yaml", name, work)


def planted(run: Any, unit: Any, text: str, seed: int) -> list[Judged]:
    """Return sound programs with a mistake that a train or validation row shows."""
    path = code_path(unit.name)
    made = [
        Candidate(files={path: mutant.text.encode("utf-8")}, proposer="mutant", attempt=1)
        for mutant in mutants(text, most=MUTANTS, seed=seed)
    ]
    run.bench.of(unit).scans([r for one in made for r in judging.sources(unit, one)])
    pool = [judged(run, unit, candidate, Phase.SELECT) for candidate in made]
    return [one for one in pool if len(one.verdicts) == len(GATES) and score_of(one)["wrong"]]


def judged(run: Any, unit: Any, candidate: Candidate, phase: Phase) -> Judged:
    """Return a candidate with its verdicts of the gates that look at text and rows."""
    verdicts = judge_through(GATES, lambda gate: run.judge(gate, unit, candidate, phase))
    return Judged(candidate=candidate, verdicts=verdicts)


def score_of(one: Judged) -> Counter[str]:
    """Return the rows right, wrong and not answered, of the split that decides."""
    figures = one.verdicts[-1].figures
    counts = {"right": figures["right"], "wrong": figures["answered"] - figures["right"]}
    return Counter({**counts, "abstained": figures["rows"] - figures["answered"]})


def measured(run: Any, unit: Any, pair: Sequence[Judged]) -> dict[str, Any]:
    """Return the scores on the test rows of the better program and of both put together."""
    best = max(pair, key=lambda one: judging.rank(one.verdicts))
    found = {"single": test_score(run, unit, best.candidate)}
    # Agreement asks for programs that passed; which mistakes the gates would have found is not
    # what is measured here.
    passed = [replace(one, verdicts=one.verdicts[:-1]) for one in pair]
    for way, pool in ((FIELDS, pair), (AGREEMENT, passed)):
        spec = replace(unit.body, proposing=Proposing(compose=(way,)))
        made = next(iter(compose(replace(unit, body=spec), pool)), None)
        chosen = best.candidate
        if made is not None:
            both = judged(run, unit, made.candidate, Phase.SELECT)
            gains = len(both.verdicts) == len(GATES) and (
                way == AGREEMENT or judging.rank(both.verdicts) > judging.rank(best.verdicts)
            )
            chosen = both.candidate if gains else chosen
        found[way] = test_score(run, unit, chosen)
        found[way]["composed"] = chosen is not best.candidate
    return found


def test_score(run: Any, unit: Any, candidate: Candidate) -> dict[str, Any]:
    """Return the test rows right, wrong and not answered."""
    verdict = run.judge("accuracy", unit, candidate, Phase.ACCEPT)
    return dict(score_of(Judged(candidate=candidate, verdicts=(verdict,))))


def main() -> None:
    """Measure and print a table; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=len(UNITS))
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = list(UNITS[: options.units])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project(root, names)
        rows = [row for n in names for row in tried(root, n, options.pairs, options.seed)]
    print(f"{len(rows)} pairs of {len(names)} units; test rows of all of them")
    for way in ("single", FIELDS, AGREEMENT):
        total = sum((Counter(row[way]) for row in rows), Counter())
        n = sum(total[key] for key in ("right", "wrong", "abstained"))
        cells = "".join(f"  {key} {total[key] / n:6.1%}" for key in ("right", "wrong", "abstained"))
        print(f"  {way:10}{cells}  put together {total['composed']}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
