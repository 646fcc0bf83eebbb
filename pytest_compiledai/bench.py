"""What gates are given to judge with: the sandbox, the analysers' reports, the measuring lock."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.scanning import Scanning

if TYPE_CHECKING:
    from pytest_compiledai.asking import UnitAsking
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.gates.drawing_ahead import Drawer
    from pytest_compiledai.gates.tools import ScanRequest
    from pytest_compiledai.gates.tools import ToolReport
    from pytest_compiledai.run import Run


class RunBench:
    """The bench of one process; what is costly is shared with the run's other processes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.scanning = Scanning(run.store, self._foreseen)
        self._proved: set[str] = set()

    def of(self, unit: Unit) -> UnitBench:
        """Return the bench as the gates of ``unit`` see it."""
        self._check_tools()
        self.scanning.ahead()  # the analysers work while the other gates prove themselves
        if self.run.settings.mode.writes:
            _ = self.proved_sandbox  # no artifact without it, so no more is spent where it fails
        self._prove("static", self._static_smoke)
        return UnitBench(bench=self, unit=unit)

    def of_calls(self, unit: Unit) -> UnitBench:
        """Return the bench as the drift gate of ``unit`` sees it."""
        self._prove("drift", self._drift_smoke)
        return self.of(unit)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox, opened and probed at first use."""
        from pytest_compiledai.sandbox.ladder import open_sandbox

        settings = self.run.settings
        found = open_sandbox(settings.sandbox, image=settings.docker_image)
        facts = {"name": found.name, "wall": found.wall, "reason": found.reason}
        self.run.store.once(f"sandboxes/{found.name}", lambda: facts)
        return found

    @property
    def proved_sandbox(self) -> Sandbox:
        """The sandbox in which the dynamic gates judged their own samples right.

        Static gates do without, on a machine that has no sandbox.
        """
        self._prove("dynamic", self._dynamic_smoke)
        return self.sandbox

    @cached_property
    def drawer(self) -> Drawer:
        """What draws the fuzz gate's examples."""
        from pytest_compiledai.gates.drawing_ahead import Drawer

        return Drawer()

    def scans(self, requests: Sequence[ScanRequest]) -> Mapping[str, ToolReport]:
        """Return reports by content address; selected units are scanned ahead."""
        return self.scanning.reports(requests)

    def prefetch(self, units: Iterable[Unit]) -> None:
        """Start asking for the first proposals of ``units`` in the background."""
        for unit in units:
            if self.run.wants_proposal(unit):
                opening = self.run.plugged.kinds[unit.kind].opening(unit)
                if opening is not None:
                    self.run.asking(unit).prefetch(opening, samples=unit.candidates)

    def close(self) -> None:
        """End the analysers and the sandbox's processes, if they were used."""
        self.scanning.close()
        if "drawer" in self.__dict__:
            self.drawer.close()
        if "sandbox" in self.__dict__:
            self.sandbox.close()

    def _foreseen(self) -> list[ScanRequest]:
        """Return the samples of the analysers, and what selected units will want scanned.

        What a model still decides is not foreseen.
        """
        from pytest_compiledai.gates import smoke

        found = smoke.requests()
        for unit in self.run.selected.values():
            candidate = self.run.foreseen(unit)
            if candidate is not None:
                kind = self.run.plugged.kinds[unit.kind]
                found.extend(kind.sources(unit, candidate))
        return found

    def _check_tools(self) -> None:
        """Raise ``ToolError`` where an analyser is not installed."""
        missing = [name for name, found in self.run.project.versions.items() if found == "missing"]
        if missing:
            raise ToolError(
                where="gates",
                found=f"{', '.join(sorted(missing))} not installed",
                expected="every analyser: what could not be checked has failed",
                next='pip install "pytest-compiledai[gates]"',
            )

    def _prove(self, gates: str, smoke: Callable[[], list[str]]) -> None:
        """Let gates judge their own samples once a run; a gate that errs stops the run."""
        if gates in self._proved:
            return
        wrong = self.run.store.once(f"smoke/{gates}", smoke)
        if wrong:
            raise ToolError(
                where="gates/",
                found=f"samples judged wrongly: {', '.join(wrong)}",
                expected="every gate to reject its bad samples and accept its good ones",
                next="pip install --force-reinstall 'pytest-compiledai[gates]'",
            )
        self._proved.add(gates)

    def _static_smoke(self) -> list[str]:
        from pytest_compiledai.gates import smoke

        return sorted(smoke.smoke(self.scanning.reports))

    def _dynamic_smoke(self) -> list[str]:
        from pytest_compiledai.gates import proof

        return sorted(proof.smoke(self.sandbox, draw=self.drawer.examples))

    def _drift_smoke(self) -> list[str]:
        from pytest_compiledai.gates import drift_proof

        return sorted(drift_proof.smoke())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBench:
    """The bench as one unit's gates see it."""

    bench: RunBench
    unit: Unit

    def sandbox(self) -> Sandbox:
        """Return the run's sandbox, in which the gates proved themselves."""
        return self.bench.proved_sandbox

    def scans(self, sources: Sequence[Any]) -> Mapping[str, Any]:
        """Return the analysers' reports by content address."""
        return self.bench.scans(sources)

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the run's measuring lock: one unit is timed at a time."""
        return self.asking().exclusive()

    def drawer(self) -> Drawer:
        """Return what draws examples beside the other gates."""
        return self.bench.drawer

    def asking(self) -> UnitAsking:
        """Return the way to a reference model's answers."""
        return self.bench.run.asking(self.unit)
