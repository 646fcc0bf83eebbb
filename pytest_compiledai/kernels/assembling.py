"""The unit of the whole step: its regions in the plan's order say the framework's tokens.

A kernel that is right alone may break in the model. Frozen kernels run where they stand in the
step, everything else by the regions' operators, on random weights, greedily, beside the framework's
own attention and cache. The artifact names the regions' artifacts that were put together.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.modelfree import only_one
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import description
from pytest_compiledai.kernels.capturing import asked
from pytest_compiledai.kernels.plan import plan_digest

if TYPE_CHECKING:
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.kernels.units import AssembledBody

FILE: Final = "assembled.json"
#: Logits may be off by so many roundings of the dtype, as a share of one.
_OFF: Final = {"float32": 1e-4, "float16": 0.1, "bfloat16": 0.5}
#: Tokens may part where the framework's best two are closer than so many times the error.
_CLOSE: Final = 4.0
_LAST: dict[str, Mapping[str, Any]] = {}  # what the twin said, by candidate and seed


class AssembledForm:
    """One candidate: the step as its regions are frozen now."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return it. Raises ``ModelError`` for a second."""
        if history or sample:
            raise only_one(unit, "the step, judged already")
        files = {f"{unit.name}/{FILE}": _manifest(unit, asking)}
        return Candidate(files=files, proposer="plan", attempt=1)

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of the regions' artifacts as this run leaves them."""
        return digest_of(_frozen(unit, asking))

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return nothing: the regions' units have the code."""
        del unit, candidate
        return ()

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Security and syntax read the artifact; execution and accuracy run the step."""
        del phase
        asking = bench.asking()
        questions: Mapping[str, Callable[[dict[str, Any]], Iterator[str]]] = {
            "security": lambda _: _misread(unit, candidate, asking),
            "syntax": lambda _: _misread(unit, candidate, asking),
            "execution": lambda figures: _ran(unit, candidate, asking, figures),
            "accuracy": lambda figures: _apart(unit, candidate, asking, figures),
        }
        figures: dict[str, Any] = {}
        try:
            found = list(questions[gate](figures))
        except (CompiledAIError, ValueError, KeyError, TypeError, OSError) as error:
            found = [f"found {error}"]
        return Verdict(
            gate=gate,
            figures=figures,
            findings=tuple(Finding(rule=f"{gate}.step", message=message) for message in found),
        )


def _frozen(unit: Unit, asking: Asking) -> dict[str, str]:
    """Return the SHA-256 of each region's manifest; empty where none is frozen."""
    found = {}
    for region in unit.body.plan.regions:
        data = _read(unit.body, asking, region.name, description.FILE)
        found[region.name] = digest(data) if data is not None else ""
    return found


def _read(body: AssembledBody, asking: Asking, region: str, name: str) -> bytes | None:
    """Return a file of a region's artifact, as this run makes it or as it lies there."""
    folder = f"{body.spec.name}.{region}"
    made = asking.made(folder)
    if made is not None:
        return made.get(f"{folder}/{name}")
    path = body.project.frozen(f"{folder}/{name}")
    return path.read_bytes() if path.is_file() else None


def _manifest(unit: Unit, asking: Asking) -> bytes:
    body: AssembledBody = unit.body
    value = {
        "version": 1,
        "plan": plan_digest(body.plan),
        "dtype": body.spec.dtype,
        "tokens": _tokens(body),
        "regions": _frozen(unit, asking),
    }
    return f"{json.dumps(value, indent=1)}\n".encode()


def _tokens(body: AssembledBody) -> int:
    return min(body.spec.tokens, body.spec.context)


def _misread(unit: Unit, candidate: Candidate, asking: Asking) -> Iterator[str]:
    if candidate.files != {f"{unit.name}/{FILE}": _manifest(unit, asking)}:
        yield "found another plan, or regions that were frozen anew; expected those that lie there"


def _ran(
    unit: Unit, candidate: Candidate, asking: Asking, figures: dict[str, Any]
) -> Iterator[str]:
    told = _twin(unit, candidate, asking)
    figures |= {"tokens": _tokens(unit.body), "kernels": len(told["ran"])}
    for name, calls in told["ran"].items():
        if not calls:
            yield f"{name}: found a kernel that never ran; expected it in every step"


def _apart(
    unit: Unit, candidate: Candidate, asking: Asking, figures: dict[str, Any]
) -> Iterator[str]:
    told = _twin(unit, candidate, asking)
    figures |= {"logits_error": float(f"{told['worst']:.3g}"), "equal": _equal(unit, told)}
    if told["apart"] >= 0 and not told["gap"] <= _CLOSE * told["worst"]:
        yield (
            f"token {told['apart']}: found another than the framework's, whose best two are "
            f"{told['gap']:.3g} apart; expected the same"
        )
    bound = _OFF[unit.body.spec.dtype]
    if not told["worst"] <= bound:  # not a number, either
        yield f"found logits {told['worst']:.3g} off; expected the framework's within {bound:g}"


def _equal(unit: Unit, told: Mapping[str, Any]) -> int:
    return _tokens(unit.body) if told["apart"] < 0 else int(told["apart"])


def _twin(unit: Unit, candidate: Candidate, asking: Asking) -> Mapping[str, Any]:
    """Return what the twin said; one run answers both gates. Raises ``ToolError``."""
    body: AssembledBody = unit.body
    key = digest_of([candidate.address, unit.evidence])
    if key not in _LAST:
        order = {
            "plan": body.plan.render().decode(),
            "config": body.spec.config,
            "dtype": body.spec.dtype,
            "context": body.spec.context,
            "tokens": _tokens(body),
            "seed": secrets.randbits(31),
            "first": 1,
            "kernels": dict(_kernels(body, asking)),
        }
        _LAST.clear()
        _LAST[key] = asked("twin", order, where=body.spec.path, timeout_s=body.spec.timeout_s)
    return _LAST[key]


def _kernels(body: AssembledBody, asking: Asking) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the frozen kernels that run on this processor, with their texts, by bucket."""
    for region in body.plan.regions:
        data = _read(body, asking, region.name, description.FILE)
        value = description.read(data) if data is not None else {"kernels": []}
        own = region.name in body.spec.candidates
        found = [dict(each) for each in value["kernels"]]
        if any(each["file"] for each in found):
            for each in found:
                each |= {"text": _text(body, asking, region.name, each), "own": own}
            yield region.name, found


def _text(body: AssembledBody, asking: Asking, region: str, kernel: Mapping[str, Any]) -> str:
    if not kernel["file"]:
        return ""
    text = _read(body, asking, region, kernel["file"])
    if text is None or digest(text) != kernel["sha256"]:
        raise ValueError(f"{region}: other bytes of {kernel['file']} than its manifest names")
    return text.decode()
