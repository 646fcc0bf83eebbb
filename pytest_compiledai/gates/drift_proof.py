"""The proof that the drift gate tells good calls from bad: samples of calls, judged at each start.

No sandbox takes part: the samples carry labels.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.assets import asset
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.sampled import Call
from pytest_compiledai.core.sampled import read_calls
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.gates.accuracy import AccuracySettings
from pytest_compiledai.gates.drift import GATE
from pytest_compiledai.gates.drift import Compared
from pytest_compiledai.gates.drift import DriftSettings
from pytest_compiledai.gates.drift import Look
from pytest_compiledai.gates.drift import Production
from pytest_compiledai.gates.scoring import differences

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_compiledai.core.verdict import Verdict

#: The version of the artifact that the samples speak of.
SHA256: Final = "1" * 64


class Sample(NamedTuple):
    """A file of calls: what the gate must find in it, or nothing at all."""

    rule: str
    is_good: bool
    path: Path

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return f"gates/{GATE}/corpus/{'/'.join(self.path.parts[-3:])}"


def samples() -> list[Sample]:
    """Return the whole corpus, sorted by path."""
    found = sorted(asset("gates", GATE, "corpus").glob("*/*/*.jsonl"))
    return [Sample(f"{GATE}.{p.parts[-2]}", p.parts[-3] == "good", p) for p in found]


def smoke() -> list[str]:
    """Return the paths of the samples that the gate judged wrongly; all take milliseconds."""
    known = samples()
    if not all(any(item.is_good is good for item in known) for good in (True, False)):
        return [f"gates/{GATE}/corpus"]
    return [item.name for item in known if not is_told(item)]


def is_told(sample: Sample) -> bool:
    """Whether the gate finds the sample's rule in a bad one, and nothing at all in a good one."""
    found = {item.rule for item in judged(sample).findings}
    return not found if sample.is_good else sample.rule in found


def judged(sample: Sample) -> Verdict:
    """Return the gate's verdict on a sample."""
    task = json.loads(asset("gates", GATE, "corpus", "task.json").read_text(encoding="utf-8"))
    calls = list(read_calls(sample.path, sample.path.name))
    current = [call for call in calls if call.sha256 == SHA256]
    output = Schema.parse(task["output"], _place, closed=True)
    production = Production(
        sha256=SHA256,
        calls=calls,
        where=sample.path.name,
        compared=[_pair(c, c.label, "label") for c in current if c.is_answered and c.label],
        agreed=[
            _pair(c, c.reference, "reference")
            for c in current
            if c.is_answered and c.reference and not c.label
        ],
        bad_labels=[call for call in current if call.label and output.problems(call.label)],
    )
    settings = DriftSettings.parse(task["settings"], AccuracySettings(), _place, agreement=0.95)
    return Look(
        production, task["golden"], Schema.parse(task["input"], _place), output, settings
    ).verdict()


def _pair(call: Call, right: Any, basis: str) -> Compared:
    found = {item.path for item in differences(right, call.output, {})}
    return Compared(call=call, basis=basis, differs=tuple(sorted(found)))


def _place(*keys: Any) -> Place:
    del keys
    return Place(path=f"gates/{GATE}/corpus/task.json")
