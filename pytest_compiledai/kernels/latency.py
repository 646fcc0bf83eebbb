"""Modelled time of a kernel: it orders candidates and prunes hopeless ones, and never selects.

    t = sum over launches of max(bytes / bandwidth, flops / peak) * waves / filled + a launch's cost

where a launch has the region's bytes that its arguments name, with occupancy from registers, shared
memory and threads, and Little's law for the bytes in flight. Without the target at hand every
figure here is modelled and says so.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.compiling import tensor_bytes
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.facts import Facts

_WARP = 32
_REGISTERS = 65536  # of a multiprocessor
_WAIT_NS = 700.0  # from a load to its bytes
_BLOCKS = 32
#: A modelled time this many times the bound is not worth a measurement.
HOPELESS = 8.0
#: Bytes a nanosecond that no core of today streams, caches included.
CPU_BANDWIDTH = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the model knows of a target, from its data sheet."""

    multiprocessors: int
    shared_bytes: int  # of a multiprocessor
    threads: int  # of a multiprocessor
    bandwidth: float  # bytes a nanosecond
    peak: float  # float operations a nanosecond, tensor cores, 16-bit
    launch_ns: float


MACHINES: Mapping[str, Machine] = {
    "sm_80": Machine(
        multiprocessors=108, shared_bytes=167936, threads=2048, bandwidth=2039, peak=312e3,
        launch_ns=2500,
    ),
    "sm_90": Machine(
        multiprocessors=132, shared_bytes=233472, threads=2048, bandwidth=4800, peak=989e3,
        launch_ns=1300,
    ),
    "sm_100": Machine(
        multiprocessors=148, shared_bytes=233472, threads=2048, bandwidth=8000, peak=2250e3,
        launch_ns=1300,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Modelled:
    """A modelled time and the bound no kernel of this region can beat."""

    ns: float
    bound_ns: float
    occupancy: float  # resident warps over the most there can be, of the worst launch


def traffic(contract: Contract, dtype: str) -> int:
    """Return the bytes a region must move at least: every input once, every output once.

    Of a table or a cache these are the rows that a call reads or writes.
    """
    return sum(_moved(contract, tensor, dtype) for tensor in contract.tensors)


def _moved(contract: Contract, tensor: Tensor, dtype: str) -> int:
    whole = tensor_bytes(contract, tensor.name, dtype)
    if not tensor.moves:
        return whole
    count = math.prod(tensor.sizes(contract.dims))
    return whole * expression.value(tensor.moves, contract.dims) // count


def bound_ns(contract: Contract, target: str, dtype: str) -> float:
    """Return the nanoseconds below which no honest kernel of this region can be."""
    machine = MACHINES[target]
    flops = expression.value(contract.flops, contract.dims)
    return max(traffic(contract, dtype) / machine.bandwidth, flops / machine.peak)


def modelled(
    contract: Contract, candidate: Candidate, facts: Sequence[Facts], target: str, dtype: str
) -> Modelled:
    """Return the modelled time of one candidate on one target."""
    machine = MACHINES[target]
    bound = bound_ns(contract, target, dtype)
    own = [fact for fact in facts if fact.target == target]
    shares = _shares(contract, candidate, dtype)
    worst, ns = 1.0, 0.0
    for launch, fact, share in zip(candidate.launches, own, shares, strict=True):
        threads = _WARP * launch.warps
        if launch.block:
            threads = math.prod(expression.value(size, contract.dims) for size in launch.block)
        blocks = max(1, math.prod(expression.value(size, contract.dims) for size in launch.grid))
        resident = _resident(machine, fact, threads)
        worst = min(worst, resident * threads / machine.threads)
        ns += bound * share * _slowed(machine, fact, blocks, resident, threads) + machine.launch_ns
    return Modelled(ns=ns, bound_ns=bound, occupancy=worst)


def _shares(contract: Contract, candidate: Candidate, dtype: str) -> list[float]:
    """Return how much of the region's bytes each launch moves; scratch comes on top."""
    moved = {tensor.name: _moved(contract, tensor, dtype) for tensor in contract.tensors}
    for item in candidate.scratch:
        count = math.prod(expression.value(size, contract.dims) for size in item.shape)
        moved[item.name] = count * (4 if item.dtype in ("float32", "int32") else 8)
    whole = max(1, traffic(contract, dtype))
    return [
        sum(moved.get(str(name), 0) for name in {*launch.arguments}) / whole
        for launch in candidate.launches
    ]


def _resident(machine: Machine, fact: Facts, threads: int) -> int:
    """Return the blocks a multiprocessor holds at once."""
    by_registers = _REGISTERS // max(1, fact.registers * threads)
    by_shared = machine.shared_bytes // max(1, fact.shared_bytes + 1024)
    return max(1, min(by_registers, by_shared, machine.threads // max(_WARP, threads), _BLOCKS))


def _slowed(machine: Machine, fact: Facts, blocks: int, resident: int, threads: int) -> float:
    """Return how many times the bound a launch takes, for lack of blocks, bytes or a full wave."""
    places = machine.multiprocessors * resident
    busy = min(blocks, places) / machine.multiprocessors  # blocks a multiprocessor, on average
    waves = blocks / places
    tail = math.ceil(waves) / waves if waves > 1 else 1.0
    loads = max(1, fact.wide_loads * 16 + fact.narrow_loads * 4)
    flying = busy * threads * min(loads, 64)  # bytes asked for and not yet there
    needed = machine.bandwidth * _WAIT_NS / machine.multiprocessors
    narrow = 1.5 if fact.narrow_loads > fact.wide_loads + fact.bulk_loads else 1.0
    spilled = 1.0 + 0.1 * fact.spill_loads
    return max(1.0, needed / flying) * tail * narrow * spilled


def judge(
    contract: Contract,
    candidate: Candidate,
    facts: Sequence[Facts],
    targets: Sequence[str],
    dtype: str,
) -> Verdict:
    """Judge the modelled time on every GPU target; the figures say that it is modelled."""
    findings = []
    figures: dict[str, float | int | str] = {"basis": "modelled"}
    figures["bytes"] = traffic(contract, dtype)
    for target in targets:
        if target not in MACHINES:
            known = ", ".join(MACHINES)
            message = f"{target}: found no model of its speed; expected {known} or cpu"
            findings.append(Finding(rule="latency.target", message=message))
            continue
        found = modelled(contract, candidate, facts, target, dtype)
        figures[f"{target}.modelled_us"] = round(found.ns / 1000, 3)
        figures[f"{target}.bound_us"] = round(found.bound_ns / 1000, 3)
        figures[f"{target}.occupancy"] = round(found.occupancy, 3)
        overhead = len(candidate.launches) * MACHINES[target].launch_ns
        if found.ns - overhead > HOPELESS * max(found.bound_ns, MACHINES[target].launch_ns):
            message = (
                f"{target}: found a modelled {found.ns / 1000:.3g} us; expected at most "
                f"{HOPELESS:g} times the bound of {found.bound_ns / 1000:.3g} us"
            )
            findings.append(Finding(rule="latency.modelled", message=message))
    return Verdict(gate="latency", findings=tuple(findings), figures=figures)


def judge_cpu(
    contract: Contract, dtype: str, own_ns: Sequence[int], framework_ns: Sequence[int]
) -> Verdict:
    """Judge times on this processor that were taken in turns with the framework's.

    ``cpu.ratio`` is the median of own over the framework's, turn by turn; its interval is by order
    statistics: of 15 turns the 4th and the 12th, at 96 %.
    """
    own, framework = statistics.median(own_ns), statistics.median(framework_ns)
    ratios = sorted(a / max(1, b) for a, b in zip(own_ns, framework_ns, strict=True))
    out = len(ratios) // 5
    figures = {
        "basis": "measured",
        "bytes": traffic(contract, dtype),
        "cpu.us": round(own / 1000, 1),
        "cpu.framework_us": round(framework / 1000, 1),
        "cpu.ratio_low": round(ratios[out], 4),
        "cpu.ratio": round(statistics.median(ratios), 4),
        "cpu.ratio_high": round(ratios[-1 - out], 4),
    }
    findings = []
    if own > HOPELESS * framework:
        message = (
            f"cpu: found {own / 1000:.3g} us; expected at most {HOPELESS:g} times the "
            f"framework's {framework / 1000:.3g} us"
        )
        findings.append(Finding(rule="latency.slow", message=message))
    if min(own_ns) * CPU_BANDWIDTH < traffic(contract, dtype):
        message = f"cpu: found {min(own_ns)} ns; expected no less than its bytes take"
        findings.append(Finding(rule="latency.physics", message=message))
    return Verdict(gate="latency", findings=tuple(findings), figures=figures)
