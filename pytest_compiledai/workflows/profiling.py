"""Measures a profile with real models, over LiteLLM, every answer recorded as it comes.

    python -m pytest_compiledai.workflows.profiling SPEC.yaml [--samples 2] [--budget-tokens N]
        [--sensitivity N] [--jobs N] [--backend loky|dask|ray] [--address ADDRESS]

What is recorded is not asked again, so that a killed run goes on where it was. The most that the
run can cost is printed before the first call; one ledger bounds all processes that ask. Inputs of
later calls come from the reference, each agent's first setting, on all problems, solved or not;
wrong ones make the rows for wrong inputs.

Calls that answer the problem are measured first or later in a sequence or a mending loop; gates and
checks on right and on wrong results, routers on the problem. A judge is given results that were
measured before it, once for every number of right ones among them that there can be. A call that
reads several results is given, by problem, the reference's of one sample: right ones together, and
others of which one is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.ahead import Fan
from pytest_compiledai.ahead import Wanted
from pytest_compiledai.ahead import ask_ahead
from pytest_compiledai.ahead import fan_of
from pytest_compiledai.core.document import first_of_kind
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.kind import Project
from pytest_compiledai.fanout import BACKENDS
from pytest_compiledai.llm.client import BRIDGE
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.desks import Desks
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.workflows.asked import RIGHT
from pytest_compiledai.workflows.asked import Ask
from pytest_compiledai.workflows.asked import request_of
from pytest_compiledai.workflows.asked import row_of
from pytest_compiledai.workflows.bill import bill_of
from pytest_compiledai.workflows.bill import model_of
from pytest_compiledai.workflows.completing import after
from pytest_compiledai.workflows.completing import answerers
from pytest_compiledai.workflows.completing import settled
from pytest_compiledai.workflows.completing import together
from pytest_compiledai.workflows.joining import given_together
from pytest_compiledai.workflows.links import JUDGE
from pytest_compiledai.workflows.links import Chain
from pytest_compiledai.workflows.links import Input
from pytest_compiledai.workflows.links import Link
from pytest_compiledai.workflows.links import candidates_of
from pytest_compiledai.workflows.links import chains
from pytest_compiledai.workflows.links import completing
from pytest_compiledai.workflows.links import sides_of
from pytest_compiledai.workflows.sensitivity import shifts
from pytest_compiledai.workflows.spec import WorkflowSpec
from pytest_compiledai.workflows.spec import read_workflow_spec

_KEY: Final = ("query", "agent", "setting", "sample", "state")
#: What an agent is given, by problem and state.
Given = dict[str, dict[str, str | None]]


class Profiler:
    """Measures the calls of one spec."""

    def __init__(
        self,
        spec: WorkflowSpec,
        desks: Desks,
        folder: Path,
        *,
        samples: int,
        fan: Fan | None = None,  # None: this process asks
    ) -> None:
        self.spec = spec
        self.desks = desks
        self.fan = fan
        self.recordings = Recordings(folder)
        self.samples = samples
        self.chains = chains(spec)
        self.answers = answerers(spec.plan)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the profile, asked or replayed. Raises ``ModelError``."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for chain in self.chains:
            parts = self._parts(chain)
            found |= {tuple(row[k] for k in _KEY): row for rows in parts for row in rows}
            given = given_together(self, chain, parts)
            for place, link in enumerate(chain):
                if link.role == JUDGE:
                    asks = self._to_judge(link, list(found.values()))
                else:
                    asks = self._asks(link, given)
                made = self._made(chain, place, asks)
                found |= {tuple(row[k] for k in _KEY): row for row in made}
                given = self.results(made, given, prefer=self.settings(link.agent)[0])
        return list(found.values())

    def given(self, chain: Chain, place: int, *, prefer: str) -> Given:
        """Return what the agent at ``place`` is given by the one before it at one setting."""
        found = given_together(self, chain, self._parts(chain))
        for number, link in enumerate(chain[:place]):
            made = self._made(chain, number, self._asks(link, found))
            last = number == place - 1
            kept = [row for row in made if not last or row["setting"] == prefer]
            found = self.results(kept, found, prefer=self.settings(link.agent)[0])
        return found

    def _parts(self, chain: Chain) -> list[list[dict[str, Any]]]:
        """Return the rows of each agent whose results the first of ``chain`` reads."""
        nothing: Given = {row.id: {RIGHT: None} for row in self.spec.rows}
        links = [Link(agent) for agent in chain[0].reads]
        made = [[self._row(a) for a in self._begun(self._asks(link, nothing))] for link in links]
        return together(self, completing(chain), made)

    def again(
        self, link: Link, state: str, inputs: Sequence[tuple[Row, str]]
    ) -> list[dict[str, Any]]:
        """Return what an agent's first setting makes of problems, each with what came before."""
        setting = self.settings(link.agent)[0]
        asks = [Ask(row, Input(link, before, state), setting, 0) for row, before in inputs]
        return [self._row(ask) for ask in self._begun(asks)]

    def _made(self, chain: Chain, place: int, asks: list[Ask]) -> list[dict[str, Any]]:
        """Return the rows of one link; whether a result is right may take completing the graph."""
        made = [self._row(ask) for ask in self._begun(asks)]
        return settled(self, after(chain, place, self.answers), made)

    def _asks(self, link: Link, given: Given) -> list[Ask]:
        return [
            Ask(row, Input(link, before, state), setting, sample)
            for row in self.spec.rows
            for state, before in given[row.id].items()
            for setting in self.settings(link.agent)
            for sample in range(self.samples)
        ]

    def _to_judge(self, link: Link, rows: Sequence[Mapping[str, Any]]) -> list[Ask]:
        """Return what a judge is asked: for each problem, each number of right candidates."""
        sides = sides_of(link.pool, rows)
        return [
            Ask(
                row, candidates_of(link, right, wrong, count, f"{row.id}/{sample}"), setting, sample
            )
            for row in self.spec.rows
            for right, wrong in [sides.get(row.id, ([], []))]
            for count in range(link.of + 1)
            if (right if count else wrong) and (wrong if count < link.of else right)
            for setting in self.settings(link.agent)
            for sample in range(self.samples)
        ]

    def _begun(self, asks: list[Ask]) -> list[Ask]:
        """Return ``asks``, begun ahead, four at a time a model; by others, once they are done."""
        wanted = [
            Wanted(
                model_of(a.setting),
                request_of(a, self.spec.agents),
                a.row.place,
            )
            for a in asks
        ]
        if self.fan is not None:
            ask_ahead(
                wanted,
                recordings=self.recordings,
                desks=self.desks,
                fan=self.fan,
                command=self._command,
            )
        for model, request, _ in wanted:
            self.desks(model).prefetch([Job(request=request, recordings=self.recordings)])
        return asks

    def _row(self, ask: Ask) -> dict[str, Any]:
        model = model_of(ask.setting)
        reply = self.desks(model).ask(
            request_of(ask, self.spec.agents),
            recordings=self.recordings,
            where=ask.row.place,
            preferred=model,
            command=self._command,
        )
        return row_of(ask, reply, model)

    @property
    def _command(self) -> str:
        return f"python -m pytest_compiledai.workflows.profiling {self.spec.path}"

    def results(self, rows: Sequence[Mapping[str, Any]], before: Given, *, prefer: str) -> Given:
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

    def check_timed(self) -> None:
        """Raise ``SpecError`` for a model whose answers carry no seconds, before one is paid."""
        for model in self._models():
            if model.startswith(BRIDGE):
                raise SpecError(
                    where=self.spec.path,
                    found=f"the model {model}, whose answers are not timed",
                    expected="timed answers: latency is one of the objectives",
                    next=f"openai/{model.removeprefix(BRIDGE)} with OPENAI_API_BASE, for an "
                    "endpoint of your own",
                )

    def _models(self) -> list[str]:
        agents = {
            agent for chain in self.chains for link in chain for agent in (link.agent, *link.reads)
        }
        return sorted({model_of(each) for agent in agents for each in self.settings(agent)})

    def unpriced(self) -> list[str]:
        """Return the models without a known price, whose calls count as costing nothing."""
        from pytest_compiledai.llm.price import price

        return [model for model in self._models() if price(model) is None]


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
    return read_workflow_spec(first_of_kind(path, root, "workflow"), Project(root=root))


