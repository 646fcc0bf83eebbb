"""Advice on the order in which candidates are tried: a model may give it, and can give no more.

The model sees a summary of the region and of each candidate under an id, and returns ids. What is
no id of the space is dropped, what it leaves out comes after, in the order that was there without
it. So advice changes what is tried first, never what may be chosen: where every candidate is tried,
the choice is the one without a model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.latency import MACHINES
from pytest_compiledai.kernels.latency import traffic

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.kernels.candidate import Candidate
    from pytest_compiledai.kernels.contract import Contract

_NOTES: Final = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 200}}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "order": {"type": "array", "items": {"type": "string"}},
        "labels": _NOTES,
        "risks": _NOTES,
    },
    "required": ["order"],
    "additionalProperties": False,
}
_FENCED: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n```\s*\Z", re.DOTALL)
_SAYS: Final = re.compile(r'^//(.*)|\A"""(.*)', re.MULTILINE)
_PROCESSOR: Final = (
    "one core of an x86-64-v3 processor: 16 vector registers of 8 floats, 2 loads and 2 float "
    "operations a cycle with a latency of 4, g++ -O3 -ffp-contract=off, no fused multiply-add"
)
_TASK: Final = """You order candidates for measurement; you write no code.
Each candidate computes the same region. Only a few of the first will be built and timed.
Put first what you expect to be fastest on the target, and keep different variants near the front.
Answer with one JSON object and nothing else, under this schema:
{schema}
`order` lists ids, the most promising first. `labels` and `risks` say in a few words why, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """An order of places in the space, and what was said of some of them."""

    order: tuple[int, ...]
    labels: Mapping[str, str] = field(default_factory=dict)  # by id
    risks: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()  # what was no id of the space
    by: str = ""  # the model that gave it; "" for none


def name_of(place: int) -> str:
    """Return the id of the candidate at a place of the space."""
    return f"c{place:02d}"


def machine(target: str) -> str:
    """Return what the model is told of a target."""
    if target not in MACHINES:
        return _PROCESSOR
    known = MACHINES[target]
    return (
        f"{target}: {known.multiprocessors} multiprocessors with {known.shared_bytes} bytes of "
        f"shared memory and {known.threads} threads each, {known.bandwidth:g} GB/s, a launch "
        f"costs {known.launch_ns:g} ns"
    )


def question(
    contract: Contract,
    candidates: Sequence[Candidate],
    *,
    dtype: str,
    targets: Sequence[str],
    hints: Mapping[int, str] | None = None,
) -> list[tuple[str, str]]:
    """Return the messages, role and content; ``hints`` are diagnostics of compilers, by place."""
    sizes = ", ".join(f"{name}={size}" for name, size in sorted(contract.dims.items()))
    flops = expression.value(contract.flops, contract.dims)
    lines = [
        f"region: {contract.family} with {sizes}, {dtype}",
        f"moves {traffic(contract, dtype)} bytes at least, {flops} operations",
        *(f"target: {machine(target)}" for target in targets),
        "candidates:",
    ]
    for place, candidate in enumerate(candidates):
        stated = " ".join(f"{key}={value}" for key, value in candidate.parameters.items())
        told = [stated, summary(candidate), (hints or {}).get(place, "")]
        lines.append(f"{name_of(place)}: {'; '.join(filter(None, told))}")
    task = _TASK.format(schema=json.dumps(SCHEMA, sort_keys=True))
    return [("system", task), ("user", "\n".join(lines))]


def summary(candidate: Candidate) -> str:
    """Return the first line that a candidate's text says of itself."""
    found = _SAYS.search(candidate.source)
    return (found[1] or found[2]).strip() if found else ""


def advised(text: str, without: Sequence[int]) -> Advice:
    """Return the advice in an answer; ``without`` is the whole space in the order without it.

    Raises ``ValueError`` for an answer that is not of the schema.
    """
    fenced = _FENCED.match(text)
    value = read_json(fenced[1] if fenced else text)
    if not isinstance(value, dict) or not {"order"} <= set(value) <= set(SCHEMA["properties"]):
        raise ValueError("an answer that is no object with order, labels and risks")
    said = value["order"]
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise ValueError("an order that is no list of ids")
    known = {name_of(place): place for place in without}
    first = [known[one] for one in dict.fromkeys(said) if one in known]
    return Advice(
        order=(*first, *(place for place in without if place not in first)),
        labels=_notes(value.get("labels", {}), known),
        risks=_notes(value.get("risks", {}), known),
        dropped=tuple(one for one in said if one not in known),
    )


def _notes(value: Any, known: Mapping[str, int]) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("notes that are no object of texts")
    most = _NOTES["additionalProperties"]["maxLength"]  # type: ignore[index]
    return {name: text[:most] for name, text in value.items() if name in known}


def spread(order: Sequence[int], candidates: Sequence[Candidate]) -> tuple[int, ...]:
    """Return the order with the best of every variant before the second of any.

    Candidates of one variant are alike: where one is far from the best, so are its neighbours.
    """
    first: dict[str, int] = {}
    for place in order:
        first.setdefault(str(candidates[place].parameters.get("variant", "")), place)
    ahead = set(first.values())
    return (*first.values(), *(place for place in order if place not in ahead))


def ordered(
    contract: Contract,
    candidates: Sequence[Candidate],
    without: Sequence[int],
    asking: Asking,
    *,
    dtype: str,
    targets: Sequence[str],
    hints: Mapping[int, str] | None = None,
) -> Advice:
    """Return a model's advice, recorded or asked for, else the order without one.

    Nothing is asked where nothing is recorded and no model may be asked. Raises ``ModelError``.
    """
    messages = question(contract, candidates, dtype=dtype, targets=targets, hints=hints)
    answered = asking.ask(messages, sample=0) if asking.live else asking.peek(messages, sample=0)
    if answered is None:
        return Advice(order=tuple(without))
    try:
        return replace(advised(answered.text, without), by=answered.model)
    except ValueError:
        return Advice(order=tuple(without), dropped=(answered.text[:80],))
