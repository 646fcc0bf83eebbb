"""What a project adds by hooks: kinds and gates beside the built-in ones, never in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.gate import ALWAYS_ON
from pytest_compiledai.core.gate import COMPILE
from pytest_compiledai.core.gate import DRIFT
from pytest_compiledai.core.gate import GATES
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kinds import Kinds

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.gate import Gate
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Kind
    from pytest_compiledai.core.unit import Unit

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,31}$")
#: Gates of kinds still to come: a project cannot take their names either.
_KEPT = (COMPILE, *GATES, "cost", DRIFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGate:
    """A project's own gate, asked so that whatever goes wrong in it is a failure."""

    gate: Gate

    def judge_safely(self, unit: Unit, candidate: Candidate, bench: Bench) -> Verdict:
        """Return the gate's verdict; an exception or anything but a verdict is a finding."""
        name = self.gate.name
        try:
            verdict = self.gate.judge(unit, candidate, bench.sandbox())
        except Exception as error:  # noqa: BLE001 - a project's gate may raise anything
            return _failed(name, f"found {type(error).__name__}: {error}; expected a verdict")
        if not isinstance(verdict, Verdict) or verdict.gate != name:
            return _failed(name, f"found {verdict!r:.80}; expected a Verdict of gate {name}")
        return verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugged:
    """The kinds and the project's own gates of a run."""

    kinds: Mapping[str, Kind]
    gates: Mapping[str, OwnGate]

    def own_gate(self, name: str) -> OwnGate | None:
        """Return the project's gate called ``name``; None for a built-in one."""
        return self.gates.get(name)

    def with_own_gates(self, unit: Unit) -> Unit:
        """Return ``unit`` with the project's gates for its kind after the built-in ones."""
        own = [g.gate for g in self.gates.values() if unit.kind in g.gate.kinds]
        if not own:
            return unit
        versions = tuple(f"{gate.name}@{gate.version}" for gate in own)
        return replace(
            unit,
            gates=(*unit.gates, *(gate.name for gate in own)),
            versions=(*unit.versions, *versions),
            evidence=digest_of([unit.evidence, *versions]),
        )


def plug(config: pytest.Config) -> Plugged:
    """Return the kinds and gates of this run. Raises ``UsageError`` for a name that is taken."""
    own: dict[str, Kind] = {}
    for group in config.hook.pytest_compiledai_kinds(config=config):
        for kind in group:
            if kind.name in Kinds(own):
                raise pytest.UsageError(f"pytest_compiledai_kinds: {kind.name} exists already")
            if kind.gates[: len(ALWAYS_ON)] != ALWAYS_ON:
                raise pytest.UsageError(
                    f"pytest_compiledai_kinds: {kind.name} asks {', '.join(kind.gates)}; expected "
                    f"{', '.join(ALWAYS_ON)} first, which no kind can leave out"
                )
            own[kind.name] = kind
            config.addinivalue_line("markers", f"{kind.name}: kind of this project")
            for gate in sorted(set(kind.gates) - set(GATES)):
                config.addinivalue_line("markers", f"{gate}: gate of the kind {kind.name}")
    gates: dict[str, OwnGate] = {}
    for group in config.hook.pytest_compiledai_gates(config=config):
        for gate in group:
            if gate.name in _KEPT or gate.name in gates or not _NAME.match(gate.name):
                raise pytest.UsageError(
                    f"pytest_compiledai_gates: found the name {gate.name!r}; expected one of "
                    f"a-z, 0-9, _ that is none of {', '.join(_KEPT)}: a project adds gates and "
                    "cannot replace built-in ones"
                )
            gates[gate.name] = OwnGate(gate=gate)
            config.addinivalue_line("markers", f"{gate.name}: gate of this project")
    return Plugged(kinds=Kinds(own), gates=dict(sorted(gates.items())))


def adds(plugin: object) -> bool:
    """Return whether a plugin or a conftest has one of the two hooks."""
    return any(hasattr(plugin, f"pytest_compiledai_{noun}") for noun in ("gates", "kinds"))


def _failed(gate: str, message: str) -> Verdict:
    return Verdict(gate=gate, findings=(Finding(rule=f"{gate}.error", message=message),))
