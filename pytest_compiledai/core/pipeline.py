"""Propose, judge, repair: the one loop that every kind goes through.

Pure but for what the caller hands in: ``propose`` asks a model, ``judge`` runs gates, ``expired``
looks at a clock. Nothing here knows of pytest, files or processes.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.kind import Judged

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.kind import Composed
    from pytest_compiledai.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What the loop of one unit needs from outside."""

    gates: tuple[str, ...]  # asked, in order
    reopened: tuple[str, ...]  # asked again in the accept phase, where the test rows are opened
    attempts: int  # proposals a chain, at least 1
    chains: int  # chains in the pool, at least 1
    propose: Callable[[Sequence[Judged], int], Candidate]  # history, sample number
    judge: Callable[[str, Candidate, Phase], Verdict]
    rank: Callable[[Sequence[Verdict]], float]
    expired: Callable[[], bool]  # the unit's timeout is spent
    samples: Callable[[], Iterator[int]]  # sample numbers of the chains to try, in order
    replayed: Callable[[], bool]  # no model has been asked in this loop
    compose: Callable[[Sequence[Judged]], Iterable[Composed]] | None = None  # None: never


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a loop ended."""

    chosen: Judged | None  # the accepted candidate, else the one that got furthest; None: nothing
    accepted: bool
    proposals: int  # made in this loop, over all chains
    stopped: ModelError | None = None  # why no further proposal was made
    history: tuple[Judged, ...] = ()


def judge_through(
    gates: Sequence[str], ask: Callable[[str], Verdict], known: Sequence[Verdict] = ()
) -> tuple[Verdict, ...]:
    """Return verdicts in gate order, up to and including the first failure.

    Gates that have a verdict in ``known`` are not asked again.
    """
    have = {verdict.gate: verdict for verdict in known}
    verdicts: list[Verdict] = []
    for gate in gates:
        verdicts.append(have.get(gate) or ask(gate))
        if not verdicts[-1].passed:
            break
    return tuple(verdicts)


def run_loop(loop: Loop, first: Candidate | None = None) -> Ending:
    """Return how the loop ended; ``first`` is a frozen artifact that is judged before any proposal.

    A chain is one proposal and its repairs. ``loop.chains`` chains that pass on train and
    validation rows form the pool; its best candidate opens the test rows, once. A failure there
    ends the loop, for nothing learns from the test rows; only when the whole pool was a replay
    does the loop go on to chains with fresh sample numbers. No more than ``loop.chains`` chains
    ask a model, whatever becomes of them: that many are on the bill.

    A loop that composes makes the first proposal of every chain before any repair, and asks for
    none where what it puts together of them passes.
    """
    samples = tuple(loop.samples())  # once: which are fresh changes with every answer
    begun = _begun(loop, samples) if loop.compose is not None and first is None else {}
    pool = [judged for history in begun.values() for judged in history]
    early = None if all(judged.passed for judged in pool) else _composed(loop, pool)
    rejected = None if early is None else accept(loop, early)
    if rejected is not None and (rejected.passed or not loop.replayed()):
        return Ending(
            chosen=rejected,
            accepted=rejected.passed,
            proposals=len(pool),
            history=tuple(pool),
        )
    # A chain whose repair cannot be had must not cost the one that needs none.
    ready = [sample for sample, judged in begun.items() if judged and judged[-1].passed]
    order = [*ready, *(sample for sample in samples if sample not in ready)]
    return _chains(loop, first, begun, order, rejected)


def _chains(
    loop: Loop,
    first: Candidate | None,
    begun: Mapping[int, tuple[Judged, ...]],
    samples: Sequence[int],
    rejected: Judged | None,
) -> Ending:
    history: list[Judged] = []
    winners: list[Judged] = []
    proposals = asked = 0
    stopped: ModelError | None = None
    wanted = 1 if first is not None else loop.chains
    for sample in samples:
        chain = _chain(loop, first, sample, begun.get(sample, ()))
        first = None
        history.extend(chain.history)
        proposals += chain.proposals
        stopped = chain.stopped
        if chain.accepted and chain.chosen is not None:
            winners.append(chain.chosen)
        asked += not loop.replayed()
        over = stopped is not None or loop.expired() or asked >= loop.chains
        best = _best(loop, winners, history) if over or len(winners) == wanted else None
        if best is not None:
            final = accept(loop, best)
            if final.passed:
                return Ending(
                    chosen=final, accepted=True, proposals=proposals, history=tuple(history)
                )
            rejected, winners, wanted = final, [], loop.chains
            over = over or not loop.replayed()
        if over:
            break
    return Ending(
        chosen=rejected or _furthest(history),
        accepted=False,
        proposals=proposals,
        stopped=stopped,
        history=tuple(history),
    )


def _begun(loop: Loop, samples: Sequence[int]) -> dict[int, tuple[Judged, ...]]:
    """Return the first proposal of each chain of the pool, judged, by sample number."""
    once = replace(loop, attempts=1)
    return {sample: _chain(once, None, sample).history for sample in samples[: loop.chains]}


def _best(loop: Loop, winners: Sequence[Judged], history: Sequence[Judged]) -> Judged | None:
    """Return what is put together of all that was judged, where it gains; else the best winner."""
    best = max(winners, key=lambda judged: loop.rank(judged.verdicts), default=None)
    return _composed(loop, history) or best


def _composed(loop: Loop, pool: Sequence[Judged]) -> Judged | None:
    """Return the best candidate put together of a pool that passes; None where none gains."""
    if loop.compose is None or len(pool) < 2:  # noqa: PLR2004 - one is no pool
        return None
    best, bar = None, max(loop.rank(judged.verdicts) for judged in pool)
    for made in loop.compose(pool):
        judged = _judged(loop, made.candidate)
        rank = loop.rank(judged.verdicts)
        if judged.passed and (rank > bar or (rank == bar and not made.must_gain)):
            best, bar = judged, rank
    return best


def accept(loop: Loop, judged: Judged) -> Judged:
    """Open the test rows for the chosen candidate and return it with its final verdicts."""
    kept = [verdict for verdict in judged.verdicts if verdict.gate not in loop.reopened]
    verdicts = judge_through(
        loop.gates, lambda gate: loop.judge(gate, judged.candidate, Phase.ACCEPT), kept
    )
    return replace(judged, verdicts=verdicts)


def _chain(
    loop: Loop, first: Candidate | None, sample: int, begun: Sequence[Judged] = ()
) -> Ending:
    history = list(begun)
    proposals = len(history)
    candidate = first
    while not history or not (history[-1].passed or proposals >= loop.attempts or loop.expired()):
        if candidate is None:
            try:
                candidate = loop.propose(history, sample)
            except ModelError as error:
                return _ended(history, proposals, stopped=error)
            proposals += 1
        history.append(_judged(loop, candidate))
        candidate = None
    return _ended(history, proposals)


def _judged(loop: Loop, candidate: Candidate) -> Judged:
    verdicts = judge_through(loop.gates, lambda gate: loop.judge(gate, candidate, Phase.SELECT))
    return Judged(candidate=candidate, verdicts=verdicts)


def _ended(history: Sequence[Judged], proposals: int, stopped: ModelError | None = None) -> Ending:
    return Ending(
        chosen=_furthest(history),
        accepted=bool(history) and history[-1].passed,
        proposals=proposals,
        stopped=stopped,
        history=tuple(history),
    )


def _furthest(history: Sequence[Judged]) -> Judged | None:
    """Return the candidate that passed the most gates; of equals the latest."""
    passes = [sum(verdict.passed for verdict in judged.verdicts) for judged in history]
    ranked = sorted(zip(passes, range(len(history)), strict=True))
    return history[ranked[-1][1]] if ranked else None
