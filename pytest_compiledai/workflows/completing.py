"""Whether a result that is no answer yet is right: the graph is completed from it.

An agent that may answer a problem alone has a scorer of its own, the problem's output. A plan, a
fact or a draft of another kind has none: it counts as right when the agents after it, each at its
reference setting, make a right answer of it. One that is read together with others is right when
it goes with right ones: they are looked for among all that were measured, since one that is wrong
would hide it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from itertools import product
from itertools import takewhile
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.workflows.links import ANSWER
from pytest_compiledai.workflows.plan import answering
from pytest_compiledai.workflows.plan import structures

if TYPE_CHECKING:
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.workflows.links import Chain
    from pytest_compiledai.workflows.links import Link
    from pytest_compiledai.workflows.plan import Plan
    from pytest_compiledai.workflows.profiling import Profiler

Rows = list[dict[str, Any]]


def answerers(plan: Plan) -> set[str]:
    """Return the agents whose results are answers, wherever they stand."""
    return set().union(*map(answering, structures(plan)))


def after(chain: Chain, place: int, answers: set[str]) -> tuple[Link, ...]:
    """Return the links that complete a result of the one at ``place``; none where it is told."""
    link = chain[place]
    if link.role != ANSWER or link.agent in answers:
        return ()
    return tuple(takewhile(lambda each: each.role == ANSWER, chain[place + 1 :]))


def settled(profiler: Profiler, links: Sequence[Link], rows: Rows) -> Rows:
    """Return ``rows`` of one agent, right where ``links`` make a right answer of the result.

    A result that is the answer already is right without asking. Raises ``ModelError``.
    """
    if not links:
        return rows
    problems = {row.id: row for row in profiler.spec.rows}
    open_ = [n for n, row in enumerate(rows) if not row["score"] and row["text"] is not None]
    inputs = [(problems[rows[n]["query"]], str(rows[n]["text"])) for n in open_]
    done = zip(open_, _completed(profiler, links, inputs), strict=True)
    right = {n for n, good in done if good}
    return [row | {"score": 1.0} if n in right else row for n, row in enumerate(rows)]


def together(profiler: Profiler, links: Sequence[Link], made: Sequence[Rows]) -> list[Rows]:
    """Return the rows of each agent that the first of ``links`` reads, right or not.

    Combinations of results are completed until one is right; then each other result in its place
    in that one. At most every combination is asked. Raises ``ModelError``.
    """
    problems = {row.id: row for row in profiler.spec.rows}
    told = [agent in profiler.answers for agent in links[0].reads]
    if all(told):
        return list(made)
    texts = {
        query: [_texts(rows, query, right=own) for rows, own in zip(made, told, strict=True)]
        for query in problems
    }
    good: dict[str, tuple[str, ...]] = {}
    rest = {query: product(*each) for query, each in texts.items()}
    while tries := {query: each for query in rest if (each := next(rest[query], None))}:
        asked = [(problems[query], "\n".join(each)) for query, each in tries.items()]
        for query, right in zip(tries, _completed(profiler, links, asked), strict=True):
            if right:
                good[query] = tries[query]
        rest = {query: rest[query] for query in tries if query not in good}
    found = list(made)
    for place, rows in enumerate(made):
        if not told[place]:
            swapped = [(q, text) for q in good for text in texts[q][place]]
            asked = [(problems[q], "\n".join(_with(good[q], place, text))) for q, text in swapped]
            done = zip(swapped, _completed(profiler, links, asked), strict=True)
            fit = {each for each, right in done if right}
            found[place] = [
                row | {"score": 1.0} if (row["query"], row["text"]) in fit else row for row in rows
            ]
    return found


def _texts(rows: Rows, query: str, *, right: bool) -> list[str]:
    """Return the different results to a problem; the right ones alone, where that is known."""
    kept = [row for row in rows if row["query"] == query and (row["score"] or not right)]
    return list(dict.fromkeys(row["text"] for row in kept if row["text"] is not None))


def _with(texts: tuple[str, ...], place: int, text: str) -> tuple[str, ...]:
    return (*texts[:place], text, *texts[place + 1 :])


def _completed(
    profiler: Profiler, links: Sequence[Link], inputs: Sequence[tuple[Row, str]]
) -> list[bool]:
    """Return of each problem and result whether ``links`` make a right answer of it."""
    reached: dict[int, Mapping[str, Any]] = {
        n: {"text": text} for n, (_, text) in enumerate(inputs)
    }
    for link in links:
        going = [n for n in reached if reached[n]["text"] is not None]
        given = [(inputs[n][0], str(reached[n]["text"])) for n in going]
        reached = dict(zip(going, profiler.again(link, "correct", given), strict=True))
    return [n in reached and bool(reached[n]["score"]) for n in range(len(inputs))]
