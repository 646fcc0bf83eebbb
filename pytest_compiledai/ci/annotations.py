"""What a pull request shows beside its lines: the first reason of each unit, at most ten.

GitHub shows ten annotations of a step and drops the rest without a word, so the tenth says how
many units more the summary tells of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_compiledai import github
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Result
from pytest_compiledai.llm.redact import redact
from pytest_compiledai.report.facts import Facts

MOST = 10
LONGEST_MESSAGE = 1_000  # characters; the summary has the rest


class Annotation(NamedTuple):
    """One remark, at a place of the repository where it has one."""

    title: str
    message: str
    place: Place | None

    def command(self) -> str:
        """Return the workflow command that shows it."""
        where: dict[str, str | int] = (
            {"file": self.place.path, "line": max(1, self.place.line)} if self.place else {}
        )
        return github.command("error", self.message, **where, title=self.title)


def annotations_of(facts: Facts, *, code: int) -> list[Annotation]:
    """Return what to show of a run that pytest ended with ``code``; empty after a good one."""
    found = [*_outside(facts), *_units(facts)]
    if not found and code:
        message = f"pytest ended with exit code {code} and no finding; next: read the log"
        found = [Annotation("compiledai", message, None)]
    if len(found) < MOST:
        return found
    more = len(found) - (MOST - 1)
    text = f"{more} more {'is' if more == 1 else 'are'} in the job's summary"
    return [*found[: MOST - 1], Annotation("compiledai", text, None)]


def _outside(facts: Facts) -> Iterator[Annotation]:
    for message in facts.outside:
        yield Annotation("compiledai", _short(message), facts.places.named(message))


def _units(facts: Facts) -> Iterator[Annotation]:
    first: dict[str, Annotation] = {}
    for failure in facts.failures():
        title = f"{failure.result.unit}: {failure.gate}"
        annotation = Annotation(title, _short(failure.finding.message), facts.place(failure))
        first.setdefault(failure.result.unit, annotation)
    for result in facts.results:
        if result.unit in first:
            yield first[result.unit]
        elif not result.accepted:
            yield _unsaid(result)


def _unsaid(result: Result) -> Annotation:
    place = Place(path=result.spec, line=max(1, result.line))
    return Annotation(result.unit, f"{result.outcome}; next: read the log", place)


def _short(message: str) -> str:
    # Taken out before it is cut: half a key is not recognised.
    text = redact(message)
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}..."
