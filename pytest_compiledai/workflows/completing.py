"""Whether a result that is no answer yet is right: the graph is completed from it.

An agent that may answer a problem alone has a scorer of its own, the problem's output. A plan, a
fact or a draft of another kind has none: it counts as right when the agents after it, each at its
reference setting, make a right answer of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.workflows.links import ANSWER
from pytest_compiledai.workflows.plan import answering
from pytest_compiledai.workflows.plan import structures

if TYPE_CHECKING:
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
    reached: dict[int, Mapping[str, Any]] = {n: rows[n] for n in open_}
    for link in links:
        going = [n for n in reached if reached[n]["text"] is not None]
        inputs = [(problems[rows[n]["query"]], str(reached[n]["text"])) for n in going]
        reached = dict(zip(going, profiler.again(link, "correct", inputs), strict=True))
    right = {n for n, row in reached.items() if row["score"]}
    return [row | {"score": 1.0} if n in right else row for n, row in enumerate(rows)]
