"""The exact search: its fronts are those of brute force."""

from __future__ import annotations

import itertools

import pytest

np = pytest.importorskip("numpy", reason="the extra `workflows` is not installed")

from hypothesis import given  # noqa: E402
from hypothesis import settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from pytest_compiledai.workflows import graph  # noqa: E402
from pytest_compiledai.workflows.front import Front  # noqa: E402
from pytest_compiledai.workflows.front import either  # noqa: E402
from pytest_compiledai.workflows.front import front_of  # noqa: E402
from pytest_compiledai.workflows.front import undominated  # noqa: E402
from pytest_compiledai.workflows.search import Means  # noqa: E402
from pytest_compiledai.workflows.search import Unsearchable  # noqa: E402
from pytest_compiledai.workflows.search import search  # noqa: E402

SLOTS = ("a", "b", "c")
CALLS = st.sampled_from(SLOTS).map(lambda slot: graph.Call(slot, slot))
STEPS = st.recursive(
    CALLS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda s: graph.Sequence(tuple(s))),
        st.lists(inner, min_size=2, max_size=3).map(lambda s: graph.Join(tuple(s))),
        st.tuples(st.lists(inner, min_size=2, max_size=3), CALLS).map(
            lambda found: graph.Best(tuple(found[0]), found[1])
        ),
        st.lists(inner, min_size=2, max_size=2).map(lambda s: graph.Choice(tuple(s))),
    ),
    max_leaves=5,
)
#: Few values, so that ties are common.
POINTS = st.lists(
    st.tuples(st.sampled_from([1.0, 2.0, 3.0, 5.0]), st.sampled_from([0.25, 0.5, 0.75, 1.0])),
    min_size=1,
    max_size=3,
)


def figures(step, chosen, means, *, parallel):
    """Return seconds and accuracy of one configuration, by the definition of each step."""

    def inner(part):
        return figures(part, chosen, means, parallel=parallel)

    match step:
        case graph.Call(agent=agent, slot=slot):
            return means[agent].seconds[chosen[slot]], means[agent].accuracy[chosen[slot]]
        case graph.Sequence(steps=steps):
            times, rights = zip(*map(inner, steps), strict=True)
            return sum(times), np.prod(rights)
        case graph.Join(branches=branches):
            times, rights = zip(*map(inner, branches), strict=True)
            return max(times) if parallel else sum(times), np.prod(rights)
        case graph.Best(branches=branches, judge=judge):
            times, rights = zip(*map(inner, branches), strict=True)
            judged = inner(judge)
            wrong = np.prod([1 - right for right in rights])
            return (max(times) if parallel else sum(times)) + judged[0], (1 - wrong) * judged[1]


def brute(step, means, *, parallel):
    """Return the undominated figures of every configuration."""
    found = []
    for structure in graph.structures(step):
        agents = graph.slots(structure)
        spaces = [range(len(means[agent].seconds)) for agent in agents.values()]
        for chosen in itertools.product(*spaces):
            by_slot = dict(zip(agents, chosen, strict=True))
            found.append(figures(structure, by_slot, means, parallel=parallel))
    seconds, accuracy = np.array(found, dtype=float).T.round(9)
    kept = undominated(seconds, accuracy)
    return list(zip(seconds[kept].tolist(), accuracy[kept].tolist(), strict=True))


@given(step=STEPS, points=st.tuples(POINTS, POINTS, POINTS), parallel=st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_front_is_that_of_brute_force(step, points, parallel):
    """On random graphs with choices and shared slots, no point is missing and none is added."""
    means = {
        slot: Means(*(np.array(column, dtype=float) for column in zip(*found, strict=True)))
        for slot, found in zip(SLOTS, points, strict=True)
    }

    found = search(step, means, parallel=parallel)

    seconds, accuracy = found.front.seconds.round(9), found.front.accuracy.round(9)
    kept = undominated(seconds, accuracy)  # sums in another order differ in the last bit
    exact = list(zip(seconds[kept].tolist(), accuracy[kept].tolist(), strict=True))
    assert brute(step, means, parallel=parallel) == exact


@given(step=STEPS, points=st.tuples(POINTS, POINTS, POINTS), parallel=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_settings_of_a_point_give_its_figures(step, points, parallel):
    """Each point of the front can be run: its structure and settings have its figures."""
    means = {
        slot: Means(*(np.array(column, dtype=float) for column in zip(*found, strict=True)))
        for slot, found in zip(SLOTS, points, strict=True)
    }

    found = search(step, means, parallel=parallel)

    for number, which in enumerate(found.structure.tolist()):
        structure = graph.structures(step)[which]
        given_figures = figures(structure, found.chosen(number), means, parallel=parallel)
        assert given_figures == pytest.approx(
            (found.front.seconds[number], found.front.accuracy[number])
        )


@pytest.mark.parametrize("seed", range(5))
def test_large_products_lose_no_point(seed):
    """The front of a million pairs is that of all of them, though most are dropped unsorted."""
    rng = np.random.default_rng(seed)
    a, b = (
        Front(*np.sort(rng.random((2, 1000)).round(3), axis=1), np.zeros((1000, 1), int))
        for _ in "ab"
    )

    found = either(a, b, parallel=False)

    seconds = (a.seconds[:, None] + b.seconds).ravel()
    accuracy = (1 - (1 - a.accuracy[:, None]) * (1 - b.accuracy)).ravel()
    kept = undominated(seconds, accuracy)
    assert seconds[kept].tolist() == found.seconds.tolist()
    assert accuracy[kept].tolist() == found.accuracy.tolist()


def test_a_dominated_point_with_equal_seconds_is_dropped():
    """Of two settings that take equally long, the less accurate one is no part of the front."""
    found = front_of(np.array([1.0, 1.0, 2.0]), np.array([0.5, 0.6, 0.7]))

    assert [1, 2] == found.origin[:, 0].tolist()


def test_a_vote_has_no_rule_on_means():
    """Means do not say whether wrong answers agree, so a vote is refused and not guessed."""
    vote = graph.Vote((graph.Call("a", "a"), graph.Call("b", "b")))
    one = Means(np.array([1.0]), np.array([0.5]))

    with pytest.raises(Unsearchable):
        search(vote, {"a": one, "b": one})
