"""What an analyser said of one source, and what it could not say."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

INSTALL = 'pip install "pytest-compiledai[gates]"'


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinding:
    """One thing that an analyser reports."""

    tool: str
    code: str  # the analyser's own name for its rule
    message: str
    line: int  # 1-based; 0: the file as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFault:
    """Why an analyser gave no answer on a source; a gate turns it into a finding."""

    tool: str
    found: str
    next: str = INSTALL


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    """All answers on one source."""

    findings: tuple[ToolFinding, ...] = ()
    faults: tuple[ToolFault, ...] = ()
    scanned: frozenset[str] = field(default_factory=frozenset)  # tools that confirmed the file

    def merged(self, other: ToolReport) -> ToolReport:
        """Return both reports as one; a tool that confirmed the file in either has no fault."""
        scanned = self.scanned | other.scanned
        faults = dict.fromkeys((*self.faults, *other.faults))
        return ToolReport(
            findings=tuple(dict.fromkeys((*self.findings, *other.findings))),
            faults=tuple(fault for fault in faults if fault.tool not in scanned),
            scanned=scanned,
        )
