"""Rewrites of a flow that need no call measured anew.

Two take the place of what they rewrite, because they keep every answer and only save time and
money: dead calls, and calls that need not wait for each other. The others add structures and take
none away; whether one is any good is for the search to say: it is replayed like everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.common import merged
from pytest_compiledai.workflows.graph import Step
from pytest_compiledai.workflows.independent import side_by_side
from pytest_compiledai.workflows.independent import without_dead

_LEAST_VOTE: Final = 3  # of two that differ, the first one counts: that is no vote
_PAIR: Final = 2


def _fewer_tries(step: Step) -> Iterator[Step]:
    """Yield a loop with fewer tries; with one it is the first try alone."""
    if isinstance(step, graph.Loop):
        yield step.tries[0]
        for most in range(2, len(step.tries)):
            yield replace(step, tries=step.tries[:most], checks=step.checks[: most - 1])


def _fewer_votes(step: Step) -> Iterator[Step]:
    """Yield a vote of equal branches with two branches less at a time, and one branch alone."""
    if isinstance(step, graph.Vote) and _is_equal(step):
        yield step.branches[0]
        for copies in range(len(step.branches) - 2, _LEAST_VOTE - 1, -2):
            yield replace(step, branches=step.branches[:copies])


def _pairs_first(step: Step) -> Iterator[Step]:
    """Yield a vote of equal calls behind two calls, at a setting of their own, that may agree.

    Where they do not, the vote follows, or a single call at the vote's setting.
    """
    if isinstance(step, graph.Vote) and _is_equal(step) and len(step.branches) >= _LEAST_VOTE:
        call = step.branches[0]
        if isinstance(call, graph.Call):
            first = graph.Vote((replace(call, slot=f"{call.slot}.pair"),) * _PAIR)
            for second in (call, step):
                yield graph.Cascade(first, second, None, 1.0)


#: What each pass makes of a whole structure, in its place.
_CLEAN: Final[Mapping[str, Callable[[Step], Step]]] = {
    "dead-calls": without_dead,
    "independent-calls": side_by_side,
}
#: What each pass makes of one step, beside it.
_WIDER: Final[Mapping[str, Callable[[Step], Iterator[Step]]]] = {
    "retry-cap": _fewer_tries,
    "vote-size": _fewer_votes,
    "cascade": _pairs_first,
}
_COMMON: Final = "common-calls"
#: The names of the passes, in the order in which they are tried.
PASSES: Final = (*_CLEAN, _COMMON, *_WIDER)


def cleaned(
    steps: Iterable[Step], passes: Collection[str], same: Mapping[str, str]
) -> tuple[Step, ...]:
    """Return ``steps`` without what ``passes`` find dead or waiting, and with common calls merged.

    ``same`` names for an agent the one that is described like it.
    """
    found = list(steps)
    for name, rewrite in _CLEAN.items():
        if name in passes:
            found = [graph.numbered(rewrite(step)) for step in found]
    if _COMMON in passes:
        found += [graph.numbered(new) for step in found if (new := merged(step, same)) != step]
    return tuple(dict.fromkeys(found))


def widened(steps: Iterable[Step], passes: Collection[str]) -> tuple[Step, ...]:
    """Return ``steps`` and what each of ``passes`` makes of them at one place, each once."""
    found = list(steps)
    more = (
        graph.numbered(new)
        for name, rewrite in _WIDER.items()
        if name in passes
        for step in found
        for new in _anywhere(step, rewrite)
    )
    return tuple(dict.fromkeys([*found, *more]))


def _anywhere(step: Step, rewrite: Callable[[Step], Iterator[Step]]) -> Iterator[Step]:
    """Yield ``step`` rewritten at one place, inside votes and loops only as a whole."""
    yield from rewrite(step)
    if isinstance(step, graph.Vote | graph.Loop | graph.Map | graph.Best):
        return  # their branches are alike, or count on each other
    parts = graph.parts(step)
    for place, part in enumerate(parts):
        for new in _anywhere(part, rewrite):
            if _fits(step, place, new):
                yield graph.rebuilt(step, [*parts[:place], new, *parts[place + 1 :]])


def _fits(step: Step, place: int, new: Step) -> bool:
    """Return whether ``new`` may stand there: a gate by agreement looks at a vote's share."""
    by_agreement = isinstance(step, graph.Cascade) and step.gate is None and place == 0
    return not by_agreement or isinstance(new, graph.Vote)


def _is_equal(vote: graph.Vote) -> bool:
    return len({graph.numbered(branch) for branch in vote.branches}) == 1
