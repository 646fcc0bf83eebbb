"""From an analyser's list of complaints to one report for each source."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import NamedTuple

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.gates.scanners.copies import Copy
from pytest_compiledai.gates.scanners.copies import Scratch
from pytest_compiledai.gates.scanners.report import INSTALL
from pytest_compiledai.gates.scanners.report import ToolFault
from pytest_compiledai.gates.scanners.report import ToolFinding
from pytest_compiledai.gates.scanners.report import ToolReport


class Complaint(NamedTuple):
    """One complaint of an analyser, as it came."""

    path: str
    line: int
    code: str
    message: str


Runner = Callable[[Scratch], Iterable[Complaint]]


def answer(tool: str, run: Runner, scratch: Scratch) -> dict[str, ToolReport]:
    """Return a report on every copy in ``scratch``.

    One batch first. A source that the batch did not confirm is asked about by itself, so that one
    hostile source cannot take the answers away from the others; then silence is a fault.
    """
    reports = _batch(tool, run, scratch)
    if len(scratch.copies) > 1:
        for copy in scratch.copies:
            if tool not in reports[copy.address].scanned:
                reports |= _batch(tool, run, scratch.only(copy))
    return reports


def _batch(tool: str, run: Runner, scratch: Scratch) -> dict[str, ToolReport]:
    try:
        complaints = list(run(scratch))
    except ToolError as error:
        fault = ToolFault(tool=tool, found=error.found, next=error.next or INSTALL)
        return {copy.address: ToolReport(faults=(fault,)) for copy in scratch.copies}
    grouped: dict[str, list[Complaint]] = {copy.address: [] for copy in scratch.copies}
    for item in complaints:
        copy = scratch.by_name(item.path)
        if copy is not None:
            grouped[copy.address].append(item)
    return {copy.address: _report(tool, copy, grouped[copy.address]) for copy in scratch.copies}


def _report(tool: str, copy: Copy, complaints: list[Complaint]) -> ToolReport:
    findings = tuple(
        ToolFinding(tool=tool, code=item.code, message=item.message, line=item.line)
        for item in sorted(set(complaints))
        if item.line <= copy.lines
    )
    if any(item.line == copy.canary for item in complaints):
        return ToolReport(findings=findings, scanned=frozenset({tool}))
    fault = ToolFault(tool=tool, found="no sign that the file was read to its end")
    return ToolReport(findings=findings, faults=(fault,))
