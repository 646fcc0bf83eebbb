"""The unit of one region: a kernel that passes every gate, else the framework.

The kernel is the file that the spec names, or the fastest of a template family's that passes; where
none does, and after it, the framework, which is the reference and needs no proof against itself.
Where the spec declares buckets of context a region may have a kernel for each; every one of them
passes every gate, and is timed in its bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import searching
from pytest_compiledai.kernels.candidate import LANGUAGES
from pytest_compiledai.kernels.description import FILE
from pytest_compiledai.kernels.description import Description
from pytest_compiledai.kernels.description import described

if TYPE_CHECKING:
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.searching import Exclusive
    from pytest_compiledai.kernels.searching import Tried
    from pytest_compiledai.kernels.units import RegionBody

FRAMEWORK: Final = "framework"


class RegionForm:
    """The file that the spec names for the region; else a family's kernels, then the framework."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the next. Raises ``ModelError`` after the last, ``SpecError`` for no kernel."""
        body: RegionBody = unit.body
        path = body.spec.candidates.get(body.region.name)
        if asking.is_ahead and path is None:
            raise only_one(unit, "a search, which is not begun ahead")
        if sample or (history and (path or not _has_kernel(history[-1].candidate))):
            raise only_one(unit, "the region's last candidate, judged already")
        if path is None:
            return _proposed(unit, asking, again=bool(history))
        if PurePosixPath(path).suffix not in LANGUAGES:
            raise SpecError(
                where=unit.place, found=path, expected=f"a kernel in {', '.join(sorted(LANGUAGES))}"
            )
        text = _text(PurePosixPath(path).suffix, body.spec.texts[body.region.name])
        try:
            tried = searching.judged(body, text, asking.exclusive)
        except (CompiledAIError, ImportError, ValueError, KeyError, TypeError):
            # The gates meet the same fault and say it; there is nothing to freeze beside the text.
            tried = searching.Tried(text=text, verdicts={}, cubins={})
        files = described(unit, {body.spec.context: tried}, search=None)
        return Candidate(files=files, proposer=f"file:{path}", attempt=1)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return "": a kernel is judged on inputs of a fresh seed."""
        del unit, asking
        return ""

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: kernels have an allow-list of their own."""
        del unit, candidate
        return ()

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one gate; every gate of a kernel is asked in one go, in order."""
        del phase
        try:
            told = Description(unit, candidate)
            if faults := list(told.faults()):
                return Verdict(gate=gate, findings=tuple(_finding(gate, f) for f in faults))
            if not any(told.runs_by.values()):
                return Verdict(gate=gate, figures={"runs_by": FRAMEWORK})
            return _merged(gate, dict(_asked(gate, unit, told, bench.exclusive)))
        except (CompiledAIError, ImportError, ValueError, KeyError, TypeError) as error:
            return Verdict(gate=gate, findings=(_finding(gate, f"found {error}"),))


def _proposed(unit: Unit, asking: Asking, *, again: bool) -> Candidate:
    """Return the fastest kernels that pass; the framework's path where none does, and after it."""
    search, chosen = searching.searched(unit, asking)
    if again or not any(chosen.values()):
        files = described(unit, dict.fromkeys(chosen), search=search)
        return Candidate(files=files, proposer=FRAMEWORK, attempt=1 + again)
    last = [one for one in chosen.values() if one][-1]
    told = ",".join(f"{key}={value}" for key, value in last.text.parameters.items())
    files = described(unit, chosen, search=search)
    return Candidate(files=files, proposer=f"family:{told}", attempt=1)


def _has_kernel(candidate: Candidate) -> bool:
    return any(not path.endswith(f"/{FILE}") for path in candidate.files)


def _asked(
    gate: str, unit: Unit, told: Description, exclusive: Exclusive
) -> Iterator[tuple[int, Verdict]]:
    """Yield what one gate says of each kernel, by the end of the bucket it runs in."""
    missing = Verdict(gate=gate, findings=(_finding(gate, "found no answer; expected one"),))
    context = unit.body.spec.context
    for end, name in told.runs_by.items():
        if not name:
            continue
        tried = searching.judged(
            unit.body, _text(PurePosixPath(name).suffix, told.texts[name]), exclusive
        )
        verdict = tried.verdicts.get(gate)
        if gate == "latency":
            verdict = tried.latency(0 if end == context else end)
        if gate == "syntax" and verdict is not None and verdict.passed:
            drifted = tuple(_finding(gate, f) for f in _drifted(unit, told, name, tried))
            verdict = replace(verdict, findings=drifted)
        yield end, verdict or missing


def _merged(gate: str, verdicts: Mapping[int, Verdict]) -> Verdict:
    """Return one verdict: the last bucket's, with what the others say under their ends."""
    last = max(verdicts)
    whole = verdicts[last]
    figures, findings = dict(whole.figures), list(whole.findings)
    for end, verdict in verdicts.items():
        if end != last:
            figures |= {f"upto_{end}.{key}": value for key, value in verdict.figures.items()}
            findings += [
                replace(one, message=f"up to {end}: {one.message}") for one in verdict.findings
            ]
    return Verdict(gate=gate, findings=tuple(findings), figures=figures)


def _drifted(unit: Unit, told: Description, name: str, tried: Tried) -> Iterator[str]:
    """Yield where the compiler gives another kernel than was frozen."""
    compiler, frozen = told.compiled(name)
    if not tried.cubins and not frozen:
        return
    again = f"next: pytest --compile --compile-update -k {unit.name}"
    if compiler != (here := metadata.version("triton")):
        yield f"found triton {here}; expected {compiler}, which compiled it; {again}"
    elif frozen != dict(tried.cubins):
        yield f"found other compiled kernels than were frozen; expected the same bytes; {again}"


def _text(suffix: str, source: str) -> searching.Text:
    return searching.Text(source=source, language=LANGUAGES[suffix], parameters={})


def _finding(gate: str, message: str) -> Finding:
    return Finding(rule=f"{gate}.region", message=message)
