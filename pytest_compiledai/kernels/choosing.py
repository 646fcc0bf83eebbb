"""The unit of one region: a kernel that passes every gate, else the framework.

The kernel is the file that the spec names, or one of a template family's, proposed one after the
other until one passes; after them the framework, which is the reference and needs no proof against
itself. The artifact says which of them a region runs by, and holds the kernel's text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels.candidate import LANGUAGES

if TYPE_CHECKING:
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.units import RegionBody

FILE: Final = "region.json"
FRAMEWORK: Final = "framework"
#: The verdicts of this process's last kernel, by candidate and region: one run answers every gate.
_LAST: dict[tuple[str, str], Mapping[str, Verdict]] = {}


class RegionForm:
    """The file that the spec names for the region; else a family's kernels, then the framework."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the next. Raises ``ModelError`` after the last, ``SpecError`` for no kernel."""
        del asking
        body: RegionBody = unit.body
        path = body.spec.candidates.get(body.region.name)
        if sample or (history and (path or not _kernel(unit, history[-1].candidate))):
            raise only_one(unit, "the region's last candidate, judged already")
        if path is None:
            return _proposed(unit, attempt=len(history) + 1)
        suffix = PurePosixPath(path).suffix
        if suffix not in LANGUAGES:
            raise SpecError(
                where=unit.place, found=path, expected=f"a kernel in {', '.join(sorted(LANGUAGES))}"
            )
        text = body.spec.texts[body.region.name]
        name = f"kernel{suffix}"
        files = {
            f"{unit.name}/{FILE}": _manifest(unit, name, text),
            f"{unit.name}/{name}": text.encode(),
        }
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
        del phase, bench
        try:
            named = _named(unit, candidate)
            if faults := list(_misread(unit, candidate, named)):
                return Verdict(gate=gate, findings=tuple(_finding(gate, f) for f in faults))
            if not named:
                return Verdict(gate=gate, figures={"runs_by": FRAMEWORK})
            verdicts = _asked(unit, candidate, named)
        except (CompiledAIError, ImportError, ValueError, KeyError, TypeError) as error:
            return Verdict(gate=gate, findings=(_finding(gate, f"found {error}"),))
        if gate not in verdicts:
            return Verdict(gate=gate, findings=(_finding(gate, "found no answer; expected one"),))
        return _beside_framework(verdicts[gate], unit.body.spec.margin)


def _proposed(unit: Unit, *, attempt: int) -> Candidate:
    """Return the family's candidate of an attempt, the framework's path after the last."""
    from pytest_compiledai.kernels.matching import proposals

    body: RegionBody = unit.body
    known = proposals(body.region, body.spec.targets, body.spec.budget)
    if attempt > len(known):
        files = {f"{unit.name}/{FILE}": _manifest(unit, "", "")}
        return Candidate(files=files, proposer=FRAMEWORK, attempt=attempt)
    chosen = known[attempt - 1]
    suffix = next(end for end, name in LANGUAGES.items() if name == chosen.language)
    name = f"kernel{suffix}"
    files = {
        f"{unit.name}/{FILE}": _manifest(unit, name, chosen.source),
        f"{unit.name}/{name}": chosen.source.encode(),
    }
    told = ",".join(f"{key}={value}" for key, value in chosen.parameters.items())
    return Candidate(files=files, proposer=f"family:{told}", attempt=attempt)


def _beside_framework(verdict: Verdict, margin: float) -> Verdict:
    """Return the verdict of latency with a finding where the framework is as fast."""
    own, other = verdict.figures.get("cpu.us"), verdict.figures.get("cpu.framework_us")
    if own is None or other is None or own <= other * (1 - margin):
        return verdict
    found = f"cpu: found {own:g} us; expected {margin:.0%} less than the framework's {other:g} us"
    return replace(verdict, findings=(*verdict.findings, _finding("latency", found)))


def _manifest(unit: Unit, name: str, text: str) -> bytes:
    body: RegionBody = unit.body
    value = {
        "version": 1,
        "region": unit.name,
        "signature": body.region.signature,
        "dtype": body.spec.dtype,
        "targets": list(body.spec.targets),
        "kernel": {"file": name, "sha256": digest(text.encode())} if name else None,
        "fallback": FRAMEWORK,
    }
    return f"{json.dumps(value, indent=1)}\n".encode()


def _named(unit: Unit, candidate: Candidate) -> str:
    """Return the kernel's file name; empty for the framework. Raises ``ValueError``."""
    value = json.loads(candidate.files[f"{unit.name}/{FILE}"])
    if not isinstance(value, dict):
        raise TypeError("a manifest that is no object")
    kernel = value["kernel"]
    return "" if kernel is None else str(kernel["file"])


def _kernel(unit: Unit, candidate: Candidate) -> bool:
    return len(candidate.files) > 1 and f"{unit.name}/{FILE}" in candidate.files


def _misread(unit: Unit, candidate: Candidate, name: str) -> Iterator[str]:
    """Yield where the artifact is none of this region and these targets."""
    own = f"{unit.name}/{name}"
    wanted = {f"{unit.name}/{FILE}", *([own] if name else [])}
    if set(candidate.files) != wanted:
        yield f"found the files {', '.join(sorted(candidate.files))}; expected {sorted(wanted)}"
        return
    text = candidate.files[own].decode("utf-8", "replace") if name else ""
    if candidate.files[f"{unit.name}/{FILE}"] != _manifest(unit, name, text):
        yield "found a manifest of another region, target or kernel; expected this one's"


def _asked(unit: Unit, candidate: Candidate, name: str) -> Mapping[str, Verdict]:
    """Return the verdicts of every gate that was reached."""
    from pytest_compiledai.kernels import judge as judging
    from pytest_compiledai.kernels.adapting import contract_of
    from pytest_compiledai.kernels.matching import matched

    key = (candidate.address, unit.evidence)
    if key not in _LAST:
        body: RegionBody = unit.body
        # A file of the user's speaks the plan's names, a family's kernel the family's.
        own = body.region.name in body.spec.candidates
        contract = contract_of(
            body.region,
            body.spec.dtype,
            context=body.spec.context,
            match=None if own else matched(body.region),
        )
        text = candidate.files[f"{unit.name}/{name}"].decode("utf-8", "replace")
        judged = judging.judge(
            contract,
            text,
            language=LANGUAGES[PurePosixPath(name).suffix],
            dtype=body.spec.dtype,
            targets=body.spec.targets,
        )
        _LAST.clear()
        _LAST[key] = judged.verdicts
    return _LAST[key]


def _finding(gate: str, message: str) -> Finding:
    return Finding(rule=f"{gate}.region", message=message)
