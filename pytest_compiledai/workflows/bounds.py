"""What the accuracy of a workflow can be when calls were measured on different problems.

Then nothing says how their errors go together, and only bounds hold for every way they may
(Fréchet): all of n events have at least p1 + ... + pn - (n-1) and at most the least p; one of them
at least the greatest and at most the sum. That more than half of n are right has at least
(p1 + ... + pn - (m-1)) / (n-m+1), m the least majority (Markov). Wide bounds are advice: measure
all settings on the same problems.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence

from pytest_compiledai.core.interval import Interval
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.graph import Step

#: The accuracy of a call on inputs that are `correct`, or else `wrong`, malformed ones included.
Known = Callable[[Call, str], Interval]


def bounds(step: Step, known: Known) -> Interval:
    """Return the bounds of a step's accuracy from those of its calls."""
    return _of(step, known, None)


def _of(  # noqa: PLR0911 - one case a step
    step: Step, known: Known, given: Interval | None
) -> Interval:
    """Return the bounds of ``step``; ``given``: those of the result it is given."""

    def all_of(steps: Sequence[Step]) -> list[Interval]:
        return [_of(inner, known, given) for inner in steps]

    match step:
        case graph.Call():
            return _call(step, known, given)
        case graph.Sequence(steps=steps):
            made: list[Interval] = []
            for inner, reads in zip(steps, step.fed(), strict=True):
                read = every([made[place] for place in reads]) if reads else given
                made.append(_of(inner, known, read))
            return made[-1]
        case graph.Join(branches=branches):
            return every(all_of(branches))
        case graph.Vote(branches=branches):
            found = all_of(branches)
            return Interval(low=most(found).low, high=some(found).high)
        case graph.Loop(mends=True):
            return _mended(step, known, given)
        case graph.Map(items=items, keep=keep):
            return {"all": every, "most": most, "mean": mean}[keep](all_of(items))
        case _:
            # Of a judge, a router, a gate or a check nothing is assumed: it may always pick the
            # wrong one, and it finds a right one where there is any.
            found = all_of([inner for inner in graph.parts(step) if not _decides(inner, step)])
            return Interval(low=every(found).low, high=some(found).high)


def _mended(step: graph.Loop, known: Known, given: Interval | None) -> Interval:
    """Return the bounds of a loop that mends.

    Right at the end needs a right first try or a wrong one mended. The scorer keeps what is right;
    a weaker check may send it on, and then every later try has to keep it.
    """
    first = _of(step.tries[0], known, given)
    sure, none = Interval(low=1.0, high=1.0), Interval(low=0.0, high=0.0)
    kept = [_of(again, known, sure) for again in step.tries[1:]]
    fixed = [_of(again, known, none) for again in step.tries[1:]]
    low = every([first, *kept]).low if step.checks else first.low
    return Interval(low=low, high=some([first, *fixed]).high)


def _decides(inner: Step, step: Step) -> bool:
    match step:
        case graph.Best(judge=judge):
            return inner is judge
        case graph.Route(router=router):
            return inner is router
        case graph.Cascade(gate=gate):
            return inner is gate
        case graph.Loop(checks=checks):
            return any(inner is check for check in checks)
        case _:
            return False


def _call(call: Call, known: Known, given: Interval | None) -> Interval:
    right = known(call, "correct")
    if given is None:
        return right
    mended = known(call, "wrong")
    high = min(1.0, min(given.high, right.high) + min(1 - given.low, mended.high))
    return Interval(low=_lowest(given, right, mended), high=high)


def _lowest(given: Interval, right: Interval, mended: Interval) -> float:
    """Return the least of max(0, p+r-1) + max(0, m-p) for p in ``given``.

    Right inputs kept and wrong ones mended, each at its least; linear between its kinks.
    """
    kinks = [p for p in (1 - right.low, mended.low) if given.low <= p <= given.high]
    return min(
        (max(0.0, p + right.low - 1) + max(0.0, mended.low - p))
        for p in (given.low, given.high, *kinks)
    )


def every(found: Sequence[Interval]) -> Interval:
    """Return the bounds of all being right."""
    low = sum(each.low for each in found) - (len(found) - 1)
    return Interval(low=max(0.0, low), high=min(each.high for each in found))


def some(found: Sequence[Interval]) -> Interval:
    """Return the bounds of at least one being right."""
    high = sum(each.high for each in found)
    return Interval(low=max(each.low for each in found), high=min(1.0, high))


def most(found: Sequence[Interval]) -> Interval:
    """Return the bounds of more than half being right."""
    n, m = len(found), len(found) // 2 + 1
    low = (sum(each.low for each in found) - (m - 1)) / (n - m + 1)
    high = sum(each.high for each in found) / m
    return Interval(low=max(0.0, low), high=min(1.0, high))


def mean(found: Sequence[Interval]) -> Interval:
    """Return the bounds of the mean share that is right."""
    low, high = (
        sum(ends) / len(found) for ends in zip(*((e.low, e.high) for e in found), strict=True)
    )
    return Interval(low=low, high=high)
