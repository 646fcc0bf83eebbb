"""What each gate asks of a frozen machine: put with the flow's own state machine as the judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.tensorfile import BadTensors
from pytest_compiledai.core.tensorfile import header
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of
from pytest_compiledai.dialogues import adversary
from pytest_compiledai.dialogues import costing
from pytest_compiledai.dialogues.carriers import HELD_OUT
from pytest_compiledai.dialogues.carriers import LEARNT
from pytest_compiledai.dialogues.conforming import counted
from pytest_compiledai.dialogues.conforming import played
from pytest_compiledai.dialogues.conforming import single_turns
from pytest_compiledai.dialogues.conforming import walk_turns
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.frozen.emit import emitted
from pytest_compiledai.dialogues.frozen.engine import DIMENSIONS
from pytest_compiledai.dialogues.frozen.engine import read_model
from pytest_compiledai.dialogues.frozen.parts import paths
from pytest_compiledai.dialogues.frozen.parts import program
from pytest_compiledai.dialogues.lint import lint
from pytest_compiledai.dialogues.player import Asked
from pytest_compiledai.dialogues.player import SandboxPlayer
from pytest_compiledai.dialogues.player import inputs_of
from pytest_compiledai.dialogues.texts import remarks
from pytest_compiledai.gates import latency
from pytest_compiledai.gates import security
from pytest_compiledai.gates.tools import ScanRequest

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Program
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.dialogues.conforming import Count
    from pytest_compiledai.dialogues.conforming import Turn
    from pytest_compiledai.dialogues.spec import DialogueSpec

Found = tuple[str, str]  # a rule's name, and the message
VERSIONS: Final = dict.fromkeys(
    ("security", "syntax", "execution", "accuracy", "latency", "fuzz", "cost"), 2
)
BARE: Final = (LEARNT[0],)
_MEASURED: Final = 60  # turns whose time is taken


def scanned(spec: DialogueSpec, candidate: Candidate) -> tuple[ScanRequest, ...]:
    """Return the code for the analysers; nothing where the artifact has none."""
    path, _ = paths(spec)
    data = candidate.files.get(path)
    if data is None:
        return ()
    return (ScanRequest(source=Source(data=data, path=path), mypy="basic"),)


def judge(
    gate: str, spec: DialogueSpec, candidate: Candidate, phase: Phase, bench: Bench
) -> Verdict:
    """Return the verdict of one gate; what goes wrong in asking is a finding."""
    judging = _Judging(spec, candidate, phase, bench)
    figures: dict[str, Any] = {}

    def question(into: dict[str, Any]) -> Iterator[Finding | Found]:
        try:
            if gate == "security":
                yield from judging.code_findings(into)
            yield from judging.questions[gate](into)
        except ImportError as error:
            command = 'pip install "pytest-compiledai[gates]"'
            yield "unasked", f"found no {error.name}; expected it; next: {command}"

    return verdict_of(gate, found_by(question, figures), figures, spec.path)


class _Judging:
    """One candidate before one gate."""

    def __init__(
        self, spec: DialogueSpec, candidate: Candidate, phase: Phase, bench: Bench
    ) -> None:
        self.spec, self.candidate, self.phase, self.bench = spec, candidate, phase, bench
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
    def explored(self) -> Explored:
        return Explored(self.spec.flow)

    @cached_property
    def program(self) -> Program:
        return program(self.spec, self.candidate)

    def code_findings(self, figures: dict[str, Any]) -> tuple[Finding, ...]:
        """Return what the function's own security gate finds in the frozen code."""
        requests = scanned(self.spec, self.candidate)
        if not requests:
            return ()
        verdict = security.judge(
            requests[0].source, capabilities=frozenset(), scans=self.bench.scans(requests)
        )
        figures.update(verdict.figures)
        return verdict.findings

    def _security(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for code and safetensors and nothing else, for secrets and personal data."""
        code, model = paths(self.spec)
        expected = f"{code} and {model}"
        for path in sorted(set(self.candidate.files) ^ {code, model}):
            there = "a file" if path in self.candidate.files else "no file"
            yield "files", f"{path}: found {there}; expected {expected} only"
        if model in self.candidate.files:
            try:
                metadata = header(self.candidate.files[model], types=("I8",)).get(
                    "__metadata__", {}
                )
            except BadTensors as error:
                yield "tensors", f"{model}: {error}"
            else:
                yield from remarks({model: metadata})
        texts = {"description": self.spec.description, **self.spec.graph}
        figures["texts"] = sum(len(i.texts) for i in self.spec.flow.intents.values())
        yield from remarks(texts)

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the flow is sound, and whether code and model are this flow's."""
        flow = self.spec.flow
        for fault in lint(flow):
            yield fault.rule, fault.message
        code, path = paths(self.spec)
        if self.candidate.files[code] != emitted(flow):
            yield "code", f"{code}: found other code than this spec gives; expected the same bytes"
        model = read_model(self.candidate.files[path])
        labels = tuple(sorted(flow.intents))
        if model.labels != labels or set(model.examples) != set(labels):
            yield "labels", f"{path}: found other intents than the spec's"
        if len(model.rows) != DIMENSIONS * len(labels):
            yield "shape", f"{path}: found {len(model.rows)} weights; expected a row a feature"
        if not all(model.examples.values()):
            yield "examples", f"{path}: found an intent without examples"
        figures |= {
            "nodes": len(flow.nodes),
            "edges": sum(1 for _ in flow.edges()),
            "margin": model.margin,
            "support": model.support,
        }

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for a walk to each terminal, and the same answers in other surroundings."""
        flow, walks = self.spec.flow, self.explored.terminal_walks()
        unmet = [node.name for node in flow.terminals if node.name not in walks]
        for name in unmet:
            yield "terminal", f"{name}: found no walk to it; expected one"
        turns = [turn for walk in walks.values() for turn in walk_turns(flow, walk, BARE)]
        asked = [Asked(state=None, text=""), *(turn.asked for turn in turns)]
        sandbox = self.bench.sandbox()
        with sandbox.open(self.program) as session:
            player = SandboxPlayer(session)
            replies, again = player.answer(asked), player.answer(asked[::-1])[::-1]
        other = Conditions(hash_seed=7, timezone="Asia/Kolkata", locale="C")
        with sandbox.open(self.program, conditions=other) as session:
            elsewhere = SandboxPlayer(session).answer(asked)
        for item, *three in zip(asked, replies, again, elsewhere, strict=True):
            if three[0].is_fault:
                yield "fault", f"{item.text[:60]!r}: found {three[0].detail}; expected an answer"
            elif not three[0] == three[1] == three[2]:
                yield "unstable", f"{item.text[:60]!r}: found another answer the second time"
        for turn, reply in zip(turns, replies[1:], strict=True):
            if reply.abstained or reply.value != turn.expected:
                found = reply.detail if reply.abstained else (reply.value or {}).get("node")
                expected = turn.expected["node"]
                yield "walk", f"{turn.asked.text[:60]!r}: found {found}; expected {expected}"
        figures |= {"terminals": len(walks), "turns": len(turns)}

    def _turns(self, *, held_out: bool, carriers: tuple[tuple[str, str], ...]) -> list[Turn]:
        values = 1 if held_out or len(self.spec.flow.nodes) > 40 else 2  # noqa: PLR2004 - time
        return list(
            single_turns(self.explored, held_out=held_out, carriers=carriers, values=values)
        )

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for known wording in unknown carriers and, once, for wording that is held out."""
        bounds, flow = self.spec.accuracy, self.spec.flow
        walks = self.explored.edge_walks()
        with self.bench.sandbox().open(self.program) as session:
            player = SandboxPlayer(session)
            known = self._turns(held_out=False, carriers=HELD_OUT)
            count = counted(known, player.answer([turn.asked for turn in known]))
            figures["carriers"] = count.figures(bounds.confidence)
            yield from self._short("carriers", count, bounds.right, bounds.coverage)
            if self.phase is Phase.ACCEPT:
                told = self._turns(held_out=True, carriers=BARE)
                count = counted(told, player.answer([turn.asked for turn in told]))
                figures["wording"] = count.figures(bounds.confidence)
                if not told:
                    yield "holdout", "found no `holdout:` wording; expected some for each intent"
                elif told:
                    yield from self._short(
                        "wording", count, bounds.wording, bounds.wording_coverage
                    )
            free = played(flow, player, walks, repeats=bounds.repeats, carriers=HELD_OUT)
        figures |= {
            "nodes": len(self.explored.nodes),
            "edges": len(self.explored.edges),
            "paths": free.walks,
            f"pass^{free.repeats}": round(free.whole / (free.walks or 1), 4),
            "conversations": free.walks * free.repeats,
            "conversations_right": free.passed,
            "confusion": free.confusion,
        }
        wrong = free.wrong / (free.walks * free.repeats or 1)
        if wrong > 1 - bounds.right:
            found = f"found {free.wrong} of {free.walks * free.repeats} conversations with a wrong"
            yield "conversation", f"{found} turn; expected at most {1 - bounds.right:.1%}"

    def _short(self, name: str, count: Count, right: float, coverage: float) -> Iterator[Found]:
        if count.share < right:
            found = f"{name}: found {count.share:.2%} of {count.answered} answers right"
            yield "right", f"{found}; expected {right:.2%}; next: write more examples"
        if count.coverage < coverage:
            found = f"{name}: found {count.coverage:.2%} of {count.asked} turns answered"
            yield "coverage", f"{found}; expected {coverage:.2%}; next: write more examples"
        if count.slots < self.spec.accuracy.slots:
            found = f"{name}: found {count.slots:.2%} of {count.stated} slot values exact"
            yield "slots", f"{found}; expected {self.spec.accuracy.slots:.2%}"

    def _latency(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask how long turns take, how long the first one, and whether memory suffices."""
        bounds, sandbox = self.spec.latency, self.bench.sandbox()
        turns = self._turns(held_out=False, carriers=BARE)
        asked = inputs_of([turn.asked for turn in turns[:: max(1, len(turns) // _MEASURED)]])
        verdict = latency.judge(
            sandbox=sandbox,
            program=self.program,
            inputs=asked,
            settings=latency.LatencySettings(p50_ms=bounds.p50_ms, p99_ms=bounds.p99_ms),
            reference_seconds=None,
            exclusive=self.bench.exclusive(),
        )
        figures.update(verdict.figures)
        yield from ((item.rule.partition(".")[2], item.message) for item in verdict.findings)
        limits = Limits(memory_mb=int(bounds.memory_mb))
        began = time.monotonic()
        (answer,) = sandbox.call_fresh(self.program, asked[:1], limits=limits)
        cold_ms = (time.monotonic() - began) * 1_000
        figures["cold_ms"] = float(f"{cold_ms:.3g}")
        if answer.status not in ("value", "abstain"):
            found = f"found {answer.status} within {bounds.memory_mb:g} MB of memory"
            yield "memory", f"{found}; expected an answer"
        if cold_ms > bounds.cold_ms:
            yield "cold", f"found a first turn over the budget of {bounds.cold_ms:g} ms"

    def _fuzz(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask an adversarial user for an illegal step."""
        bounds = self.spec.fuzz
        with self.bench.sandbox().open(self.program) as session:
            try:
                tried = adversary.attack(
                    self.spec.flow,
                    SandboxPlayer(session),
                    conversations=bounds.conversations,
                    steps=bounds.steps,
                )
            except adversary.Illegal as error:
                yield "illegal", str(error)
                return
        figures |= {**tried, "illegal": 0}

    def _cost(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask what a conversation costs beside a model, with fallback and fixed cost."""
        walks = list(self.explored.terminal_walks().values())
        mean = costing.conversation(self.spec, walks)
        turns = self._turns(held_out=self.phase is Phase.ACCEPT, carriers=HELD_OUT)
        with self.bench.sandbox().open(self.program) as session:
            replies = SandboxPlayer(session).answer([turn.asked for turn in turns])
        abstained = sum(reply.abstained for reply in replies) / (len(replies) or 1)
        # The bound, not what was measured: two compiles say the same.
        turn_s = self.spec.latency.p50_ms / 1_000
        found = costing.costs(self.spec.cost, mean, turn_s=turn_s, abstained=abstained)
        figures |= {**costing.figures(found), "turns": mean.turns, "abstained": round(abstained, 4)}
        yield from costing.faults(self.spec.cost, found)
