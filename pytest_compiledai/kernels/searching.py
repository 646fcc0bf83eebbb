"""A region's search: every proposal within the budget is judged, the fastest that passes is taken.

Each is timed in turns with the framework; where the target is not here its time is modelled, and
the search says so. Of two whose intervals overlap the first in the order is taken, so that noise
does not choose. What was tried, and how each did, goes into the artifact.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict

if TYPE_CHECKING:
    from pytest_compiledai.kernels.candidate import Language
    from pytest_compiledai.kernels.units import RegionBody

Interval = tuple[float, float, float]
#: What this process has judged: the search proposes, and the gates ask for the same texts again.
_KNOWN: dict[str, Tried] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A kernel's text before it is judged."""

    source: str
    language: Language
    parameters: Mapping[str, Any]  # of a template; empty for a file of the user's


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A kernel and what the gates said."""

    text: Text
    verdicts: Mapping[str, Verdict]
    cubins: Mapping[str, str]  # "<target>/<place of the launch>" -> SHA-256

    def passes(self, gates: Sequence[str]) -> bool:
        """Return whether each of ``gates`` was asked and passed."""
        return all(gate in self.verdicts and self.verdicts[gate].passed for gate in gates)

    @property
    def took(self) -> Interval | None:
        """The least, middle and most of its time, in units that compare; None where unknown."""
        figures = self.verdicts["latency"].figures if "latency" in self.verdicts else {}
        if "cpu.ratio" in figures:
            low, middle, high = (figures[f"cpu.ratio{end}"] for end in ("_low", "", "_high"))
            return low, middle, high
        modelled = [us for name, us in figures.items() if name.endswith(".modelled_us")]
        return (sum(modelled),) * 3 if modelled else None

    def as_json(self) -> dict[str, Any]:
        """Return what the artifact keeps of it."""
        failed = next((v for v in self.verdicts.values() if not v.passed), None)
        timed = self.verdicts["latency"].plain_figures() if "latency" in self.verdicts else {}
        return {
            "parameters": dict(self.text.parameters),
            "sha256": digest(self.text.source.encode()),
            "refused": failed.findings[0].rule if failed else "",
            "figures": timed,
        }


def searched(body: RegionBody, gates: Sequence[str]) -> tuple[list[Tried], Tried | None]:
    """Return every kernel that was tried, in order, and the one to be frozen.

    No other is begun once the spec's timeout is spent.
    """
    begun = time.monotonic()
    tried: list[Tried] = []
    for text in _texts(body):
        if tried and time.monotonic() - begun > body.spec.timeout_s:
            break
        tried.append(judged(body, text))
    return tried, fastest([one for one in tried if one.passes(gates)])


def fastest(passed: Sequence[Tried]) -> Tried | None:
    """Return the fastest; a later one only where it is faster beyond both intervals."""
    best: Tried | None = None
    for one in passed:
        if best is None or _is_faster(one.took, best.took):
            best = one
    return best


def judged(body: RegionBody, text: Text) -> Tried:
    """Return what every gate that was reached says of a kernel of this region."""
    from pytest_compiledai.kernels import judge as judging
    from pytest_compiledai.kernels.adapting import contract_of
    from pytest_compiledai.kernels.matching import matched

    spec, region = body.spec, body.region
    key = digest_of([region.signature, spec.dtype, spec.targets, spec.margin, text.source])
    if key not in _KNOWN:
        # A file of the user's speaks the plan's names, a family's kernel the family's.
        match = None if region.name in spec.candidates else matched(region)
        contract = contract_of(region, spec.dtype, context=spec.context, match=match)
        found = judging.judge(
            contract, text.source, language=text.language, dtype=spec.dtype, targets=spec.targets
        )
        verdicts = {
            gate: _beside_framework(verdict, spec.margin)
            for gate, verdict in found.verdicts.items()
        }
        cubins = {name: digest(data) for name, data in sorted((found.built.cubins or {}).items())}
        _KNOWN[key] = Tried(text=text, verdicts=verdicts, cubins=cubins)
    return _KNOWN[key]


def _texts(body: RegionBody) -> Iterator[Text]:
    from pytest_compiledai.kernels.matching import proposals

    for found in proposals(body.region, body.spec.targets, body.spec.budget):
        yield Text(source=found.source, language=found.language, parameters=found.parameters)


def _is_faster(one: Interval | None, other: Interval | None) -> bool:
    return one is not None and other is not None and one[2] < other[0]


def _beside_framework(verdict: Verdict, margin: float) -> Verdict:
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
