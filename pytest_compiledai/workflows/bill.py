"""The most that measuring a profile can cost, told before the first call."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import TYPE_CHECKING

from pytest_compiledai.llm.request import LEAST_BYTES_A_TOKEN
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS
from pytest_compiledai.llm.request import TOKENS_A_MESSAGE
from pytest_compiledai.workflows.completing import after
from pytest_compiledai.workflows.links import JUDGE
from pytest_compiledai.workflows.links import Link
from pytest_compiledai.workflows.links import completing
from pytest_compiledai.workflows.saying import told

if TYPE_CHECKING:
    from pytest_compiledai.workflows.links import Chain
    from pytest_compiledai.workflows.profiling import Profiler

#: What goes around each result that a later call is given: a heading and its number.
_AROUND = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An upper bound, answers as long as they may be; a call that is tried again is asked twice."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: Decimal = Decimal(0)  # of models with a known price

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            calls=self.calls + other.calls,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            usd=self.usd + other.usd,
        )

    def __str__(self) -> str:
        return (
            f"at most {self.calls:,} calls, {self.tokens_in:,} tokens in, "
            f"{self.tokens_out:,} out, {self.usd:.2f} USD"
        )


def model_of(setting: str) -> str:
    """Return the model of a setting."""
    return setting.partition("@")[0]


def most_tokens(setting: str) -> int:
    """Return how long an answer may be at a setting."""
    budget = setting.partition("@")[2]
    return int(budget) if budget else MOST_ANSWER_TOKENS


def bill_of(profiler: Profiler, *, again: int = 0) -> Bill:
    """Return the most that can be asked, with results so far as long as answers may be.

    A result that is no answer is completed once, results that are read together in every
    combination. ``again`` problems are asked once more of every later call but those that read
    several, right and wrong results.
    """
    found = Bill()
    counted: set[Chain] = set()
    completed: set[tuple[Chain, Chain]] = set()
    for chain in profiler.chains:
        found += _together(profiler, chain, counted, completed)
        for place, link in enumerate(chain):
            settings = profiler.settings(link.agent)
            states = _states(link, place)
            calls = profiler.samples * states
            later = after(chain, place, profiler.answers)
            if (chain[: place + 1], later) not in completed:
                completed.add((chain[: place + 1], later))
                found += _completing(profiler, later, len(chain), calls * len(settings))
            if chain[: place + 1] in counted:  # what begins alike is asked once
                continue
            counted.add(chain[: place + 1])
            sizes = _sizes(profiler, link, place)
            for setting in settings:
                found += _of(setting, calls * len(sizes), calls * sum(sizes))
            if place:
                asked = 2 * min(again, len(sizes))
                found += _of(settings[0], asked, asked * max(sizes, default=0))
    return found


def _together(
    profiler: Profiler, chain: Chain, counted: set[Chain], completed: set[tuple[Chain, Chain]]
) -> Bill:
    """Return the most that the calls read by the first of ``chain`` add, completed together."""
    found = Bill()
    settings = {agent: profiler.settings(agent) for agent in chain[0].reads}
    for agent, names in settings.items():
        alone = (Link(agent),)
        if alone not in counted:
            counted.add(alone)
            sizes = _sizes(profiler, alone[0], 0)
            for setting in names:
                calls = profiler.samples
                found += _of(setting, calls * len(sizes), calls * sum(sizes))
    links = completing(chain)
    if settings and ((), links) not in completed:
        completed.add(((), links))
        every = prod(profiler.samples * len(each) for each in settings.values())
        found += _completing(profiler, links, len(chain), every)
    return found


def _states(link: Link, place: int) -> int:
    if link.role == JUDGE:
        return link.of + 1
    return 2 if place or link.reads else 1


def _completing(profiler: Profiler, later: Chain, place: int, made: int) -> Bill:
    """Return the most that completing ``made`` results a problem by ``later`` links can ask."""
    found = Bill()
    for link in later:
        sizes = _sizes(profiler, link, place)
        found += _of(profiler.settings(link.agent)[0], made * len(sizes), made * sum(sizes))
    return found


def _sizes(profiler: Profiler, link: Link, place: int) -> list[int]:
    """Return the tokens of a call about each problem, at most."""
    prompt = profiler.spec.agents[link.agent].prompt
    results = max(place, link.of, len(link.reads))
    around = TOKENS_A_MESSAGE + results * (MOST_ANSWER_TOKENS + _AROUND)
    return [
        -(-len(told(prompt, row.input).encode()) // LEAST_BYTES_A_TOKEN) + around
        for row in profiler.spec.rows
    ]


def _of(setting: str, calls: int, tokens_in: int) -> Bill:
    from pytest_compiledai.llm.price import price

    tokens_out, known = calls * most_tokens(setting), price(model_of(setting))
    usd = Decimal(0) if known is None else known.of(tokens_in, tokens_out)
    return Bill(calls=calls, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)
