"""Composes a workflow per query: what stored samples give when they run through its steps.

Replicates and queries are columns of arrays [R, Q]; everything is averaged afterwards, so that
what makes a query hard for one call is there for the next. A call on a wrong input takes the rows
that were measured on wrong inputs. Where no row says what an agent does with a wrong input, its
result counts as wrong: an error is not assumed to be mended.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from typing import Final
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.deck import Decks
from pytest_compiledai.workflows.deck import like_no_other
from pytest_compiledai.workflows.graph import Step
from pytest_compiledai.workflows.profile import MALFORMED
from pytest_compiledai.workflows.profile import RIGHT
from pytest_compiledai.workflows.profile import STATES
from pytest_compiledai.workflows.profile import Floats
from pytest_compiledai.workflows.profile import Ints
from pytest_compiledai.workflows.saying import normal

ACCEPT: Final = "accept"  # what a gate or a check answers when it lets a result pass


class Outcome(NamedTuple):
    """What a step gives, by replicate and query [R, Q]."""

    score: Floats
    answer: Ints
    seconds: Floats
    cost: Floats
    share: Floats  # of a vote's branches that gave the answer; 1 elsewhere


class Unprofiled(LookupError):
    """A step needs rows that the profile has not."""


class Replay:
    """Runs steps on the draws of decks."""

    def __init__(self, decks: Decks, *, width: int | None = None) -> None:
        self.decks = decks
        self.width = width  # calls side by side at most; None: as many as there are
        self._accept = _code(decks.profile.answers, ACCEPT)

    def run(  # noqa: C901, PLR0911 - one case a step
        self, step: Step, chosen: Mapping[str, str], given: Outcome | None = None
    ) -> Outcome:
        """Return what ``step`` gives with the settings ``chosen`` by slot, from ``given``'s result.

        Raises ``Unprofiled``.
        """
        match step:
            case graph.Call():
                return self._call(step, chosen, given)
            case graph.Sequence():
                return self._sequence(step, chosen, given)
            case graph.Join(branches=branches):
                return self._join([self.run(b, chosen, given) for b in branches])
            case graph.Vote(branches=branches):
                return self._vote([self.run(b, chosen, given) for b in branches])
            case graph.Best():
                return self._best(step, chosen, given)
            case graph.Route():
                return self._route(step, chosen, given)
            case graph.Cascade():
                return self._cascade(step, chosen, given)
            case graph.Loop():
                return self._loop(step, chosen, given)
            case graph.Map():
                return self._map(step, chosen, given)
            case graph.Choice():
                raise TypeError("a choice; expected one of its structures")

    def _call(self, call: graph.Call, chosen: Mapping[str, str], given: Outcome | None) -> Outcome:
        states = None if given is None else _state_of(given)
        return self._drawn(call, chosen[call.slot], states)

    def _drawn(self, call: graph.Call, setting: str, states: NDArray[np.str_] | None) -> Outcome:
        """Return a call's draw, from the deck of each input's state."""
        fresh = self._from(call, setting, STATES[0])
        if fresh is None:
            raise Unprofiled(f"{call.agent} at {setting}")
        if states is None:
            return fresh
        found = fresh
        for state in np.unique(states):
            if state == STATES[0]:
                continue
            drawn = self._from(call, setting, str(state)) or _unmended(fresh, call, setting)
            found = _where(states == state, drawn, found)
        return found

    def _from(self, call: graph.Call, setting: str, state: str) -> Outcome | None:
        deck = self.decks.of(call.agent, setting, state)
        if deck is None:
            return None
        score = deck.score[call.draw]
        return Outcome(
            score=score,
            answer=deck.answer[call.draw],
            seconds=deck.seconds[call.draw],
            cost=deck.cost[call.draw],
            share=np.ones_like(score),
        )

    def _sequence(
        self, step: graph.Sequence, chosen: Mapping[str, str], given: Outcome | None
    ) -> Outcome:
        found: list[Outcome] = []
        for inner, reads in zip(step.steps, step.fed(), strict=True):
            read = [found[place] for place in reads]
            before = read[0] if len(read) == 1 else self._join(read) if read else given
            found.append(self.run(inner, chosen, before))
        return found[-1]._replace(
            seconds=_total([each.seconds for each in found]),
            cost=_total([each.cost for each in found]),
        )

    def _join(self, results: Many[Outcome]) -> Outcome:
        answer = results[0].answer
        for result in results[1:]:
            answer = np.where(
                (answer == MALFORMED) | (result.answer == MALFORMED),
                MALFORMED,
                answer * 1_000_003 + result.answer,
            )
        return self._side_by_side(results)._replace(
            score=np.min([result.score for result in results], axis=0), answer=answer
        )

    def _vote(self, results: Many[Outcome]) -> Outcome:
        answers = np.stack([result.answer for result in results])  # [n, R, Q]
        votes = (answers[:, None] == answers[None]).sum(axis=1)
        votes[answers == MALFORMED] = 0
        winner = votes.argmax(axis=0)  # of ties the first
        won = _taken(results, winner)
        return self._side_by_side(results)._replace(
            score=won.score, answer=won.answer, share=votes.max(axis=0) / len(results)
        )

    def _best(self, step: graph.Best, chosen: Mapping[str, str], given: Outcome | None) -> Outcome:
        results = [self.run(branch, chosen, given) for branch in step.branches]
        right = np.stack([result.score >= RIGHT for result in results])  # [n, R, Q]
        tally = right.sum(axis=0)
        judged = self._judged(step.judge, chosen[step.judge.slot], tally, len(results))
        picks_right = (judged.score >= RIGHT) & (tally > 0) | (tally == len(results))
        pick = np.where(picks_right, right.argmax(axis=0), (~right).argmax(axis=0))
        won = _taken(results, pick)
        before = self._side_by_side(results)
        return won._replace(seconds=before.seconds + judged.seconds, cost=before.cost + judged.cost)

    def _judged(self, judge: graph.Call, setting: str, tally: Ints, of: int) -> Outcome:
        """Return the judge's draw, by how many of its candidates are right where that is known."""
        states = np.full(tally.shape, STATES[0], dtype="<U24")
        for right in range(of + 1):
            state = f"{right}/{of}"
            if self.decks.of(judge.agent, setting, state) is not None:
                states[tally == right] = state
        if self.decks.of(judge.agent, setting, STATES[0]) is not None:
            return self._drawn(judge, setting, states)
        missing = sorted({f"{right}/{of}" for right in np.unique(tally)} - set(np.unique(states)))
        if missing:
            raise Unprofiled(f"{judge.agent} at {setting} with {', '.join(missing)} right")
        parts = [self._from(judge, setting, str(state)) for state in np.unique(states)]
        found = parts[0]
        assert found is not None
        for state, part in zip(np.unique(states), parts, strict=True):
            assert part is not None
            found = _where(states == state, part, found)
        return found

    def _route(
        self, step: graph.Route, chosen: Mapping[str, str], given: Outcome | None
    ) -> Outcome:
        routed = self._call(step.router, chosen, given)
        taken = self.run(step.branches[-1], chosen, given)  # an unknown name: the last branch
        for name, branch in zip(step.names[:-1], step.branches[:-1], strict=True):
            here = routed.answer == _code(self.decks.profile.answers, name)
            taken = _where(here, self.run(branch, chosen, given), taken)
        return taken._replace(seconds=routed.seconds + taken.seconds, cost=routed.cost + taken.cost)

    def _cascade(
        self, step: graph.Cascade, chosen: Mapping[str, str], given: Outcome | None
    ) -> Outcome:
        first = self.run(step.first, chosen, given)
        seconds, cost = first.seconds, first.cost
        if step.gate is None:
            kept = first.share >= step.agree - 1e-9  # a share of 2/3 is written 0.667 or 0.66
        else:
            gate = self._drawn(step.gate, chosen[step.gate.slot], _state_of(first))
            kept = gate.answer == self._accept
            seconds, cost = seconds + gate.seconds, cost + gate.cost
        second = self.run(step.second, chosen, given)
        found = _where(kept, first, second)
        return found._replace(
            seconds=seconds + np.where(kept, 0.0, second.seconds),
            cost=cost + np.where(kept, 0.0, second.cost),
        )

    def _loop(self, step: graph.Loop, chosen: Mapping[str, str], given: Outcome | None) -> Outcome:
        found = self.run(step.tries[0], chosen, given)
        seconds, cost = found.seconds, found.cost
        open_ = np.ones(found.score.shape, dtype=bool)
        for number, again in enumerate(step.tries[1:]):
            if step.checks:
                check = step.checks[number]
                said = self._drawn(check, chosen[check.slot], _state_of(found))
                seconds = seconds + np.where(open_, said.seconds, 0.0)
                cost = cost + np.where(open_, said.cost, 0.0)
                open_ &= said.answer != self._accept
            else:
                open_ &= found.score < RIGHT
            mended = self.run(again, chosen, found if step.mends else given)
            seconds = seconds + np.where(open_, mended.seconds, 0.0)
            cost = cost + np.where(open_, mended.cost, 0.0)
            found = _where(open_, mended, found)
        return found._replace(seconds=seconds, cost=cost)

    def _map(self, step: graph.Map, chosen: Mapping[str, str], given: Outcome | None) -> Outcome:
        results = [self.run(item, chosen, given) for item in step.items]
        scores = np.stack([result.score for result in results])
        share = scores.mean(axis=0)
        score = {
            "all": scores.min(axis=0),
            "most": (share > RIGHT).astype(float),
            "mean": share,
        }[step.keep]
        seconds = makespan(np.stack([result.seconds for result in results]), step.width)
        return self._join(results)._replace(score=score, seconds=seconds)

    def _side_by_side(self, results: Many[Outcome]) -> Outcome:
        """Return the first result with the time and the cost of all of them."""
        seconds = np.stack([result.seconds for result in results])
        return results[0]._replace(
            seconds=makespan(seconds, self.width or len(results)),
            cost=np.sum([result.cost for result in results], axis=0),
            share=np.ones_like(results[0].score),
        )


