"""A short proof, at the start of every run, that the static gates still tell good from bad.

The policy judges one bad sample of each of its rules and all good ones; the analysers judge one
sample of each of theirs in one scan. The tests judge the whole corpus. A gate that lets its own bad
samples through must not be believed about anything else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from pytest_compiledai.core.source import Source
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates import security
from pytest_compiledai.gates import syntax
from pytest_compiledai.gates.corpus import Sample
from pytest_compiledai.gates.corpus import samples
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import ToolReport
from pytest_compiledai.gates.tools import scan

Scans = Callable[[Sequence[ScanRequest]], Mapping[str, ToolReport]]

# The rules whose findings only an analyser can give.
ANALYSED = frozenset(
    {"security.bandit", "security.ruff", "security.semgrep", "syntax.ruff", "syntax.mypy"}
)
_SIGNATURE = syntax.ExpectedSignature(
    positional=(syntax.Parameter(name="data", annotation="str"),), returns="int"
)


def requests() -> list[ScanRequest]:
    """Return the samples that the analysers are proved by."""
    return [ScanRequest(source=sample.source) for sample in _for_analysers()]


def smoke(scans: Scans | None = scan) -> tuple[str, ...]:
    """Return the names of the samples that a static gate judged wrongly; empty: all is well.

    ``scans`` returns the analysers' reports on ``requests()``; None: they are not asked. Behind the
    first sample that an analyser gave no answer on stands why not.
    """
    wrong = [sample.source.path for sample in _for_policy() if not _is_told_by_policy(sample)]
    if scans is not None:
        reports = scans(requests())
        untold = [item.source for item in _for_analysers() if not is_told(item, reports)]
        wrong += [source.path + why for source, why in _with_reasons(untold, reports)]
    return tuple(dict.fromkeys(wrong))


def _with_reasons(
    sources: Iterable[Source], reports: Mapping[str, ToolReport]
) -> Iterator[tuple[Source, str]]:
    """Yield each source with the analysers' reasons for silence that no earlier one has."""
    told: set[str] = set()
    for source in sources:
        faults = reports.get(source.address, ToolReport()).faults
        new = [fault for fault in faults if fault.tool not in told]
        told |= {fault.tool for fault in new}
        reasons = "; ".join(f"{fault.tool}: {fault.found}" for fault in new)
        yield source, f" ({reasons})" if reasons else ""


def is_told(sample: Sample, scans: Mapping[str, ToolReport]) -> bool:
    """Whether the gate finds the sample's rule in a bad one, and nothing at all in a good one."""
    found = {item.rule for item in judged(sample, scans).findings}
    return not found if sample.is_good else sample.rule in found


def judged(sample: Sample, scans: Mapping[str, ToolReport]) -> Verdict:
    """Return the verdict of the sample's own gate."""
    if sample.rule.startswith("security."):
        return security.judge(sample.source, capabilities=sample.capabilities, scans=scans)
    return syntax.judge(
        sample.source,
        function="route",
        signature=_SIGNATURE,
        settings=syntax.SyntaxSettings(),
        scans=scans,
    )


def _is_told_by_policy(sample: Sample) -> bool:
    if sample.rule.startswith("security."):
        found = {
            item.rule for item in security.inspect(sample.source, capabilities=sample.capabilities)
        }
    else:
        # Without scans every sample has findings about the tools; they say nothing here.
        found = {item.rule for item in judged(sample, {}).findings} - {"syntax.tool"}
    return not found if sample.is_good else sample.rule in found


@functools.cache
def _everything() -> tuple[Sample, ...]:
    return (*samples("security"), *samples("syntax"))


def _for_policy() -> list[Sample]:
    ours = [sample for sample in _everything() if sample.rule not in ANALYSED]
    bad = [sample for sample in ours if not sample.is_good]
    return [*_first_of_each(bad), *(sample for sample in ours if sample.is_good)]


def _for_analysers() -> list[Sample]:
    return _first_of_each(sample for sample in _everything() if sample.rule in ANALYSED)


def _first_of_each(items: Iterable[Sample]) -> list[Sample]:
    """Return the first sample of each rule, a good one and a bad one where there are both."""
    chosen: dict[tuple[str, bool], Sample] = {}
    for sample in items:
        chosen.setdefault((sample.rule, sample.is_good), sample)
    return [chosen[key] for key in sorted(chosen)]
