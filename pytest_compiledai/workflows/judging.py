"""What each gate asks of a trade-off set.

The set was made from train and validation problems. Until a candidate is accepted, gates see those
only; then the test problems are opened, once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of
from pytest_compiledai.workflows import artifact
from pytest_compiledai.workflows import graph
from pytest_compiledai.workflows import recorded
from pytest_compiledai.workflows.plan import Wish
from pytest_compiledai.workflows.plan import structures
from pytest_compiledai.workflows.remade import Found
from pytest_compiledai.workflows.remade import differences
from pytest_compiledai.workflows.texts import remarks
from pytest_compiledai.workflows.tradeoffs import FILE
from pytest_compiledai.workflows.tradeoffs import Configuration
from pytest_compiledai.workflows.tradeoffs import TradeOffs
from pytest_compiledai.workflows.tradeoffs import read_tradeoffs

if TYPE_CHECKING:
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.workflows.compose import Composer
    from pytest_compiledai.workflows.compose import Measured
    from pytest_compiledai.workflows.spec import WorkflowSpec

VERSIONS: Final = dict.fromkeys(
    ("security", "syntax", "execution", "accuracy", "latency", "fuzz", "cost"), 1
) | {"security": 2, "execution": 2, "accuracy": 2}
#: Edited problems below which a drop would not be seen.
LEAST_EDITED: Final = 20
#: Test problems below which nearly every figure would agree with what is stated.
LEAST_TESTED: Final = 20


def judge(gate: str, spec: WorkflowSpec, candidate: Candidate, phase: Phase) -> Verdict:
    """Return the verdict of one gate; what goes wrong in asking is a finding."""
    figures: dict[str, Any] = {}

    def question(into: dict[str, Any]) -> Iterator[Found]:
        try:
            yield from Judging(spec, candidate, phase).questions[gate](into)
        except ImportError as error:
            raise recorded.missing_extra(error) from None

    found = found_by(question, figures)
    path = f"{spec.name}/{FILE}" if gate in ("syntax", "execution") else spec.path
    return verdict_of(gate, found, figures, path)


class Judging:
    """One candidate before one gate."""

    def __init__(self, spec: WorkflowSpec, candidate: Candidate, phase: Phase) -> None:
        self.spec = spec
        self.candidate = candidate
        self.phase = phase
        self.questions: Mapping[str, Callable[[dict[str, Any]], Iterator[Found]]] = {
            "security": self._security,
            "syntax": self._syntax,
            "execution": self._execution,
            "accuracy": self._accuracy,
            "latency": self._latency,
            "fuzz": self._fuzz,
            "cost": self._cost,
        }

    @cached_property
    def value(self) -> dict[str, Any]:
        """The artifact's value. Raises ``ValueError``."""
        return artifact.read_set(self.candidate.files, self.spec.name)

    @cached_property
    def offs(self) -> TradeOffs:
        """The trade-off set."""
        return read_tradeoffs(self.candidate.files[f"{self.spec.name}/{FILE}"])

    def _security(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for secrets, orders and unnamed hosts, in prompts and everywhere else."""
        figures["prompts"] = sum(bool(agent.prompt) for agent in self.spec.agents.values())
        for remark in remarks(self.value, self.spec.hosts):
            message = f"{remark.way}: found {remark.found}; expected {remark.expected}"
            yield remark.rule, message

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the set is one of this spec: its agents, flow and settings, a sound graph."""
        from pytest_compiledai.workflows.wiring import drawn
        from pytest_compiledai.workflows.wiring import lint

        spec, value = self.spec, self.value
        steps = structures(spec.plan)
        for step in steps:
            for fault in lint(drawn(step)):
                yield "graph", f"{graph.label(step)}: found {fault}; expected start to end"
        expected = {
            "name": spec.name,
            "kind": "workflow",
            "latency": spec.plan.latency,
            "confidence": spec.plan.confidence,
            "agents": {name: agent.as_json() for name, agent in sorted(spec.agents.items())},
            "flow": spec.flow,
            "passes": list(spec.plan.passes),
            "structures": [graph.label(step) for step in steps],
        }
        for key, wanted in expected.items():
            if digest_of(value[key]) != digest_of(wanted):
                yield "other", f"{key}: found other than the spec's; expected what the spec says"
        ids = [configuration.id for configuration in self.offs]
        if len(set(ids)) != len(ids) or not ids:
            yield (
                "ids",
                f"found {len(ids)} configurations with {len(set(ids))} ids; expected one each",
            )
        for configuration in self.offs:
            yield from self._settings(configuration, steps)
        if set(value["chosen"]) != set(spec.plan.wishes):
            yield "chosen", "found other names; expected those of `choose:`"
        yield from (
            ("chosen", f"{name}: found {chosen!r}; expected an id of the set")
            for name, chosen in value["chosen"].items()
            if chosen is not None and chosen not in ids
        )
        figures |= {"structures": len(steps), "configurations": len(ids)}

    def _settings(
        self, configuration: Configuration, steps: tuple[graph.Step, ...]
    ) -> Iterator[Found]:
        where = configuration.id
        if type(configuration.structure) is not int or not 0 <= configuration.structure < len(
            steps
        ):
            yield "structure", f"{where}: found {configuration.structure!r}; expected a structure"
            return
        agents = graph.slots(steps[configuration.structure])
        if set(agents) != set(configuration.settings):
            yield "slots", f"{where}: found other slots; expected {', '.join(agents)}"
            return
        for slot, setting in configuration.settings.items():
            if setting not in self.spec.plan.settings[agents[slot]]:
                yield (
                    "setting",
                    f"{where}: found {slot}={setting!r}; expected a setting of the spec",
                )

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether every configuration, replayed end to end, gives what the set states.

        The whole set is made again from the stored answers: no figure, interval or choice of a
        frozen set is taken on trust.
        """
        if self.value["profile"] != self._whole().digest:
            yield "profile", "found figures of another profile; expected those of the stored one"
            return
        again = json.loads(artifact.made(self.spec))
        yield from differences(self.value, again)
        figures["trade_offs"] = [
            [f"{c.id} {c.label}", *ends, c.seconds[self.offs.latency], c.cost.mean]
            for c in self.offs
            for ends in [(c.accuracy.low, c.accuracy.mean, c.accuracy.high)]
        ]
        figures["steps"] = list(self._steps())
        figures |= {
            "replayed": again["searched"],
            "problems": len(self.spec.ids(*artifact.SHOWN)),
        }

    def _steps(self) -> Iterator[list[Any]]:
        """Yield what each step of the chosen configurations takes, a row a step."""
        from pytest_compiledai.workflows.costs import spent

        composer = self._composer(*artifact.SHOWN)
        for configuration in self._chosen():
            step = composer.structures[configuration.structure]
            for each in spent(step, configuration.settings, composer.replay.decks):
                figures = [float(f"{n:.6g}") for n in (each.calls, each.seconds, each.usd)]
                yield [configuration.id, each.slot, each.setting, *figures]

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether wishes are reached, and whether test problems agree with what is stated."""
        spec = self.spec
        for name, wish in spec.plan.wishes.items():
            chosen = self.value["chosen"][name]
            kept = self.offs.within(accuracy=wish.accuracy, seconds=wish.seconds, cost=wish.cost)
            if chosen is None or chosen not in [c.id for c in kept]:
                yield "unreached", f"{name}: {_unreached(self.offs, wish, spec.plan.confidence)}"
        if self.phase is Phase.SELECT:
            return
        tests = len(spec.ids(Split.TEST))
        if tests < LEAST_TESTED:
            yield (
                "few",
                f"found {tests} test problems; expected {LEAST_TESTED}; next: add problems",
            )
            return
        measured = self._tested()
        errors = []
        for configuration in self.offs:
            mean = float(measured[configuration.id].accuracy.mean())
            stated = configuration.new_problems
            errors.append(abs(mean - stated.mean))
            if not stated.low - 1e-9 <= mean <= stated.high + 1e-9:
                yield (
                    "interval",
                    (
                        f"{configuration.id}: found {mean:.3f} on test problems; "
                        f"expected {stated.low:.3f} to {stated.high:.3f}, as stated"
                    ),
                )
        yield from self._reached(measured, figures)
        figures |= {
            "error": sum(errors) / len(errors),
            "test problems": tests,
            "confidence": spec.plan.confidence,
        }

    def _reached(
        self, measured: Mapping[str, Measured], figures: dict[str, Any]
    ) -> Iterator[Found]:
        """Yield wishes that the test problems contradict at the stated confidence."""
        from pytest_compiledai.workflows.compose import one_sided

        for name, wish in self.spec.plan.wishes.items():
            chosen = self.value["chosen"][name]
            if chosen is None:
                continue
            found = one_sided(measured[chosen].accuracy, self.spec.plan.confidence)
            figures[f"{name}: test accuracy"] = float(measured[chosen].accuracy.mean())
            if found.high < wish.accuracy:
                yield (
                    "target",
                    (
                        f"{name}: found at most {found.high:.3f} on test problems; "
                        f"expected {wish.accuracy:.3f}"
                    ),
                )

    def _latency(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the measured p95 keeps the stated margin, and the bound of the spec."""
        bounds = self.spec.bounds
        for configuration in self._chosen():
            bound = bounds.p95_seconds
            if bound is not None and configuration.p95.mean > bound:
                yield "bound", _over(configuration.id, "p95", configuration.p95.mean, bound, "s")
        if self.phase is Phase.SELECT:
            return
        for configuration in self._chosen():
            p95 = self._tested()[configuration.id].times()["p95"]
            figures[f"{configuration.id}: p95 s"] = p95
            most = max(configuration.p95.high, configuration.p95.mean * (1 + bounds.p95_margin))
            if p95 > most:
                yield "p95", _over(configuration.id, "p95 on test problems", p95, most, "s")

    def _cost(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether a problem's cost keeps the stated margin, and the bound of the spec."""
        bounds = self.spec.bounds
        for configuration in self._chosen():
            if bounds.usd is not None and configuration.cost.mean > bounds.usd:
                yield (
                    "bound",
                    _over(configuration.id, "cost", configuration.cost.mean, bounds.usd, "USD"),
                )
        if self.phase is Phase.SELECT:
            return
        for configuration in self._chosen():
            usd = float(self._tested()[configuration.id].cost.mean())
            figures[f"{configuration.id}: USD"] = usd
            most = max(configuration.cost.high, configuration.cost.mean * (1 + bounds.cost_margin))
            if usd > most + 1e-12:
                yield "cost", _over(configuration.id, "cost on test problems", usd, most, "USD")

    def _fuzz(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether edited problems (`<id>~<n>` in the profile) are answered nearly as well."""
        import numpy as np

        splits = artifact.SHOWN if self.phase is Phase.SELECT else tuple(Split)
        ids, whole = self.spec.ids(*splits), self._whole()
        origin = [query.rpartition("~")[0] for query in whole.queries]
        edited = np.array([name in ids for name in origin], dtype=bool)
        count = int(edited.sum())
        if count < min(LEAST_EDITED, len(ids)):
            yield (
                "unrecorded",
                (
                    f"{self.spec.profile}: found {count} edited problems, rows of `<id>~<n>`; "
                    f"expected {LEAST_EDITED}; next: profile some, or write `fuzz: off`"
                ),
            )
            return
        figures["edited problems"] = count
        sources = {name for name, is_edited in zip(origin, edited, strict=True) if is_edited}
        plain = np.array([query in sources for query in whole.queries], dtype=bool)
        before, after = (self._of(whole.only(some)) for some in (plain, edited))
        for configuration in self._chosen():
            was, now = (
                float(c.measure(configuration.structure, configuration.settings).accuracy.mean())
                for c in (before, after)
            )
            figures[f"{configuration.id}: edited"] = now
            if now < was - self.spec.bounds.drop:
                yield (
                    "drop",
                    (
                        f"{configuration.id}: found {now:.3f} on edited problems, "
                        f"{was:.3f} before; expected at most {self.spec.bounds.drop} less"
                    ),
                )

    def _chosen(self) -> Iterator[Configuration]:
        """Yield the configurations that the spec's wishes picked, each once."""
        ids = dict.fromkeys(self.value["chosen"].values())
        yield from (self.offs[name] for name in ids if name is not None)

    def _tested(self) -> Mapping[str, Measured]:
        if "measured" not in self.__dict__:
            composer = self._composer(Split.TEST)
            self.measured = {
                c.id: self._ran(c) or composer.measure(c.structure, c.settings) for c in self.offs
            }
        return self.measured

    def _ran(self, configuration: Configuration) -> Measured | None:
        """Return what end-to-end runs on all test problems measured; None without them."""
        from pytest_compiledai.workflows.compose import Measured

        runs, tests = recorded.runs_of(self.spec), self.spec.ids(Split.TEST)
        run = runs.of(configuration.label, configuration.settings) if runs else None
        run = run.only(tests) if run else None
        if run is None or len(run.queries) < len(tests):
            return None
        return Measured(accuracy=run.score, seconds=run.seconds[None, :], cost=run.cost)

    def _whole(self) -> Any:
        return recorded.read_cached(recorded.profile_bytes(self.spec), self.spec.profile)

    def _composer(self, *splits: Split) -> Composer:
        if not self.spec.ids(*splits):
            raise ValueError(f"no {' or '.join(splits)} problem; expected some")
        return self._of(artifact.part(self.spec, self._whole(), *splits))

    def _of(self, profile: Any) -> Composer:
        from pytest_compiledai.workflows.compose import Composer

        return Composer(self.spec.plan, profile)


def _unreached(offs: TradeOffs, wish: Wish, confidence: float) -> str:
    best = offs.within(seconds=wish.seconds, cost=wish.cost)
    reached = f"{best.best().accuracy.low:.3f}" if len(best) else "nothing within its bounds"
    return (
        f"found {reached} at {confidence:.0%} confidence; expected {wish.accuracy:.3f}; "
        "next: profile more problems, add settings, or lower the wish"
    )


def _over(name: str, what: str, found: float, most: float, unit: str) -> str:
    return f"{name}: found {what} {found:.4g} {unit}; expected at most {most:.4g} {unit}"
