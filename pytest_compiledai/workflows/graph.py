"""The steps of a workflow: a tree of calls, joins, votes, judges, routers, cascades and loops.

A tree says a series-parallel graph. `wiring` draws it as one, and makes a tree of one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an agent."""

    agent: str
    slot: str  # what a setting is chosen for; calls that share a slot share the setting
    draw: int = 0  # which of the agent's draws this call takes; no two calls share one


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps one after the other; each is given what the one before made, or what it `reads`."""

    steps: tuple[Step, ...]
    #: By step the places of the earlier ones whose results it is given, together right when all
    #: are; none: only what the sequence is given. Empty as a whole: each reads the one before.
    reads: tuple[tuple[int, ...], ...] = ()

    def fed(self) -> tuple[tuple[int, ...], ...]:
        """Return `reads`, written out."""
        return self.reads or tuple((n - 1,) if n else () for n in range(len(self.steps)))


@dataclass(frozen=True, slots=True)
class Join:
    """Branches side by side, all of which have to be right."""

    branches: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """Branches side by side; the answer that most of them gave, of ties the one listed first."""

    branches: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Best:
    """Branches side by side, one of which a judge picks."""

    branches: tuple[Step, ...]
    judge: Call


@dataclass(frozen=True, slots=True)
class Route:
    """A router's answer names the branch that is taken."""

    router: Call
    names: tuple[str, ...]
    branches: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Cascade:
    """A first step whose result is kept when a gate accepts it, else a second step from scratch.

    The gate is a call that answers `accept` or `reject`, or the share of a vote that agreed.
    """

    first: Step
    second: Step
    gate: Call | None
    agree: float  # share of the first step's branches that have to agree, without a gate


@dataclass(frozen=True, slots=True)
class Loop:
    """Tries until a check accepts one; the later ones mend the one before, or start from scratch.

    `checks` has one call less than `tries`, for the last try is kept as it is; empty, the check is
    the problem set's own scorer (tests, a proof checker) and costs nothing.
    """

    tries: tuple[Step, ...]
    checks: tuple[Call, ...]
    mends: bool = True


@dataclass(frozen=True, slots=True)
class Map:
    """One call an item, `width` at a time; right when all, most, or a mean share of items are."""

    items: tuple[Step, ...]
    keep: str  # all | most | mean
    width: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives among which the search chooses."""

    options: tuple[Step, ...]


Step: TypeAlias = Call | Sequence | Join | Vote | Best | Route | Cascade | Loop | Map | Choice

#: The fields of each step that hold steps or tuples of them, in the order they run.
_PARTS: Mapping[type, tuple[str, ...]] = {
    Call: (),
    Sequence: ("steps",),
    Join: ("branches",),
    Vote: ("branches",),
    Best: ("branches", "judge"),
    Route: ("router", "branches"),
    Cascade: ("first", "gate", "second"),
    Loop: ("tries", "checks"),
    Map: ("items",),
    Choice: ("options",),
}


def parts(step: Step) -> tuple[Step, ...]:
    """Return the steps directly inside ``step``, in the order they run."""
    found: list[Step] = []
    for name in _PARTS[type(step)]:
        value = getattr(step, name)
        found.extend(value if isinstance(value, tuple) else [value] if value is not None else [])
    return tuple(found)


def calls(step: Step) -> Iterator[Call]:
    """Yield every call in ``step``, in the order they run."""
    if isinstance(step, Call):
        yield step
    for part in parts(step):
        yield from calls(part)


def extent(step: Step, known: dict[int, tuple[int, int]] | None = None) -> tuple[int, int]:
    """Return how many calls ``step`` makes at most, and how many structures its choices give.

    Neither is listed: copies of copies, and choices beside choices, may be too many for that.
    """
    known = {} if known is None else known  # by identity; copies are one object
    if id(step) not in known:
        inside = [extent(part, known) for part in parts(step)]
        if isinstance(step, Choice):
            found = max(n for n, _ in inside), sum(n for _, n in inside)
        else:
            found = sum(n for n, _ in inside), math.prod(n for _, n in inside)
        known[id(step)] = found if inside else (1, 1)
    return known[id(step)]


def slots(step: Step) -> dict[str, str]:
    """Return the agent of each slot, in the order of first use."""
    return {call.slot: call.agent for call in calls(step)}


def structures(step: Step) -> tuple[Step, ...]:
    """Return ``step`` without choices: one step for every way to choose, each once, in order.

    Draws are numbered within each, so that a call takes the agent's first draws first.
    """
    return tuple(dict.fromkeys(numbered(option) for option in _expanded(step)))


def numbered(step: Step) -> Step:
    """Return ``step`` in which the calls of an agent take its draws 0, 1, 2 and so on."""
    return _numbered(step, {})


def _numbered(step: Step, used: dict[str, int]) -> Step:
    if isinstance(step, Call):
        draw = used.get(step.agent, 0)
        used[step.agent] = draw + 1
        return replace(step, draw=draw)
    return rebuilt(step, [_numbered(part, used) for part in parts(step)])


def _expanded(step: Step) -> Iterator[Step]:
    if isinstance(step, Choice):
        for option in step.options:
            yield from _expanded(option)
        return
    for chosen in itertools.product(*(tuple(_expanded(part)) for part in parts(step))):
        yield rebuilt(step, chosen)


def rebuilt(step: Step, new: list[Step] | tuple[Step, ...]) -> Step:
    """Return ``step`` with other parts, given in the order of ``parts``."""
    rest = iter(new)
    changed: dict[str, object] = {}
    for name in _PARTS[type(step)]:
        value = getattr(step, name)
        if isinstance(value, tuple):
            changed[name] = tuple(itertools.islice(rest, len(value)))
        elif value is not None:
            changed[name] = next(rest)
    return replace(step, **changed) if changed else step  # type: ignore[arg-type]  # by name


def reading(steps: tuple[Step, ...], reads: tuple[tuple[int, ...], ...]) -> Sequence:
    """Return a sequence of steps and what each reads; no `reads` where each reads the one before.

    So that two ways to write one sequence are one structure.
    """
    plain = Sequence(steps)
    return plain if reads == plain.fed() else Sequence(steps, reads)


def chained(*steps: Step) -> Step:
    """Return ``steps`` one after the other, flat where they are such sequences themselves."""
    flat: list[Step] = []
    for step in steps:
        plain = isinstance(step, Sequence) and not step.reads
        flat += step.steps if plain and isinstance(step, Sequence) else [step]
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def label(step: Step) -> str:
    """Return a step in one line, as tables show it."""
    match step:
        case Call():
            return step.agent if step.slot == step.agent else step.slot
        case Route():
            inside = ", ".join(map(label, step.branches))
            return f"route({label(step.router)}: {inside})"
        case Sequence(reads=reads) if reads:
            return f"sequence({', '.join(_reading(step))})"
        case Vote(branches=branches) | Map(items=branches) if len(set(map(label, branches))) == 1:
            return f"{type(step).__name__.lower()}({len(branches)} x {label(branches[0])})"
        case _:
            return f"{type(step).__name__.lower()}({', '.join(map(label, parts(step)))})"


def _reading(step: Sequence) -> Iterator[str]:
    """Yield the label of each step, and the numbers of those it reads where it is not the last."""
    for number, (inner, reads) in enumerate(zip(step.steps, step.fed(), strict=True)):
        usual = (number - 1,) if number else ()
        numbers = "+".join(str(place + 1) for place in reads) or "0"
        yield label(inner) if reads == usual else f"{label(inner)} of {numbers}"
