"""The unit of one region: a kernel that passes every gate, else the framework.

The kernel is the file that the spec names, or the fastest of a template family's that passes; where
none does, and after it, the framework, which is the reference and needs no proof against itself.
The artifact says which of them a region runs by; it holds the kernel's text, what the search found,
and the digest of each compiled kernel, which the same compiler has to give again.
"""

from __future__ import annotations

import json
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
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import searching
from pytest_compiledai.kernels.candidate import LANGUAGES

if TYPE_CHECKING:
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.searching import Tried
    from pytest_compiledai.kernels.units import RegionBody

FILE: Final = "region.json"
FRAMEWORK: Final = "framework"


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
            return _proposed(unit, again=bool(history))
        if PurePosixPath(path).suffix not in LANGUAGES:
            raise SpecError(
                where=unit.place, found=path, expected=f"a kernel in {', '.join(sorted(LANGUAGES))}"
            )
        text = _text(PurePosixPath(path).suffix, body.spec.texts[body.region.name])
        try:
            tried = searching.judged(body, text)
        except (CompiledAIError, ImportError, ValueError, KeyError, TypeError):
            # The gates meet the same fault and say it; there is nothing to freeze beside the text.
            tried = searching.Tried(text=text, verdicts={}, cubins={})
        return _candidate(unit, tried, f"file:{path}", search=[])

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
        return verdicts[gate]


def _proposed(unit: Unit, *, again: bool) -> Candidate:
    """Return the fastest kernel that passes; the framework's path where none does, and after it."""
    tried, chosen = searching.searched(unit.body, unit.gates)
    search = [one.as_json() for one in tried]
    if again or chosen is None:
        files = {f"{unit.name}/{FILE}": _manifest(unit, "", "", search=search)}
        return Candidate(files=files, proposer=FRAMEWORK, attempt=1 + again)
    told = ",".join(f"{key}={value}" for key, value in chosen.text.parameters.items())
    return _candidate(unit, chosen, f"family:{told}", search=search)


def _candidate(
    unit: Unit, tried: Tried, proposer: str, *, search: Sequence[Mapping[str, Any]]
) -> Candidate:
    suffix = next(end for end, name in LANGUAGES.items() if name == tried.text.language)
    name, source = f"kernel{suffix}", tried.text.source
    manifest = _manifest(unit, name, source, search=search, cubins=tried.cubins)
    files = {f"{unit.name}/{FILE}": manifest, f"{unit.name}/{name}": source.encode()}
    return Candidate(files=files, proposer=proposer, attempt=1)


def _manifest(
    unit: Unit,
    name: str,
    text: str,
    *,
    search: Sequence[Mapping[str, Any]],
    cubins: Mapping[str, str] | None = None,
) -> bytes:
    body: RegionBody = unit.body
    compiler = metadata.version("triton") if cubins else ""
    value = {
        "version": 2,
        "region": unit.name,
        "signature": body.region.signature,
        "dtype": body.spec.dtype,
        "targets": list(body.spec.targets),
        "kernel": {"file": name, "sha256": digest(text.encode())} if name else None,
        "fallback": FRAMEWORK,
        "search": list(search),
        "cubins": {"compiler": compiler, "sha256": dict(cubins or {})},
    }
    return f"{json.dumps(value, indent=1)}\n".encode()


def _read(unit: Unit, candidate: Candidate) -> dict[str, Any]:
    """Return the manifest. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    value = json.loads(candidate.files[f"{unit.name}/{FILE}"])
    if not isinstance(value, dict):
        raise TypeError("a manifest that is no object")
    return value


def _named(unit: Unit, candidate: Candidate) -> str:
    """Return the kernel's file name; empty for the framework. Raises ``ValueError``."""
    kernel = _read(unit, candidate)["kernel"]
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
    value, keys = _read(unit, candidate), ("search", "cubins")
    fresh = json.loads(_manifest(unit, name, text, search=[]))
    if {**fresh, **{key: value.get(key) for key in keys}} != value:
        yield "found a manifest of another region, target or kernel; expected this one's"
    if not isinstance(value.get("search"), list) or not isinstance(value.get("cubins"), dict):
        yield "found a manifest without what was searched and compiled; expected both"


def _drifted(unit: Unit, candidate: Candidate, tried: Tried) -> Iterator[str]:
    """Yield where the compiler gives another kernel than was frozen."""
    frozen = _read(unit, candidate)["cubins"]
    if not tried.cubins and not frozen["sha256"]:
        return
    again = f"next: pytest --compile --compile-update -k {unit.name}"
    if frozen["compiler"] != (here := metadata.version("triton")):
        yield f"found triton {here}; expected {frozen['compiler']}, which compiled it; {again}"
    elif frozen["sha256"] != dict(tried.cubins):
        yield f"found other compiled kernels than were frozen; expected the same bytes; {again}"


def _asked(unit: Unit, candidate: Candidate, name: str) -> Mapping[str, Verdict]:
    """Return the verdicts of every gate that was reached."""
    source = candidate.files[f"{unit.name}/{name}"].decode("utf-8", "replace")
    tried = searching.judged(unit.body, _text(PurePosixPath(name).suffix, source))
    syntax = tried.verdicts.get("syntax")
    if syntax is None or not syntax.passed:
        return tried.verdicts
    drifted = tuple(_finding("syntax", fault) for fault in _drifted(unit, candidate, tried))
    return {**tried.verdicts, "syntax": replace(syntax, findings=drifted)}


def _text(suffix: str, source: str) -> searching.Text:
    return searching.Text(source=source, language=LANGUAGES[suffix], parameters={})


def _finding(gate: str, message: str) -> Finding:
    return Finding(rule=f"{gate}.region", message=message)
