"""Measures a profile with real models, over LiteLLM, every answer recorded as it comes.

    python -m pytest_compiledai.workflows.profiling SPEC.yaml [--samples 2] [--budget-tokens N]

What is recorded is not asked again, so that a killed run goes on where it was. The most that the
run can cost is printed before the first call. Inputs of later calls come from the reference, each
agent's first setting, on all problems, solved or not; wrong ones make the rows for wrong inputs.

It measures calls that answer the problem, first or later in a sequence or a mending loop. Judges,
routers, gates and checks are not measured here: import their traces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from collections.abc import Iterator
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
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.saying import answer_of
from pytest_compiledai.workflows.saying import normal
from pytest_compiledai.workflows.saying import told
from pytest_compiledai.workflows.spec import WorkflowSpec
from pytest_compiledai.workflows.spec import read_workflow_spec

RIGHT: Final = "correct"
#: What an agent is given, by problem and state.
Given = dict[str, dict[str, str | None]]
#: Returns the desk of a model; one a model.
Desks = Callable[[str], Desk]


class Input(NamedTuple):
    """What an agent is given with a problem: nothing, or the result of the step before."""

    agent: str
    before: str | None
    state: str


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
        self.chains = tuple(dict.fromkeys(_chains(spec)))

    def bill(self) -> Bill:
        """Return the most that can be asked, with results so far as long as answers may be."""
        calls = tokens_in = tokens_out = 0
        for chain in self.chains:
            for place, agent in enumerate(chain):
                settings = self._models(agent)
                states = 1 if place == 0 else 2
                for row in self.spec.rows:
                    size = len(told(self.spec.agents[agent].prompt, row.input).encode()) // 2 + 50
                    size += place * MOST_ANSWER_TOKENS
                    asked = len(settings) * self.samples * states
                    calls += asked
                    tokens_in += asked * size
                    tokens_out += self.samples * states * sum(map(_most_tokens, settings))
        return Bill(calls=calls, tokens_in=tokens_in, tokens_out=tokens_out)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the profile, asked or replayed. Raises ``ModelError``."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for chain in self.chains:
            given: Given = {row.id: {RIGHT: None} for row in self.spec.rows}
            for place, agent in enumerate(chain):
                made = list(self._measured(agent, place, given))
                for row in made:
                    found[
                        tuple(row[k] for k in ("query", "agent", "setting", "sample", "state"))
                    ] = row
                given = self._results(agent, made, given)
        return list(found.values())

    def _measured(self, agent: str, place: int, given: Given) -> Iterator[dict[str, Any]]:
        asks = [
            Ask(row, Input(agent, before if place else None, state), setting, sample)
            for row in self.spec.rows
            for state, before in given[row.id].items()
            for setting in self._models(agent)
            for sample in range(self.samples)
        ]
        for ask in asks:  # started ahead, four at a time a model
            desk = self.desks(_model(ask.setting))
            desk.prefetch([Job(request=self._request(ask), recordings=self.recordings)])
        for ask in asks:
            yield self._row(ask)

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
            "agent": ask.given.agent,
            "setting": ask.setting,
            "sample": ask.sample,
            "state": ask.given.state,
            "score": float(answer is not None and normal(answer) == self._expected(ask.row)),
            "answer": None if answer is None else normal(answer),
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "seconds": self._seconds(reply, ask),
            "ttft": None,
            "cost": _usd(model, reply),
            "text": answer,
        }

    def _seconds(self, reply: Reply, ask: Ask) -> float:
        if reply.seconds is None:
            raise SpecError(
                where=ask.row.place,
                found="a recorded answer without its seconds",
                expected="measured ones: latency is one of the objectives",
                next="delete the recording and ask again",
            )
        return reply.seconds

    def _results(
        self,
        agent: str,
        rows: Sequence[Mapping[str, Any]],
        before: Given,
    ) -> Given:
        """Return what the next agent is given: a right and a wrong result, where there are some.

        The reference's results come first; other settings' stand in for a state it never reached.
        """
        reference = self._models(agent)[0]
        ordered = sorted(rows, key=lambda row: (row["setting"] != reference, row["sample"]))
        found: Given = {query: {} for query in before}
        for row in ordered:
            if row["text"] is not None:
                state = RIGHT if row["score"] >= 0.5 else "wrong"  # noqa: PLR2004 - half is right
                found[row["query"]].setdefault(state, row["text"])
        return found

    def _models(self, agent: str) -> list[str]:
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

        agents = {agent for chain in self.chains for agent in chain}
        models = {_model(setting) for agent in agents for setting in self._models(agent)}
        return sorted(model for model in models if price(model) is None)

    def _request(self, ask: Ask) -> Request:
        agent = self.spec.agents[ask.given.agent]
        text = told(agent.prompt, ask.row.input, before=ask.given.before)
        temperature = agent.temperature if agent.temperature is not None else 0.7
        return Request(
            messages=(Message(role="user", content=text),),
            parameters={"max_tokens": _most_tokens(ask.setting), "temperature": temperature},
            sample=ask.sample,
        )

    def _expected(self, row: Row) -> str:
        (value,) = row.output.values()
        return normal(value if isinstance(value, str) else str(value))


def _chains(spec: WorkflowSpec) -> Iterator[tuple[str, ...]]:
    """Yield the agents that follow one another, first to last. Raises ``SpecError``."""
    if len(spec.output.data.get("properties", {})) != 1:
        raise SpecError(
            where=spec.path, found="an output of several values", expected="one, to be compared"
        )
    for step in structures(spec.plan):
        yield from _of(spec, step, ())


def _of(spec: WorkflowSpec, step: graph.Step, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    match step:
        case graph.Call(agent=agent):
            yield (*before, agent)
        case graph.Sequence(steps=steps) if all(isinstance(s, graph.Call) for s in steps):
            yield (*before, *(call.agent for call in graph.calls(step)))
        case graph.Vote(branches=branches):
            for branch in branches:
                yield from _of(spec, branch, before)
        case graph.Loop(tries=tries, checks=(), mends=mends):
            first = list(_of(spec, tries[0], before))
            yield from first
            if mends:
                for chain in first:
                    yield from _of(spec, tries[1], chain)
        case graph.Cascade(first=first_step, second=second, gate=None):
            yield from _of(spec, first_step, before)
            yield from _of(spec, second, before)
        case _:
            raise SpecError(
                where=spec.path,
                found=f"the step {graph.label(step)}, whose calls are not measured here",
                expected="calls, sequences of calls, votes, cascades by agreement, scored loops",
                next="import its traces; see docs/workflows.md, section Importing",
            )


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
    from pytest_compiledai.llm.desks import desks_of

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--budget-tokens", type=int)
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    asked = parser.parse_args()
    say = sys.stderr.write
    try:
        spec = read(asked.spec, Path.cwd().resolve())
        folder = spec.profile_file.parent / f"{spec.name}.answers"
        with desks_of(asked.budget_tokens) as desks:
            profiler = Profiler(spec, desks, folder, samples=asked.samples)
            say(f"{profiler.bill()}; what is recorded in {folder.name}/ is not asked again\n")
            for model in profiler.unpriced():
                say(f"{model}: no known price; its calls count as costing nothing\n")
            if not asked.yes and input("begin? [y/N] ").strip().lower() != "y":
                return 1
            write(profiler.rows(), spec.profile_file)
    except CompiledAIError as error:
        say(f"{error}\n")
        return 2
    say(f"wrote {spec.profile}\nnext: pytest --compile {spec.path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
