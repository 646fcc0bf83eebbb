"""Runs a configuration of a frozen set: a small asynchronous executor.

It asks through a function that the caller hands in (``litellm_ask`` asks over LiteLLM). Python
tools and frozen units are called only where the caller hands them in; nothing is imported by name.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import NamedTuple

from pytest_compiledai.core.place import Place
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.common import twins
from pytest_compiledai.workflows.flowspec import read_flow
from pytest_compiledai.workflows.graph import Call
from pytest_compiledai.workflows.graph import Step
from pytest_compiledai.workflows.plan import Plan
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.saying import answer_of
from pytest_compiledai.workflows.saying import normal
from pytest_compiledai.workflows.saying import picked
from pytest_compiledai.workflows.saying import told
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import TradeOffs


class Said(NamedTuple):
    """What a call answered, and what it cost in USD."""

    text: str
    cost: float = 0.0


#: Asks a setting of an agent; given the agent's part of the artifact, the setting, the message.
Ask = Callable[[Mapping[str, Any], str, str], Awaitable[Said]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The result of a run."""

    answer: str
    configuration: str  # which one gave it: a fallback where others failed
    seconds: float
    cost: float
    failed: tuple[str, ...]  # configurations that failed before it, and why


class NoAnswer(RuntimeError):
    """Every configuration failed; the message says why, one after the other."""


async def run(
    offs: TradeOffs,
    name: str,
    problem: Mapping[str, Any],
    ask: Ask,
    *,
    timeout_s: float = 120.0,
    fallbacks: Sequence[str] = (),
    check: Callable[[str], bool] | None = None,
) -> Ran:
    """Return the answer of the configuration ``name`` to ``problem``, else that of a fallback.

    ``timeout_s`` bounds each configuration as a whole. ``check`` stands for the problems' scorer
    in loops that stop by it. Raises ``NoAnswer``, and ``KeyError`` for an unknown name.
    """
    chosen = [offs[each] for each in (name, *fallbacks)]
    steps = structures_of(offs)
    failed: list[str] = []
    started = time.monotonic()
    cost = 0.0
    for configuration in chosen:
        runner = _Runner(offs, configuration, dict(problem), ask, check)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await runner.step(steps[configuration.structure], None)
        except Exception as error:  # noqa: BLE001 - an endpoint's client may raise anything
            failed.append(f"{configuration.id}: {_reason(error, timeout_s)}")
        else:
            return Ran(
                answer=answer,
                configuration=configuration.id,
                seconds=time.monotonic() - started,
                cost=cost + runner.cost,
                failed=tuple(failed),
            )
        cost += runner.cost
    raise NoAnswer("; ".join(failed))


def _reason(error: Exception, timeout_s: float) -> str:
    while isinstance(error, ExceptionGroup):  # of branches that ran side by side
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"{timeout_s} s are over"
    return str(error) or type(error).__name__


def structures_of(offs: TradeOffs) -> tuple[Step, ...]:
    """Return the structures that the configurations of a frozen set point into."""
    data = offs.data or {}
    agents = data["agents"]
    flow = read_flow(data["flow"], lambda *_: Place(path="tradeoffs.json"), agents)
    plan = Plan(
        flow=flow,
        settings=dict.fromkeys(agents, ()),
        latency=offs.latency,
        width=None,
        confidence=data["confidence"],
        wishes={},
        passes=tuple(data["passes"]),
        twins=twins(agents),
    )
    return structures(plan)


