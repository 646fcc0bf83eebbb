"""One scan of all sources by all analysers, and its answers as findings of a gate.

Fails closed: a tool that is missing, crashes, runs out of time or does not confirm a file leaves a
fault in that file's report, and the gate that needs the tool turns it into a finding.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_compiledai.assets import asset
from pytest_compiledai.assets import assets_digest
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy import text
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.scanners import bandit_scan
from pytest_compiledai.gates.scanners import mypy_scan
from pytest_compiledai.gates.scanners import parse_scan
from pytest_compiledai.gates.scanners import ruff_scan
from pytest_compiledai.gates.scanners import semgrep_scan
from pytest_compiledai.gates.scanners.answer import Runner
from pytest_compiledai.gates.scanners.answer import answer
from pytest_compiledai.gates.scanners.copies import scratch
from pytest_compiledai.gates.scanners.programs import versions
from pytest_compiledai.gates.scanners.report import ToolFault
from pytest_compiledai.gates.scanners.report import ToolFinding
from pytest_compiledai.gates.scanners.report import ToolReport

__all__ = [
    "ALL",
    "Mypy",
    "ScanRequest",
    "ToolFault",
    "ToolFinding",
    "ToolReport",
    "opinions",
    "policy_digest",
    "scan",
    "versions",
]

Mypy = Literal["strict", "basic", "off"]
ALL = frozenset({"bandit", "ruff-security", "semgrep", "ruff-syntax", "mypy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """A source to scan, with the settings of its unit that change what a tool says."""

    source: Source
    mypy: Mypy = "strict"


def scan(
    requests: Sequence[ScanRequest],
    *,
    which: frozenset[str] = ALL,
    cache: Path | None = None,
    timeout_s: float = 120,
) -> dict[str, ToolReport]:
    """Return the reports on all sources by content address; each tool runs once.

    ``cache`` is a folder private to the run where mypy keeps what it knows of the standard library;
    without it the first scan costs a second more. ``timeout_s`` bounds each tool.
    """
    unread = ToolFault(tool="text", found="text that no analyser may be given", next="")
    reports = {item.source.address: ToolReport(faults=(unread,)) for item in requests}
    fit = _fit(requests, timeout_s)
    reports |= {item.source.address: ToolReport() for item in fit}
    if fit:
        for answers in _all_answers(fit, which, cache, timeout_s):
            _add(reports, answers)
    return reports


def _all_answers(
    requests: Sequence[ScanRequest], which: frozenset[str], cache: Path | None, timeout_s: float
) -> list[dict[str, ToolReport]]:
    runners = [
        (tool, run, [item.source for item in requests])
        for tool, run in _runners(which, timeout_s).items()
    ]
    if "mypy" in which:
        runners += _type_runners(requests, cache, timeout_s)
    # The analysers are programs of their own: threads wait for them side by side.
    with ThreadPoolExecutor(max_workers=max(1, len(runners))) as pool:
        waiting = [pool.submit(_answers, *item) for item in runners]
        return [future.result() for future in waiting]


def _answers(tool: str, run: Runner, sources: Sequence[Source]) -> dict[str, ToolReport]:
    with scratch(sources) as copies:
        return answer(tool, run, copies)


def _type_runners(
    requests: Iterable[ScanRequest], cache: Path | None, timeout_s: float
) -> list[tuple[str, Runner, list[Source]]]:
    modes: dict[Mypy, list[Source]] = {}
    for item in requests:
        if item.mypy != "off":
            modes.setdefault(item.mypy, []).append(item.source)
    return [
        (
            f"mypy-{mode}",
            functools.partial(
                mypy_scan.run,
                config=asset("gates", "syntax", "mypy.ini"),
                strict=mode == "strict",
                cache=cache / mode if cache else None,
                timeout_s=timeout_s,
            ),
            sources,
        )
        for mode, sources in sorted(modes.items())
    ]


def _add(reports: dict[str, ToolReport], new: Mapping[str, ToolReport]) -> None:
    for address, report in new.items():
        reports[address] = reports.get(address, ToolReport()).merged(report)


def _runners(which: frozenset[str], timeout_s: float) -> dict[str, Runner]:
    security, syntax = asset("gates", "security"), asset("gates", "syntax")
    runners: dict[str, Runner] = {
        "bandit": functools.partial(bandit_scan.run, timeout_s=timeout_s),
        "ruff-security": functools.partial(
            ruff_scan.run, config=security / "ruff.toml", timeout_s=timeout_s
        ),
        "ruff-syntax": functools.partial(
            ruff_scan.run, config=syntax / "ruff.toml", timeout_s=timeout_s
        ),
        "semgrep": functools.partial(
            semgrep_scan.run, rules=security / "semgrep.yaml", timeout_s=timeout_s
        ),
    }
    return {name: run for name, run in runners.items() if name in which}


def _fit(requests: Sequence[ScanRequest], timeout_s: float) -> list[ScanRequest]:
    """Return those whose text is plain and small enough to be parsed by programs, and parses."""
    plain = [item for item in requests if not _faults(item.source)]
    if not plain:
        return []
    try:
        with scratch([item.source for item in plain]) as copies:
            parses = parse_scan.parsed(copies, timeout_s=timeout_s)
    except ToolError:
        return []  # no text is fit, and each report says so
    return [item for item in plain if item.source.address in parses]


def _faults(source: Source) -> Sequence[Finding]:
    return text.read(source.data, policy().text, source.path).findings


def opinions(
    source: Source,
    scans: Mapping[str, ToolReport],
    *,
    gate: str,
    tools: Iterable[str],
    off: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Return what ``tools`` say of ``source`` as findings of ``gate``; silence is a finding too."""
    report = scans.get(source.address, ToolReport())
    found = []
    for tool in tools:
        if tool not in report.scanned:
            found.append(_fault(source, report, gate, tool))
        found += [
            _finding(source, gate, item)
            for item in report.findings
            if item.tool == tool and item.code not in off
        ]
    return tuple(found)


def _finding(source: Source, gate: str, item: ToolFinding) -> Finding:
    name = item.tool.partition("-")[0]
    said = item.message[:1].lower() + item.message[1:].rstrip(".")
    message = f"line {item.line}: found {said} ({name} {item.code}); expected no such report"
    return Finding(rule=f"{gate}.{name}", message=message, path=source.path, line=item.line)


def _fault(source: Source, report: ToolReport, gate: str, tool: str) -> Finding:
    faults = [item for item in report.faults if item.tool in {tool, "text"}]
    found = faults[0].found if faults else "no scan of this source"
    after = f"; next: {faults[0].next}" if faults and faults[0].next else ""
    message = f"{tool}: found {found}; expected a completed scan{after}"
    return Finding(rule=f"{gate}.tool", message=message, path=source.path, quotable=False)


@functools.cache
def policy_digest(gate: str) -> str:
    """Return the digest of all that the gate enforces as data: policy, rules, corpus."""
    return assets_digest(asset("gates", gate))
