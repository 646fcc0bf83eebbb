"""What every form of a report is made from."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Result
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.report.places import Places
from pytest_compiledai.summary import Line
from pytest_compiledai.summary import LockDiff
from pytest_compiledai.summary import sandbox_lines
from pytest_compiledai.summary import total_lines


class Failure(NamedTuple):
    """One reason why a unit was not accepted: a gate's finding, or why nothing was judged."""

    result: Result
    gate: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The results of a run, what changed in the lock, and where findings point."""

    results: Sequence[Result]
    mode: str
    places: Places
    live: bool | None = False  # None where a report does not tell
    diff: LockDiff | None = None
    sandboxes: Sequence[Mapping[str, str]] = ()  # as `summary.sandbox_lines` shows them
    outside: Sequence[str] = ()  # what failed and belongs to no unit: a spec that cannot be read

    def head(self) -> list[Line]:
        """Return the lines about the run as a whole: counts, tokens, what held the code."""
        return [*total_lines(self.results, live=self.live), *sandbox_lines(self.sandboxes)]

    def gates(self) -> list[str]:
        """Return the gates of all units, in the order of their first appearance."""
        names = [gate for result in self.results for gate in (*result.gates, *result.off)]
        return list(dict.fromkeys(names))

    def failures(self) -> Iterator[Failure]:
        """Yield every reason of every unit that was not accepted, in the order of units."""
        for result in self.results:
            if result.trouble is not None:
                yield Failure(result, "compile", _finding_of(result))
            for verdict in result.verdicts:
                for finding in verdict.findings:
                    yield Failure(result, verdict.gate, finding)

    def place(self, failure: Failure) -> Place:
        """Return where a failure points in the repository."""
        return self.places.of(failure.result, failure.finding)


def gate_outcome(result: Result, gate: str) -> str:
    """Return ``passed``, ``failed``, ``skipped`` or ``off``."""
    if gate in result.off:
        return "off"
    verdict = result.verdict(gate)
    if verdict is None:
        return "skipped"
    return "passed" if verdict.passed else "failed"


def _finding_of(result: Result) -> Finding:
    trouble = result.trouble
    assert trouble is not None
    return Finding(rule=f"compile.{result.outcome}", message=str(trouble.error()))