@dataclass(slots=True)
class _Runner:
    """One run of one configuration."""

    offs: TradeOffs
    configuration: Configuration
    problem: dict[str, Any]
    ask: Ask
    check: Callable[[str], bool] | None
    cost: float = field(default=0.0)

    async def step(self, step: Step, before: str | None) -> str:  # noqa: PLR0911, C901 - one case a step
        """Return the result of ``step``, given the result before it."""
        match step:
            case graph.Call():
                return _meant(await self._call(step, before))
            case graph.Sequence(steps=steps):
                found: list[str] = []
                for inner, reads in zip(steps, step.fed(), strict=True):
                    given = "\n".join(found[place] for place in reads) if reads else before
                    found.append(await self.step(inner, given))
                return found[-1]
            case graph.Join(branches=branches) | graph.Map(items=branches):
                return "\n".join(await self._side_by_side(branches, before))
            case graph.Vote(branches=branches):
                return _voted(await self._side_by_side(branches, before))[0]
            case graph.Best(branches=branches, judge=judge):
                results = await self._side_by_side(branches, before)
                said = await self._call(judge, None, candidates=results)
                return results[picked(said, len(results))]
            case graph.Route(router=router, names=names, branches=branches):
                named = normal(_meant(await self._call(router, before)))
                known = [normal(name) for name in names]
                taken = known.index(named) if named in known else len(branches) - 1
                return await self.step(branches[taken], before)
            case graph.Cascade():
                return await self._cascade(step, before)
            case graph.Loop():
                return await self._loop(step, before)
            case graph.Choice():
                raise TypeError("a choice; expected one of its structures")

    async def _call(self, call: Call, before: str | None, *, candidates: Sequence[str] = ()) -> str:
        agent = (self.offs.data or {})["agents"][call.agent]
        message = told(agent.get("prompt", ""), self.problem, before=before, candidates=candidates)
        said = await self.ask(agent, self.configuration.settings[call.slot], message)
        self.cost += said.cost
        return said.text

    async def _side_by_side(self, branches: Sequence[Step], before: str | None) -> list[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.step(branch, before)) for branch in branches]
        return [task.result() for task in tasks]

    async def _cascade(self, step: graph.Cascade, before: str | None) -> str:
        if step.gate is None:
            assert isinstance(step.first, graph.Vote)  # the reader refuses anything else
            first, share = _voted(await self._side_by_side(step.first.branches, before))
            kept = share >= step.agree - 1e-9
        else:
            first = await self.step(step.first, before)
            kept = normal(_meant(await self._call(step.gate, first))) == "accept"
        return first if kept else await self.step(step.second, before)

    async def _loop(self, step: graph.Loop, before: str | None) -> str:
        result = await self.step(step.tries[0], before)
        for number, again in enumerate(step.tries[1:]):
            if step.checks:
                said = await self._call(step.checks[number], result)
                good = normal(_meant(said)) == "accept"
            elif self.check is None:
                raise ValueError("a loop that stops by the scorer; expected `check=`")
            else:
                good = self.check(result)
            if good:
                break
            result = await self.step(again, result if step.mends else before)
        return result


def _voted(results: Sequence[str]) -> tuple[str, float]:
    """Return the first of the commonest answers, and the share that gave it."""
    votes = Counter(map(normal, results))
    most = max(votes.values())
    answer = next(result for result in results if votes[normal(result)] == most)
    return answer, most / len(results)


def _meant(text: str) -> str:
    answer = answer_of(text)
    if answer is None:
        raise ValueError("an empty answer")
    return answer


def litellm_ask(
    *,
    units: Mapping[str, Callable[[str], str]] | None = None,
    tools: Mapping[str, Callable[[str], str]] | None = None,
    **options: Any,
) -> Ask:
    """Return what asks over LiteLLM; ``options`` go to every call (``api_key``, ``num_retries``).

    ``units`` and ``tools`` are called for settings `unit:name` and `tool:file.py:function`.
    """
    handed = {f"unit:{name}": f for name, f in (units or {}).items()}
    handed |= {f"tool:{name}": f for name, f in (tools or {}).items()}

    async def ask(agent: Mapping[str, Any], setting: str, message: str) -> Said:
        if setting in handed:
            return Said(handed[setting](message))
        if setting.startswith(("unit:", "tool:")):
            raise LookupError(f"{setting} is not handed in")
        import litellm  # 2.4 s, and only a run that asks pays it

        model, _, budget = setting.partition("@")
        extra = {"max_tokens": int(budget)} if budget else {}
        for key, name in (("temperature", "temperature"), ("endpoint", "api_base")):
            if key in agent:
                extra[name] = agent[key]
        found = await litellm.acompletion(
            model=model, messages=[{"role": "user", "content": message}], **extra, **options
        )
        try:
            cost = float(litellm.completion_cost(found))
        except Exception:  # noqa: BLE001 - LiteLLM raises for a model without a price
            cost = 0.0
        return Said(found.choices[0].message.content or "", cost)

    return ask
