"""The figures of one site, from its sketch."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.audit.conversation import Turn
from pytest_compiledai.audit.example import Cut
from pytest_compiledai.audit.example import Example
from pytest_compiledai.audit.example import examples_of
from pytest_compiledai.audit.infer import infer
from pytest_compiledai.audit.machine import Machine
from pytest_compiledai.audit.machine import mine
from pytest_compiledai.audit.neighbours import Coverage
from pytest_compiledai.audit.neighbours import coverage
from pytest_compiledai.audit.pilots import Pilots
from pytest_compiledai.audit.pilots import run_pilots
from pytest_compiledai.audit.site import Site
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Split

DAY_S: Final = 86_400
TOP: Final = 20  # answers that the top share counts
_LATE: Final = 0.4  # share of the calls, the last ones, that novelty is told of
_MULTI: Final = 0.5  # share of conversations with a second turn, for a site to converse
_FEW_SHOT: Final = 0.5  # share of linked calls at a place already taken: examples, not turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its counts."""

    right: int
    total: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.right / self.total if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What the calls of a site use."""

    calls_per_day: float | None
    tokens_in: float  # a call, mean
    tokens_out: float
    estimated: bool  # some of the tokens are reckoned from characters
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """All figures of one site."""

    site: Site
    use: Use
    agreement: Share  # of repeated inputs, with the answer before
    outputs: int  # distinct
    top_share: float  # of calls that the 20 commonest answers make up
    new_inputs: Share  # of late calls
    new_outputs: Share
    schema: Mapping[str, Any]  # of the answers
    schema_valid: Share
    pilots: Pilots
    covered: Coverage
    machine: Machine | None  # where the site converses
    turns: Sequence[Sequence[Turn]]  # of its sampled conversations
    examples: Sequence[Example]
    cut: Cut


def measure(site: Site) -> Measures:
    """Return the figures of a site."""
    examples, cut = examples_of(list(site.rows.values()))
    turns = conversations_of(site)
    fit = [example for example in examples if example.split is Split.TRAIN]
    held = [example for example in examples if example.split is Split.TEST]
    schema = infer([example.value for example in fit])
    late = _late(site)
    return Measures(
        site=site,
        use=_use(site),
        agreement=Share(right=site.agreed, total=site.repeats),
        outputs=len(site.outputs),
        top_share=sum(count for _, count in Counter(site.outputs).most_common(TOP)) / site.calls,
        new_inputs=Share(right=late[1], total=late[0]),
        new_outputs=Share(right=late[2], total=late[0]),
        schema=schema,
        schema_valid=_valid(schema, [example.value for example in held]),
        pilots=run_pilots(examples),
        covered=coverage(fit, held),
        machine=mine(turns) if turns else None,
        turns=[turns[key] for key in sorted(turns)],
        examples=examples,
        cut=cut,
    )


def conversations_of(site: Site) -> dict[int, list[Turn]]:
    """Return the sampled conversations of a site that converses; none of one that does not."""
    kept = site.conversations
    several = sum(len(turns) > 1 for turns in kept.values())
    if several < _MULTI * len(kept) or not site.linked_turns:
        return {}
    if site.repeated_turns > _FEW_SHOT * site.linked_turns:
        return {}
    return {key: [turns[index] for index in sorted(turns)] for key, turns in kept.items()}


def rooted(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema is an object's, as a spec's must be."""
    return schema.get("type") == "object"


def wrapped(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the schema of an object that holds a value of ``schema`` as its one property."""
    if rooted(schema):
        return dict(schema)
    return {"type": "object", "properties": {name: dict(schema)}, "required": [name]}


def _valid(schema: Mapping[str, Any], values: Sequence[Any]) -> Share:
    root = rooted(schema)
    try:
        read = Schema.parse(
            wrapped(schema, "answer"), lambda *_: Place(path="schema", line=1), closed=True
        )
    except SpecError:
        return Share(right=0, total=len(values))
    good = sum(not read.problems(value if root else {"answer": value}) for value in values)
    return Share(right=good, total=len(values))


def _late(site: Site) -> tuple[int, int, int]:
    """Return calls, new inputs and new outputs of the last windows that hold enough calls."""
    calls = inputs = outputs = 0
    for window in reversed(site.windows):
        if calls >= _LATE * site.calls:
            break
        calls += window.calls
        inputs += window.new_inputs
        outputs += window.new_outputs
    return calls, inputs, outputs


def _use(site: Site) -> Use:
    first, last = site.times_s or (0.0, 0.0)
    seen = sorted(site.latencies_s)
    return Use(
        calls_per_day=site.calls / max(1.0, (last - first) / DAY_S) if last > first else None,
        tokens_in=site.tokens_in / site.calls,
        tokens_out=site.tokens_out / site.calls,
        estimated=site.tokens_estimated > 0,
        p50_s=statistics.median(seen) if seen else None,
        p95_s=seen[int(0.95 * (len(seen) - 1))] if seen else None,
    )