def main() -> int:
    """Measure what is missing, after the bill was shown and agreed to."""
    from pytest_compiledai.llm.desks import desks_of

    asked = _parser().parse_args()
    say = sys.stderr.write
    try:
        fan = fan_of(jobs=asked.jobs, backend=asked.backend, address=asked.address)
        spec = read(asked.spec, Path.cwd().resolve())
        folder = spec.profile_file.parent / f"{spec.name}.answers"
        beside = None if asked.backend == "loky" else folder  # where other machines look, too
        if beside is not None:
            beside.mkdir(parents=True, exist_ok=True)
        with desks_of(asked.budget_tokens, beside=beside) as desks:
            profiler = Profiler(spec, desks, folder, samples=asked.samples, fan=fan)
            profiler.check_timed()
            bill = bill_of(profiler, again=asked.sensitivity)
            say(f"{bill}; what is recorded in {folder.name}/ is not asked again\n")
            for model in profiler.unpriced():
                say(f"{model}: no known price; its calls count as costing nothing\n")
            if not asked.yes and input("begin? [y/N] ").strip().lower() != "y":
                return 1
            folder.mkdir(parents=True, exist_ok=True)
            write(profiler.rows(), spec.profile_file)
            for shift in shifts(profiler, asked.sensitivity):
                say(f"{shift}\n")
    except CompiledAIError as error:
        say(f"{error}\n")
        return 2
    say(f"wrote {spec.profile}\nnext: pytest --compile {spec.path}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--samples", type=int, default=2, help="answers a problem (default: 2)")
    parser.add_argument("--budget-tokens", type=int, help="bounds all processes together")
    parser.add_argument(
        "--sensitivity",
        type=int,
        default=0,
        metavar="N",
        help="ask later calls about N problems again, with other settings' results",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes that ask (default: 1)")
    parser.add_argument(
        "--backend", default="loky", help=f"joblib's {', '.join(BACKENDS)} (default: loky)"
    )
    parser.add_argument("--address", default="", help="of the scheduler of dask or ray")
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    return parser


if __name__ == "__main__":
    sys.exit(main())
