"""How a failed item reads: rows and lines first, one next command last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.llm.redact import redact

if TYPE_CHECKING:
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Finding
    from pytest_compiledai.core.verdict import Verdict

SHOWN_FINDINGS = 10


class GateFailed(Exception):
    """A gate found something against the chosen candidate."""

    def __init__(self, verdict: Verdict, *, next: str) -> None:  # noqa: A002 - as in errors.py
        self.verdict = verdict
        self.next = next
        first = verdict.findings[0] if verdict.findings else None
        super().__init__(finding_line(first) if first else f"{verdict.gate} failed")


def finding_line(finding: Finding) -> str:
    """Return a finding on one line: place, message, rule."""
    place = f"{finding.path}:{finding.line}" if finding.path and finding.line else finding.path
    message = finding.message
    if place and finding.line:
        message = re.sub(rf"^line {finding.line}:? ", "", message)  # the place says it
    lead = f"{place}: " if place and not message.startswith(place) else ""
    return f"{lead}{message} [{finding.rule}]"


def render_failure(error: GateFailed | CompiledAIError, unit: Unit) -> str:
    """Return the text pytest shows for a failed item; what looks like a key is taken out."""
    return redact(_rendered(error, unit))


def _rendered(error: GateFailed | CompiledAIError, unit: Unit) -> str:
    if isinstance(error, CompiledAIError):
        lines = [f"{error.where}", f"  found     {error.found}", f"  expected  {error.expected}"]
        return "\n".join([*lines, f"next: {error.next or next_command(unit)}"])
    findings = error.verdict.findings
    lines = [finding_line(finding) for finding in findings[:SHOWN_FINDINGS]]
    if len(findings) > SHOWN_FINDINGS:
        lines.append(f"... {len(findings) - SHOWN_FINDINGS} more")
    lines.extend(figure_lines(error.verdict))
    return "\n".join([*lines, f"next: {error.next}"])


def figure_lines(verdict: Verdict) -> list[str]:
    """Return the figures of a verdict as indented lines; nested values are left to the report."""
    plain = verdict.plain_figures()
    if not plain:
        return []
    return ["  " + ", ".join(f"{key} {value}" for key, value in plain.items())]


def next_command(unit: Unit) -> str:
    """Return the command that runs this unit again."""
    return f"pytest --compile {unit.place.path}::{unit.name}"


def collect_fault(nodeid: str, text: str) -> str:
    """Return on one line why a file could not be collected; ``text`` is what pytest shows."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ours = [line for line in lines if ": found " in line and "; expected " in line]
    if ours:
        return ours[0]
    last = lines[-1].removeprefix("E   ") if lines else "nothing"
    return f"{nodeid}: found {last}; expected a file pytest can read"
