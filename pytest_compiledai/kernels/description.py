"""`region.json`: what a region runs by, up to which position, and what its kernels were built to.

It holds digests of the kernels' texts and of each compiled kernel, which the same compiler has to
give again; how they are built and what they use; what the search tried. No time stands in it, so
that equal searches give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.candidate import LANGUAGES

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.measured import Search
    from pytest_compiledai.kernels.searching import Tried
    from pytest_compiledai.kernels.units import RegionBody

FILE: Final = "region.json"
VERSION: Final = 3
#: What follows from a search and a compiler, and not from the spec and the texts.
_FOUND: Final = ("search", "ordered_by", "compiled")


class Description:
    """A region's artifact, read."""

    def __init__(self, unit: Unit, candidate: Candidate) -> None:
        """Read it. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
        self._unit = unit
        self._files = candidate.files
        self.value = read(candidate.files[f"{unit.name}/{FILE}"])
        #: The end of a bucket -> the file of its kernel; "" for the framework.
        self.runs_by = runs_by(self.value)
        prefix = f"{unit.name}/"
        self.texts = {
            path.removeprefix(prefix): data.decode("utf-8", "replace")
            for path, data in candidate.files.items()
            if path != f"{prefix}{FILE}"
        }

    def faults(self) -> Iterator[str]:
        """Yield where it is none of this region, these targets and these files."""
        named = {name for name in self.runs_by.values() if name}
        if named != set(self.texts):
            yield f"found the files {sorted(self.texts)}; expected {sorted(named)}"
            return
        body: RegionBody = self._unit.body
        texts = {end: (name, self.texts.get(name, "")) for end, name in self.runs_by.items()}
        fresh = _value(self._unit, texts) | {key: self.value.get(key) for key in _FOUND}
        ends = set(self.runs_by)
        if fresh != self.value or not ends <= {*body.spec.buckets, body.spec.context}:
            yield "found a manifest of another region, target or kernel; expected this one's"
        search, compiled = self.value.get("search"), self.value.get("compiled")
        if not isinstance(search, list) or not isinstance(compiled, dict) or set(compiled) != named:
            yield "found a manifest without what was searched and compiled; expected both"

    def compiled(self, name: str) -> tuple[str, Mapping[str, str]]:
        """Return the compiler of a kernel and the digests of what it gave, by target."""
        facts = self.value["compiled"][name]
        return facts["compiler"], facts["sha256"]


def read(data: bytes) -> dict[str, Any]:
    """Return a manifest. Raises ``ValueError`` or ``TypeError``."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise TypeError("a manifest that is no object")
    return value


def runs_by(value: Mapping[str, Any]) -> dict[int, str]:
    """Return the file of the kernel up to each position, in order; "" for the framework.

    Raises ``KeyError``, ``TypeError`` or ``ValueError``.
    """
    found = {int(each["upto"]): str(each["file"]) for each in value["kernels"]}
    if not found or list(found) != sorted(found):
        raise ValueError("kernels in no order")
    return found


def described(
    unit: Unit, chosen: Mapping[int, Tried | None], *, search: Search | None
) -> dict[str, bytes]:
    """Return the artifact's files: the manifest, and each kernel's text once."""
    names: dict[str, str] = {}
    texts: dict[int, tuple[str, str]] = {}
    compiled: dict[str, Any] = {}
    for end in sorted(chosen):
        tried = chosen[end]
        if tried is None:
            texts[end] = "", ""
            continue
        source = tried.text.source
        suffix = next(s for s, name in LANGUAGES.items() if name == tried.text.language)
        name = names.setdefault(source, f"kernel{f'_{len(names)}' if names else ''}{suffix}")
        texts[end] = name, source
        compiled[name] = _compiled(tried, name)
    value = _value(unit, texts) | {
        "search": search.plain() if search else [],
        "ordered_by": search.ordered_by if search else "",
        "compiled": compiled,
    }
    files = {f"{unit.name}/{name}": source.encode() for source, name in names.items()}
    return {f"{unit.name}/{FILE}": f"{json.dumps(value, indent=1)}\n".encode(), **files}


def _value(unit: Unit, texts: Mapping[int, tuple[str, str]]) -> dict[str, Any]:
    body: RegionBody = unit.body
    return {
        "version": VERSION,
        "region": unit.name,
        "signature": body.region.signature,
        "dtype": body.spec.dtype,
        "targets": list(body.spec.targets),
        "kernels": [
            {"upto": end, "file": name, "sha256": digest(text.encode()) if name else ""}
            for end, (name, text) in texts.items()
        ],
        "fallback": "framework",
    }


def _compiled(tried: Tried, name: str) -> dict[str, Any]:
    """Return how a kernel is built, the digests of what came out, and what it uses."""
    if tried.text.language == "cpp":
        build = ["g++", *native.FLAGS, f"-march={native.MARCH}", name, "-lm"]
        return {"compiler": "", "build": build, "sha256": {}, "resources": {}}
    return {
        "compiler": metadata.version("triton") if tried.cubins else "",
        "build": [],  # by what LAUNCH states, for each target
        "sha256": dict(tried.cubins),
        "resources": {key: dict(facts) for key, facts in tried.resources.items()},
    }
