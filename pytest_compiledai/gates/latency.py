"""The latency gate: CPU time of one call inside the sandbox's worker, against the spec's budget.

Loading the module is not in it but has a bound of its own; starting Python is in neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import settings as reading
from pytest_compiledai.gates.policyfile import read_policy

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Program
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.calls import Session

GATE: Final = "latency"
_NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
#: Percentiles that the figures hold, for whoever draws the distribution.
QUANTILES: Final = (10, 25, 50, 75, 90, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPolicy:
    """What ``gates/latency/policy.toml`` states."""

    version: int
    p50_ms: float
    p99_ms: float
    tries: int  # measurements, while none is believable
    rounds: int
    calls: int  # of one round
    least_calls: int  # of one round, however slow the function is
    round_s: float  # CPU seconds that one round should not exceed
    load_ms: float  # CPU milliseconds of loading a function's module


def policy() -> LatencyPolicy:
    """Return the constants of this gate."""
    return read_policy(GATE, LatencyPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySettings:
    """The `latency:` block of a spec."""

    p50_ms: float = 1.0
    p99_ms: float = 5.0

    @classmethod
    def parse(cls, block: Mapping[str, Any], place: reading.At) -> LatencySettings:
        """Return the settings; raises ``SpecError`` at what is not understood."""
        rules = policy()
        reading.known_keys(block, ("p50_ms", "p99_ms"), place)
        p50 = reading.above_zero(block, "p50_ms", rules.p50_ms, place)
        p99 = reading.above_zero(block, "p99_ms", max(rules.p99_ms, p50), place)
        if p99 < p50:
            found = f"p99_ms: {p99:g} below p50_ms: {p50:g}"
            raise SpecError(where=place("p99_ms"), found=found, expected="p99_ms from p50_ms up")
        return cls(p50_ms=p50, p99_ms=p99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """CPU time of the calls of one round, in nanoseconds."""

    calls: int
    p50_ns: int
    p99_ns: int
    load_ns: int  # CPU time of loading the module, once
    quantiles_ms: Mapping[str, float]  # by name, "p10" to "p99"


def judge(
    *,
    sandbox: Sandbox,
    program: Program,
    inputs: Sequence[bytes],
    settings: LatencySettings,
    reference_seconds: float | None,
    exclusive: AbstractContextManager[Any],
    load_ms: float | None = None,
) -> Verdict:
    """Return the verdict of the best of a few rounds, best by its p50.

    ``load_ms`` bounds the CPU time of loading the module: work may not move there unseen.
    ``exclusive`` is held while measuring. Figures are in milliseconds with four significant digits;
    ``speedup`` is there only where ``reference_seconds``, a call of the reference, was measured.
    Messages hold no measured number, so that equal failures read alike.
    """
    if not inputs:
        return _failed("rows", "no golden row to measure; expected at least one")
    with exclusive:
        best = measured(sandbox, program, inputs)
    if isinstance(best, SandboxError):
        return _failed("unmeasured", f"found {best.found}; expected calls that can be measured")
    figures: dict[str, Any] = {
        "p50_ms": _ms(best.p50_ns),
        "p99_ms": _ms(best.p99_ns),
        "quantiles_ms": dict(best.quantiles_ms),
    }
    if reference_seconds is not None:
        figures["speedup"] = _four(reference_seconds * _NS_PER_S / max(best.p50_ns, 1))
    findings = [
        _over(name, budget)
        for name, budget, took in (
            ("p50", settings.p50_ms, best.p50_ns),
            ("p99", settings.p99_ms, best.p99_ns),
        )
        if took > budget * NS_PER_MS
    ]
    if load_ms is not None and best.load_ns > load_ms * NS_PER_MS:
        message = f"found loading of the module above {load_ms:g} ms of CPU; expected less work"
        message += " outside the function, or a table that is stated"
        findings.append(Finding(rule=f"{GATE}.load", message=message))
    return Verdict(gate=GATE, findings=tuple(findings), figures=figures)


def measured(sandbox: Sandbox, program: Program, inputs: Sequence[bytes]) -> Round | SandboxError:
    """Return the best round, best by its p50, or why there is none.

    Another process can make one measurement look dishonest, so an unbelievable one is repeated in a
    fresh worker; a clock that really lies does so every time.
    """
    rules = policy()
    spread = _spread(inputs, rules.calls)
    for _ in range(rules.tries):
        try:
            with sandbox.open(program) as session:
                return _best(session, spread, rules)
        except SandboxError as error:
            last = error
    return last


def _spread(inputs: Sequence[bytes], calls: int) -> list[bytes]:
    """Return ``calls`` inputs: a sample by hash where there are more, in turn where fewer."""
    distinct = list(dict.fromkeys(inputs))
    if len(distinct) > calls:
        kept = set(sorted(distinct, key=digest)[:calls])
        distinct = [data for data in distinct if data in kept]
    return [distinct[index % len(distinct)] for index in range(calls)]


def _best(session: Session, inputs: list[bytes], rules: LatencyPolicy) -> Round:
    """Return the best round; a slow function gets fewer calls, so that the time stays bounded."""
    (trial,) = session.measure(inputs[: rules.least_calls], rounds=1, warmup=0)
    load_ns = session.load_ns
    affordable = int(rules.round_s * _NS_PER_S * len(trial) / max(sum(trial), 1))
    calls = min(len(inputs), max(rules.least_calls, affordable))
    rounds = session.measure(inputs[:calls], rounds=rules.rounds, warmup=1)
    load_ns = min(load_ns, session.load_ns)  # each in a worker of its own
    return min((_round(taken, load_ns) for taken in rounds), key=lambda round_: round_.p50_ns)


def _round(taken: Sequence[int], load_ns: int) -> Round:
    ordered = sorted(taken)
    return Round(
        calls=len(ordered),
        p50_ns=_rank(ordered, 0.50),
        p99_ns=_rank(ordered, 0.99),
        load_ns=load_ns,
        quantiles_ms={f"p{share}": _ms(_rank(ordered, share / 100)) for share in QUANTILES},
    )


def _rank(ordered: Sequence[int], share: float) -> int:
    """Return the nearest-rank percentile."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _over(name: str, budget_ms: float) -> Finding:
    message = f"found {name} of a call above the budget; expected at most {budget_ms:g} ms of CPU"
    return Finding(rule=f"{GATE}.{name}", message=message)


def _failed(name: str, message: str) -> Verdict:
    return Verdict(gate=GATE, findings=(Finding(rule=f"{GATE}.{name}", message=message),))


def _ms(taken_ns: int) -> float:
    return _four(taken_ns / NS_PER_MS)


def _four(value: float) -> float:
    return float(f"{value:.4g}")
