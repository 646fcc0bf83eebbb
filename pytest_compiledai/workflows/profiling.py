"""Measures a profile with real models, over LiteLLM, every answer recorded as it comes.

    python -m pytest_compiledai.workflows.profiling SPEC.yaml [--samples 2] [--budget-tokens N]
        [--sensitivity N]

What is recorded is not asked again, so that a killed run goes on where it was. The most that the
run can cost is printed before the first call. Inputs of later calls come from the reference, each
agent's first setting, on all problems, solved or not; wrong ones make the rows for wrong inputs.

Calls that answer the problem are measured first or later in a sequence or a mending loop; gates and
checks on right and on wrong results, routers on the problem. A judge is given results that were
measured before it, once for every number of right ones among them that there can be.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.kind import Project
from pytest_compiledai.llm.desk import Desk
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.workflows.links import GATE
from pytest_compiledai.workflows.links import JUDGE
from pytest_compiledai.workflows.links import ROUTER
from pytest_compiledai.workflows.links import Chain
from pytest_compiledai.workflows.links import Link
from pytest_compiledai.workflows.links import chains
from pytest_compiledai.workflows.saying import answer_of
from pytest_compiledai.workflows.saying import normal
from pytest_compiledai.workflows.saying import picked
from pytest_compiledai.workflows.saying import told
from pytest_compiledai.workflows.sensitivity import shifts
from pytest_compiledai.workflows.spec import WorkflowSpec
from pytest_compiledai.workflows.spec import read_workflow_spec

RIGHT: Final = "correct"
ACCEPT: Final = "accept"
_KEY: Final = ("query", "agent", "setting", "sample", "state")
#: What an agent is given, by problem and state.
Given = dict[str, dict[str, str | None]]
#: Returns the desk of a model; one a model.
Desks = Callable[[str], Desk]


class Input(NamedTuple):
    """What an agent is given with a problem: nothing, a result, or results to judge."""

    link: Link
    before: str | None
    state: str
    candidates: tuple[str, ...] = ()
    right: tuple[bool, ...] = ()  # by candidate


class Ask(NamedTuple):
    """One call to measure."""

    row: Row
    given: Input
    setting: str
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The most that measuring can cost, answers as long as they may be."""

    calls: int
    tokens_in: int
    tokens_out: int

    def __str__(self) -> str:
        return f"at most {self.calls} calls, {self.tokens_in} tokens in, {self.tokens_out} out"


