"""A region's search: candidates within the budget are judged, the fastest that passes is taken.

Each is timed in turns with the framework; where the target is not here its time is modelled, and
the search says so. Of two whose intervals overlap the first in the order is taken, so that noise
does not choose. Where a region's work grows with the context, a kernel is taken for each bucket of
it that the spec declares; every kernel is right at every position, so a bucket is a matter of time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels import measured
from pytest_compiledai.kernels.measured import Search

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.candidate import Candidate
    from pytest_compiledai.kernels.candidate import Language
    from pytest_compiledai.kernels.contract import Contract
    from pytest_compiledai.kernels.units import RegionBody

Interval = tuple[float, float, float]
#: Holds the run's measuring lock.
Exclusive = Callable[[], AbstractContextManager[None]]
#: What this process has judged: the search proposes, and the gates ask for the same texts again.
_KNOWN: dict[str, Tried] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A kernel's text before it is judged."""

    source: str
    language: Language
    parameters: Mapping[str, Any]  # of a template; empty for a file of the user's

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return digest(self.source.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A kernel and what the gates said."""

    text: Text
    verdicts: Mapping[str, Verdict]
    cubins: Mapping[str, str]  # "<target>/<place of the launch>" -> SHA-256
    resources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # target/kernel
    within: Mapping[int, Verdict] = field(default_factory=dict)  # latency, by bucket's end

    def latency(self, bucket: int = 0) -> Verdict | None:
        """Return the verdict on its time, in a bucket or (0) as a whole; None where not asked."""
        return self.within.get(bucket) if bucket else self.verdicts.get("latency")

    def passes(self, gates: Sequence[str], bucket: int = 0) -> bool:
        """Return whether each of ``gates`` was asked and passed."""
        asked = {**self.verdicts, "latency": self.latency(bucket)}
        return all((verdict := asked.get(gate)) is not None and verdict.passed for gate in gates)

    def took(self, bucket: int = 0) -> Interval | None:
        """Return the least, middle and most of its time, in units that compare; None: unknown."""
        verdict = self.latency(bucket)
        figures = verdict.figures if verdict else {}
        if "cpu.ratio" in figures:
            low, middle, high = (figures[f"cpu.ratio{end}"] for end in ("_low", "", "_high"))
            return low, middle, high
        modelled = [us for name, us in figures.items() if name.endswith(".modelled_us")]
        return (sum(modelled),) * 3 if modelled else None

    def as_json(self) -> dict[str, Any]:
        """Return what the recording keeps of it."""
        failed = next((v for v in self.verdicts.values() if not v.passed), None)
        times = {"": self.verdicts.get("latency"), **{str(b): v for b, v in self.within.items()}}
        return {
            "parameters": dict(sorted(self.text.parameters.items())),
            "sha256": self.text.sha256,
            "refused": failed.findings[0].rule if failed else "",
            "figures": {name: v.plain_figures() for name, v in times.items() if v},
        }


def searched(unit: Unit, asking: Asking) -> tuple[Search, Mapping[int, Tried | None]]:
    """Return what was tried and the kernel to be frozen up to each bucket's end.

    A search that is recorded is not done again. Raises ``SpecError`` for a recording that cannot
    be read, and ``ModelError``.
    """
    body: RegionBody = unit.body
    contract, space = _space(body)
    by_digest = {text.sha256: text for text in map(_text, space)}
    key = digest_of([unit.source, body.spec.dtype, body.spec.margin, unit.gates, *by_digest])
    path = asking.folder / f"{unit.name}.measured.json"
    ends = (*buckets(body, contract), body.spec.context)
    found = measured.read(path, key)
    if found is None or {*found.chosen} != {*map(str, ends)}:
        found = _search(unit, contract, space, asking, ends)
        measured.write(path, key, found)
    return found, {
        end: judged(body, by_digest[sha], asking.exclusive)
        if (sha := found.chosen[str(end)])
        else None
        for end in ends
    }


def _search(
    unit: Unit,
    contract: Contract | None,
    space: Sequence[Candidate],
    asking: Asking,
    ends: Sequence[int],
) -> Search:
    """Try the space in its order; no other is begun once the spec's timeout is spent."""
    from pytest_compiledai.kernels.ordering import ordered

    if contract is None:
        return Search(ordered_by="", dropped=(), tried=(), chosen={str(end): "" for end in ends})
    body: RegionBody = unit.body
    spec, begun = body.spec, time.monotonic()
    advice = ordered(
        contract, space, asking, dtype=spec.dtype, targets=spec.targets, budget=spec.budget
    )
    tried: list[Tried] = []
    for place in advice.order[: spec.budget]:
        if tried and time.monotonic() - begun > spec.timeout_s:
            break
        tried.append(judged(body, _text(space[place]), asking.exclusive))
    best = {end: fastest(tried, unit.gates, 0 if end == spec.context else end) for end in ends}
    return Search(
        ordered_by=advice.by,
        dropped=advice.dropped,
        tried=[one.as_json() for one in tried],
        chosen={str(end): one.text.sha256 if one else "" for end, one in best.items()},
    )


def fastest(tried: Sequence[Tried], gates: Sequence[str], bucket: int = 0) -> Tried | None:
    """Return the fastest that passes; a later one only where it is faster beyond both intervals."""
    best: Tried | None = None
    for one in tried:
        if one.passes(gates, bucket) and (
            best is None or _is_faster(one.took(bucket), best.took(bucket))
        ):
            best = one
    return best


def buckets(body: RegionBody, contract: Contract | None) -> tuple[int, ...]:
    """Return the ends of the declared buckets where the bytes a call moves grow with them."""
    if contract is None:
        return ()
    named = {name for t in contract.tensors if t.moves for name in expression.names_of(t.moves)}
    return body.spec.buckets if "pos" in named & set(contract.dynamic) else ()


def judged(body: RegionBody, text: Text, exclusive: Exclusive) -> Tried:
    """Return what every gate that was reached says of a kernel of this region."""
    from pytest_compiledai.kernels import judge as judging

    spec, region = body.spec, body.region
    key = digest_of(
        [region.signature, spec.dtype, spec.targets, spec.margin, spec.buckets, text.source]
    )
    if key not in _KNOWN:
        contract = _contract(body)
        found = judging.judge(
            contract,
            text.source,
            language=text.language,
            dtype=spec.dtype,
            targets=spec.targets,
            exclusive=exclusive,
        )
        within = {}
        if "latency" in found.verdicts:
            for end in buckets(body, contract):
                at = replace(contract, dims={**contract.dims, "pos": end - 1})
                within[end] = judging.timed(at, found, spec.dtype, spec.targets, exclusive)
        _KNOWN[key] = Tried(
            text=text,
            verdicts={gate: _beside(v, spec.margin) for gate, v in found.verdicts.items()},
            cubins={
                name: digest(data) for name, data in sorted((found.built.cubins or {}).items())
            },
            resources={
                f"{fact.target}/{fact.kernel}": {
                    "registers": fact.registers,
                    "spilled_bytes": fact.local_bytes,
                    "shared_bytes": fact.shared_bytes,
                    "wide_loads": fact.wide_loads,
                }
                for fact in found.built.facts
            },
            within={end: _beside(v, spec.margin) for end, v in within.items()},
        )
    return _KNOWN[key]


def _contract(body: RegionBody) -> Contract:
    from pytest_compiledai.kernels.adapting import contract_of
    from pytest_compiledai.kernels.matching import matched

    # A file of the user's speaks the plan's names, a family's kernel the family's.
    match = None if body.region.name in body.spec.candidates else matched(body.region)
    return contract_of(body.region, body.spec.dtype, context=body.spec.context, match=match)


def _text(candidate: Candidate) -> Text:
    return Text(
        source=candidate.source, language=candidate.language, parameters=candidate.parameters
    )


def _space(body: RegionBody) -> tuple[Contract | None, list[Candidate]]:
    from pytest_compiledai.kernels.matching import space

    return space(body.region, body.spec.targets)


def _is_faster(one: Interval | None, other: Interval | None) -> bool:
    return one is not None and other is not None and one[2] < other[0]


def _beside(verdict: Verdict, margin: float) -> Verdict:
    """Return the verdict of latency with a finding where the framework may be as fast."""
    high = verdict.figures.get("cpu.ratio_high")
    if high is None or high <= 1 - margin:
        return verdict
    own, other = verdict.figures["cpu.us"], verdict.figures["cpu.framework_us"]
    found = (
        f"cpu: found {own:g} us, up to {high:.3g} of the framework's {other:g} us; expected "
        f"{margin:.0%} less"
    )
    finding = Finding(rule="latency.region", message=found)
    return replace(verdict, findings=(*verdict.findings, finding))
