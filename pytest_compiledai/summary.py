"""The summary of a run: lines of text with a colour each; pure, so it can be tested as is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Result

if TYPE_CHECKING:
    from pytest_compiledai.core.lock import Lock

_SHOWN_REMARKS = 3

COLOURS = {
    Outcome.FROZEN: "green",
    Outcome.RENEWED: "cyan",
    Outcome.UNCHANGED: "white",
    Outcome.REJECTED: "red",
    Outcome.STALE: "yellow",
    Outcome.ERROR: "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the summary; ``colour`` is a markup name of pytest's terminal writer."""

    text: str
    colour: str = ""
    bold: bool = False
    dim: bool = False

    @property
    def markup(self) -> dict[str, bool]:
        """The keyword arguments of pytest's terminal writer."""
        names = [self.colour] if self.colour else []
        names += ["bold"] if self.bold else []
        names += ["light"] if self.dim else []
        return dict.fromkeys(names, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDiff:
    """Entries that a run added, changed or dropped."""

    path: str
    added: Mapping[str, str] = field(default_factory=dict)  # name -> digest of its entry
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # before, after
    dropped: tuple[str, ...] = ()

    @classmethod
    def between(cls, path: str, before: Lock, after: Lock) -> LockDiff:
        """Return what changed from one state of the lock at ``path`` to another."""
        old, new = before.entries, after.entries
        return cls(
            path=path,
            added={name: entry.digest for name, entry in new.items() if name not in old},
            changed={
                name: (old[name].digest, entry.digest)
                for name, entry in new.items()
                if name in old and old[name] != entry
            },
            dropped=tuple(name for name in old if name not in new),
        )

    @property
    def is_empty(self) -> bool:
        """Whether the lock stayed as it was."""
        return not (self.added or self.changed or self.dropped)


def break_even(result: Result) -> int | None:
    """Return after how many calls the tokens of compiling are earned back.

    Tokens of every exchange the artifact rests on (proposals, repairs, reference answers) over the
    tokens of one direct call of the model; None where either is unknown. A run that took an
    artifact as it stood has asked for no proposal, so it cannot tell.
    """
    if result.outcome is not Outcome.FROZEN:
        return None
    total = result.cost.tokens_in + result.cost.tokens_out
    if not total or not result.reference_tokens:
        return None
    return math.ceil(total / result.reference_tokens)


def pays_after(result: Result) -> str:
    """Return when compiling is earned back: in calls, else in a gate's own words; or nothing."""
    calls = break_even(result)
    if calls is not None:
        return f"{calls:,} call{'s' if calls != 1 else ''}"
    told = (verdict.figures.get("pays_after", "") for verdict in result.verdicts)
    return next(filter(None, told), "")


def unit_lines(results: Sequence[Result], *, verbose: bool) -> list[Line]:
    """Return one line a unit, and with ``verbose`` one a gate."""
    width = max((len(result.unit) for result in results), default=0)
    lines: list[Line] = []
    for result in results:
        text = f"{result.outcome:<9} {result.unit:<{width}}  {_gates(result)}{_price(result)}"
        lines.append(Line(text=text.rstrip(), colour=COLOURS[result.outcome]))
        if verbose:
            lines.extend(_figures(result))
    return lines


def total_lines(results: Sequence[Result], *, live: bool | None) -> list[Line]:
    """Return the counts and the tokens of the whole run; ``live`` is None where it is unknown."""
    counts = Counter(result.outcome for result in results)
    shown = [Outcome.FROZEN, Outcome.RENEWED, Outcome.UNCHANGED, Outcome.REJECTED]
    shown += [outcome for outcome in (Outcome.STALE, Outcome.ERROR) if counts[outcome]]
    bad = any(not result.accepted for result in results)
    lines = [
        Line(
            text=", ".join(f"{counts[outcome]} {outcome}" for outcome in shown),
            colour="red" if bad else "green",
            bold=True,
        )
    ]
    tokens_in = sum(result.cost.tokens_in for result in results)
    tokens_out = sum(result.cost.tokens_out for result in results)
    if tokens_in or tokens_out:
        spent_in = sum(result.spent.tokens_in for result in results)
        spent_out = sum(result.spent.tokens_out for result in results)
        source = f" ({spent_in:,} in, {spent_out:,} out asked now)" if live else " (all replayed)"
        text = f"tokens {tokens_in:,} in, {tokens_out:,} out"
        lines.append(Line(text=text if live is None else f"{text}{source}"))
    return lines


def builtin_lines(results: Sequence[Result]) -> list[Line]:
    """Return which units were made without a model, and what one would add."""
    made = [result for result in results if result.model == BUILTIN]
    if not made:
        return []
    asked = "other inputs may be answered by a program of a model: --compile-model NAME"
    text = f"{len(made)} by {BUILTIN}, no model asked: it abstains where it is not sure; {asked}"
    return [Line(text=text)]


def sandbox_lines(sandboxes: Sequence[Mapping[str, str]]) -> list[Line]:
    """Return which sandbox held the code, and why not a stronger one."""
    return [
        Line(
            text=f"sandbox {item['name']}: {item['wall']}"
            + (f" (not {item['reason']})" if item["reason"] else ""),
            dim=True,
        )
        for item in sandboxes
    ]


def remark_lines(remarks: Sequence[str]) -> list[Line]:
    """Return what a reviewer should look at, the first few where there is much of it."""
    more = len(remarks) - _SHOWN_REMARKS
    lines = [Line(text=f"look at {remark}", colour="yellow") for remark in remarks[:_SHOWN_REMARKS]]
    return [*lines, Line(text=f"and {more} more like it", colour="yellow")] if more > 0 else lines


def lock_lines(diff: LockDiff) -> list[Line]:
    """Return what changed in the lock."""
    if diff.is_empty:
        return [Line(text=f"{diff.path} unchanged", dim=True)]
    counts = f"+{len(diff.added)} ~{len(diff.changed)} -{len(diff.dropped)}"
    lines = [Line(text=f"{diff.path} {counts}", bold=True)]
    lines += [
        Line(text=f'  + [artifact."{name}"] entry {digest[:12]}', colour="green")
        for name, digest in sorted(diff.added.items())
    ]
    lines += [
        Line(text=f'  ~ [artifact."{name}"] entry {old[:12]} -> {new[:12]}', colour="yellow")
        for name, (old, new) in sorted(diff.changed.items())
    ]
    lines += [Line(text=f'  - [artifact."{name}"]', colour="red") for name in sorted(diff.dropped)]
    if diff.changed:
        lines.append(Line(text=f"  what changed: compiledai diff {min(diff.changed)}", dim=True))
    return lines


def _gates(result: Result) -> str:
    if result.trouble is not None:
        return f"{result.trouble.where}: found {result.trouble.found}"
    failed = result.failed_gate()
    if failed is not None:
        return f"failed {failed}"
    passed = sum(verdict.passed for verdict in result.verdicts)
    text = f"{passed}/{len(result.gates)} gates{_accuracy(result)}"
    return f"{text}  off: {', '.join(result.off)}" if result.off else text


def _accuracy(result: Result) -> str:
    verdict = result.verdict("accuracy")
    if verdict is None or "accuracy" not in verdict.figures:
        return ""
    interval = verdict.figures.get("interval") or {}
    span = f" [{interval['low']:.2f}, {interval['high']:.2f}]" if interval else ""
    return f"  accuracy {verdict.figures['accuracy']:.3f}{span}{accuracy_limits(verdict.figures)}"


def accuracy_limits(figures: Mapping[str, Any]) -> str:
    """Return what an accuracy leaves out: unanswered rows, and that no test row was looked at."""
    split, coverage = figures.get("split", "test"), figures.get("coverage", 1.0)
    text = f" of {split} rows" if split != "test" else ""
    return text + (f", coverage {coverage:.3f}" if coverage < 1 else "")


def _price(result: Result) -> str:
    after = pays_after(result)
    tokens = result.cost.tokens_in + result.cost.tokens_out
    is_proposed = result.outcome in {Outcome.FROZEN, Outcome.REJECTED}
    told = [f"{tokens:,} tokens"] if tokens and is_proposed else []
    told += [f"pays after {after}"] if after else []
    return f"  {', '.join(told)}" if told else ""


def _figures(result: Result) -> list[Line]:
    lines = []
    for verdict in result.verdicts:
        text = ", ".join(f"{key} {value}" for key, value in verdict.plain_figures().items())
        mark = "passed" if verdict.passed else "failed"
        lines.append(Line(text=f"    {verdict.gate:<10} {mark}  {text}".rstrip(), dim=True))
    return lines
