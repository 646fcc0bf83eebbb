"""One call to measure: what is sent, and the row of the profile that its answer makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.golden import Row
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.workflows.agent import Agent
from pytest_compiledai.workflows.bill import most_tokens
from pytest_compiledai.workflows.links import GATE
from pytest_compiledai.workflows.links import JUDGE
from pytest_compiledai.workflows.links import ROUTER
from pytest_compiledai.workflows.links import Input
from pytest_compiledai.workflows.links import Link
from pytest_compiledai.workflows.saying import answer_of
from pytest_compiledai.workflows.saying import normal
from pytest_compiledai.workflows.saying import picked
from pytest_compiledai.workflows.saying import told

RIGHT: Final = "correct"
ACCEPT: Final = "accept"


class Ask(NamedTuple):
    """One call to measure."""

    row: Row
    given: Input
    setting: str
    sample: int


def request_of(ask: Ask, agents: Mapping[str, Agent]) -> Request:
    """Return what a model is sent."""
    given, agent = ask.given, agents[ask.given.link.agent]
    text = told(agent.prompt, ask.row.input, before=given.before, candidates=given.candidates)
    temperature = agent.temperature if agent.temperature is not None else 0.7
    return Request(
        messages=(Message(role="user", content=text),),
        parameters={"max_tokens": most_tokens(ask.setting), "temperature": temperature},
        sample=ask.sample,
    )


def row_of(ask: Ask, reply: Reply, model: str) -> dict[str, Any]:
    """Return the row of an answer. Raises ``SpecError`` for one without its seconds."""
    answer = answer_of(reply.text)
    return {
        "query": ask.row.id,
        "agent": ask.given.link.agent,
        "setting": ask.setting,
        "sample": ask.sample,
        "state": ask.given.state,
        "score": float(answer is not None and _is_good(ask, answer)),
        "answer": None if answer is None else _as_stored(ask.given.link, answer),
        "tokens_in": reply.tokens_in,
        "tokens_out": reply.tokens_out,
        "seconds": _seconds(reply, ask),
        "ttft": None,
        "cost": _usd(model, reply),
        "text": answer,
    }


def _is_good(ask: Ask, answer: str) -> bool:
    """Return whether an answer is right, or decides as it should."""
    link, state, candidates, right = ask.given[0], *ask.given[2:]
    if link.role == GATE:
        return (normal(answer) == ACCEPT) == (state == RIGHT)
    if link.role == ROUTER:
        return normal(answer) in map(normal, link.names)
    if link.role == JUDGE:
        return right[picked(answer, len(candidates))]
    return normal(answer) == _expected(ask.row)


def _expected(row: Row) -> str:
    (value,) = row.output.values()
    return normal(value if isinstance(value, str) else str(value))


def _as_stored(link: Link, answer: str) -> str:
    """Return an answer as the profile holds it: a router's by the name that the flow gives."""
    names = {normal(name): name for name in link.names}
    return names.get(normal(answer), normal(answer))


def _seconds(reply: Reply, ask: Ask) -> float:
    if reply.seconds is None:
        raise SpecError(
            where=ask.row.place,
            found="a recorded answer without its seconds",
            expected="measured ones: latency is one of the objectives",
            next="delete the recording and ask again",
        )
    return reply.seconds


def _usd(model: str, reply: Reply) -> float:
    from pytest_compiledai.llm.price import price

    known = price(model)
    if known is None:
        return 0.0
    return float(
        known.usd_per_token_in * reply.tokens_in + known.usd_per_token_out * reply.tokens_out
    )
