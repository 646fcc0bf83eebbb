"""The names of the gates, their order, and what a project's own gate looks like."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING
from typing import Final
from typing import Protocol

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict

#: The order is a safety property: a candidate that failed `security` is never executed.
GATES: Final = ("security", "syntax", "execution", "accuracy", "latency", "fuzz")
#: Asked last and only with `--compile-drift`: of an artifact's use, so no entry of the lock has it.
DRIFT: Final = "drift"
#: No spec can switch these off.
ALWAYS_ON: Final = ("security", "syntax", "execution")
#: The first item of every unit; not a gate.
COMPILE: Final = "compile"


class Phase(enum.StrEnum):
    """Which golden rows a gate may open."""

    SELECT = "select"  # train and validation rows: choosing among candidates
    ACCEPT = "accept"  # all rows, the test rows included: once, for the chosen candidate


class Gate(Protocol):
    """A gate that a project adds in its ``conftest.py``; it runs after the built-in ones."""

    name: str  # ^[a-z][a-z0-9_]*$, not a built-in gate's name
    version: int  # of its policy; a new version makes entries stale
    kinds: tuple[str, ...]  # the kinds it judges

    def judge(self, unit: Unit, candidate: Candidate, sandbox: Sandbox) -> Verdict:
        """Return the verdict. Anything raised counts as a failure."""