def _total(figures: Many[Floats]) -> Floats:
    return np.asarray(np.sum(figures, axis=0))


def makespan(seconds: Floats, width: int) -> Floats:
    """Return when the last of ``seconds`` [n, ...] ends, begun in order, ``width`` at a time."""
    if width >= len(seconds):
        return np.asarray(seconds.max(axis=0))
    busy = np.zeros((width, *seconds.shape[1:]))
    for each in seconds:
        busy[0] += each  # the one that is free first
        busy.sort(axis=0)
    return np.asarray(busy[-1])


def _state_of(given: Outcome) -> NDArray[np.str_]:
    wrong = np.where(given.answer == MALFORMED, STATES[2], STATES[1])
    return np.where(given.score >= RIGHT, STATES[0], wrong)


def _unmended(fresh: Outcome, call: graph.Call, setting: str) -> Outcome:
    key = ["unmended", call.agent, setting, str(call.draw)]
    answer = like_no_other(key, fresh.answer.shape)
    return fresh._replace(score=np.zeros_like(fresh.score), answer=answer)


def _where(mask: NDArray[np.bool_], yes: Outcome, no: Outcome) -> Outcome:
    return Outcome(*(np.where(mask, a, b) for a, b in zip(yes, no, strict=True)))


def _taken(results: Many[Outcome], index: Ints) -> Outcome:
    """Return, by replicate and query, the result at ``index``."""
    stacked = (np.stack(field) for field in zip(*results, strict=True))
    return Outcome(*(np.take_along_axis(field, index[None], axis=0)[0] for field in stacked))


def _code(answers: tuple[str, ...], text: str) -> int:
    plain = normal(text)
    return answers.index(plain) if plain in answers else -2  # no row ever gave it