class Profiler:
    """Measures the calls of one spec."""

    def __init__(self, spec: WorkflowSpec, desks: Desks, folder: Path, *, samples: int) -> None:
        self.spec = spec
        self.desks = desks
        self.recordings = Recordings(folder)
        self.samples = samples
        self.chains = chains(spec)

    def bill(self, *, again: int = 0) -> Bill:
        """Return the most that can be asked, with results so far as long as answers may be.

        ``again`` problems are asked once more of every later call, right and wrong results.
        """
        calls = tokens_in = tokens_out = 0
        for chain in self.chains:
            for place, link in enumerate(chain):
                settings = self.settings(link.agent)
                states = link.of + 1 if link.role == JUDGE else 1 if place == 0 else 2
                for row in self.spec.rows:
                    prompt = self.spec.agents[link.agent].prompt
                    size = len(told(prompt, row.input).encode()) // 2 + 50
                    size += max(place, link.of) * MOST_ANSWER_TOKENS
                    asked = len(settings) * self.samples * states
                    calls += asked
                    tokens_in += asked * size
                    tokens_out += self.samples * states * sum(map(_most_tokens, settings))
                if place:
                    calls += 2 * again
                    tokens_in += 2 * again * size
                    tokens_out += 2 * again * _most_tokens(settings[0])
        return Bill(calls=calls, tokens_in=tokens_in, tokens_out=tokens_out)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the profile, asked or replayed. Raises ``ModelError``."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for chain in self.chains:
            given: Given = {row.id: {RIGHT: None} for row in self.spec.rows}
            for place, link in enumerate(chain):
                if link.role == JUDGE:
                    asks = self._to_judge(link, list(found.values()))
                else:
                    asks = self._asks(link, place, given)
                made = [self._row(ask) for ask in self._begun(asks)]
                found |= {tuple(row[k] for k in _KEY): row for row in made}
                given = self._results(made, given, prefer=self.settings(link.agent)[0])
        return list(found.values())

    def given(self, chain: Chain, place: int, *, prefer: str) -> Given:
        """Return what the agent at ``place`` is given by the one before it at one setting."""
        found: Given = {row.id: {RIGHT: None} for row in self.spec.rows}
        for number, link in enumerate(chain[:place]):
            made = [self._row(ask) for ask in self._begun(self._asks(link, number, found))]
            last = number == place - 1
            kept = [row for row in made if not last or row["setting"] == prefer]
            found = self._results(kept, found, prefer=self.settings(link.agent)[0])
        return found

    def score(self, link: Link, row: Row, before: str | None, state: str) -> float:
        """Return what an agent's first setting scores when it is given ``before``."""
        ask = Ask(row, Input(link, before, state), self.settings(link.agent)[0], 0)
        return float(self._row(ask)["score"])

    def _asks(self, link: Link, place: int, given: Given) -> list[Ask]:
        return [
            Ask(row, Input(link, before if place else None, state), setting, sample)
            for row in self.spec.rows
            for state, before in given[row.id].items()
            for setting in self.settings(link.agent)
            for sample in range(self.samples)
        ]

    def _to_judge(self, link: Link, rows: Sequence[Mapping[str, Any]]) -> list[Ask]:
        """Return what a judge is asked: for each problem, each number of right candidates."""
        sides = _sides(link.pool, rows)
        return [
            Ask(row, _candidates(link, right, wrong, count, f"{row.id}/{sample}"), setting, sample)
            for row in self.spec.rows
            for right, wrong in [sides.get(row.id, ([], []))]
            for count in range(link.of + 1)
            if (right if count else wrong) and (wrong if count < link.of else right)
            for setting in self.settings(link.agent)
            for sample in range(self.samples)
        ]

    def _begun(self, asks: list[Ask]) -> list[Ask]:
        """Return ``asks``, begun ahead, four at a time a model."""
        for ask in asks:
            desk = self.desks(_model(ask.setting))
            desk.prefetch([Job(request=self._request(ask), recordings=self.recordings)])
        return asks

    def _row(self, ask: Ask) -> dict[str, Any]:
        model = _model(ask.setting)
        reply = self.desks(model).ask(
            self._request(ask),
            recordings=self.recordings,
            where=ask.row.place,
            preferred=model,
            command=f"python -m pytest_compiledai.workflows.profiling {self.spec.path}",
        )
        answer = answer_of(reply.text)
        return {
            "query": ask.row.id,
            "agent": ask.given.link.agent,
            "setting": ask.setting,
            "sample": ask.sample,
            "state": ask.given.state,
            "score": float(answer is not None and self._is_good(ask, answer)),
            "answer": None if answer is None else _as_stored(ask.given.link, answer),
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "seconds": self._seconds(reply, ask),
            "ttft": None,
            "cost": _usd(model, reply),
            "text": answer,
        }

    def _is_good(self, ask: Ask, answer: str) -> bool:
        """Return whether an answer is right, or decides as it should."""
        link, state, candidates, right = ask.given[0], *ask.given[2:]
        if link.role == GATE:
            return (normal(answer) == ACCEPT) == (state == RIGHT)
        if link.role == ROUTER:
            return normal(answer) in map(normal, link.names)
        if link.role == JUDGE:
            return right[picked(answer, len(candidates))]
        return normal(answer) == self._expected(ask.row)

    def _seconds(self, reply: Reply, ask: Ask) -> float:
        if reply.seconds is None:
            raise SpecError(
                where=ask.row.place,
                found="a recorded answer without its seconds",
                expected="measured ones: latency is one of the objectives",
                next="delete the recording and ask again",
            )
        return reply.seconds

    def _results(self, rows: Sequence[Mapping[str, Any]], before: Given, *, prefer: str) -> Given:
        """Return what the next agent is given: a right and a wrong result, where there are some.

        The preferred setting's come first; others' stand in for a state that it never reached.
        """
        ordered = sorted(rows, key=lambda row: (row["setting"] != prefer, row["sample"]))
        found: Given = {query: {} for query in before}
        for row in ordered:
            if row["text"] is not None:
                state = RIGHT if row["score"] >= 0.5 else "wrong"  # noqa: PLR2004 - half is right
                found[row["query"]].setdefault(state, row["text"])
        return found

    def settings(self, agent: str) -> list[str]:
        """Return the settings of an agent that ask a model. Raises ``SpecError`` for none."""
        found = self.spec.agents[agent].settings
        models = [setting for setting in found if not setting.startswith(("unit:", "tool:"))]
        if not models:
            raise SpecError(
                where=self.spec.path,
                found=f"the agent `{agent}` without a model",
                expected="a model to measure",
                next="import its traces; see docs/workflows.md, section Importing",
            )
        return models

    def unpriced(self) -> list[str]:
        """Return the models without a known price, whose calls count as costing nothing."""
        from pytest_compiledai.llm.price import price

        agents = {link.agent for chain in self.chains for link in chain}
        models = {_model(setting) for agent in agents for setting in self.settings(agent)}
        return sorted(model for model in models if price(model) is None)

    def _request(self, ask: Ask) -> Request:
        link, before, _, candidates, _ = ask.given
        agent = self.spec.agents[link.agent]
        text = told(agent.prompt, ask.row.input, before=before, candidates=candidates)
        temperature = agent.temperature if agent.temperature is not None else 0.7
        return Request(
            messages=(Message(role="user", content=text),),
            parameters={"max_tokens": _most_tokens(ask.setting), "temperature": temperature},
            sample=ask.sample,
        )

    def _expected(self, row: Row) -> str:
        (value,) = row.output.values()
        return normal(value if isinstance(value, str) else str(value))


def _sides(
    pool: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return by problem the right and the wrong results that agents of a pool made of it."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for row in rows:
        if row["agent"] in pool and row["text"] is not None:
            sides = found.setdefault(row["query"], ([], []))
            sides[row["score"] < 0.5].append(row["text"])  # noqa: PLR2004 - half is right
    return found


def _candidates(
    link: Link, right: Sequence[str], wrong: Sequence[str], count: int, seed: str
) -> Input:
    """Return what a judge is given: ``count`` right results, in an order that ``seed`` decides."""
    rng = random.Random(seed)  # noqa: S311 - an order that repeats, no secret
    texts = [(rng.choice(right), True) for _ in range(count)]
    texts += [(rng.choice(wrong), False) for _ in range(link.of - count)]
    rng.shuffle(texts)
    state = f"{count}/{link.of}"
    return Input(link, None, state, tuple(t for t, _ in texts), tuple(good for _, good in texts))


def _as_stored(link: Link, answer: str) -> str:
    """Return an answer as the profile holds it: a router's by the name that the flow gives."""
    names = {normal(name): name for name in link.names}
    return names.get(normal(answer), normal(answer))


def _model(setting: str) -> str:
    return setting.partition("@")[0]


def _most_tokens(setting: str) -> int:
    budget = setting.partition("@")[2]
    return int(budget) if budget else MOST_ANSWER_TOKENS


def _usd(model: str, reply: Reply) -> float:
    from pytest_compiledai.llm.price import price

    known = price(model)
    if known is None:
        return 0.0
    return float(
        known.usd_per_token_in * reply.tokens_in + known.usd_per_token_out * reply.tokens_out
    )


def write(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the profile."""
    import polars as pl

    from pytest_compiledai.workflows.profile import COLUMNS
    from pytest_compiledai.workflows.profile import write_profile

    schema = {name: getattr(pl, dtype) for name, dtype in COLUMNS.items()}
    frame = pl.DataFrame([{name: row[name] for name in COLUMNS} for row in rows], schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, write_profile(frame))


def read(path: Path, root: Path) -> WorkflowSpec:
    """Return the first workflow of a spec file. Raises ``SpecError``."""
    relative = path.resolve().relative_to(root).as_posix()
    for document in read_documents(path.read_bytes(), relative):
        if document.data.get("kind") == "workflow":
            return read_workflow_spec(document, Project(root=root))
    raise SpecError(where=relative, found="no workflow", expected="`kind: workflow`")


def main() -> int:
    """Measure what is missing, after the bill was shown and agreed to."""
    from pytest_compiledai.workflows.live import desks_of

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--budget-tokens", type=int)
    parser.add_argument(
        "--sensitivity",
        type=int,
        default=0,
        metavar="N",
        help="ask later calls about N problems again, with other settings' results",
    )
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    asked = parser.parse_args()
    say = sys.stderr.write
    try:
        spec = read(asked.spec, Path.cwd().resolve())
        folder = spec.profile_file.parent / f"{spec.name}.answers"
        with desks_of(asked.budget_tokens) as desks:
            profiler = Profiler(spec, desks, folder, samples=asked.samples)
            bill = profiler.bill(again=asked.sensitivity)
            say(f"{bill}; what is recorded in {folder.name}/ is not asked again\n")
            for model in profiler.unpriced():
                say(f"{model}: no known price; its calls count as costing nothing\n")
            if not asked.yes and input("begin? [y/N] ").strip().lower() != "y":
                return 1
            write(profiler.rows(), spec.profile_file)
            for shift in shifts(profiler, asked.sensitivity):
                say(f"{shift}\n")
    except CompiledAIError as error:
        say(f"{error}\n")
        return 2
    say(f"wrote {spec.profile}\nnext: pytest --compile {spec.path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
