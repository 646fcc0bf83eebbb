"""What each gate asks of weights; the flow's own state machine is the oracle of every question."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cached_property
from functools import lru_cache
from typing import Any
from typing import Final

from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.gate import Phase
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.core.verdict import found_by
from pytest_compiledai.core.verdict import verdict_of
from pytest_compiledai.dialogues import costing
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import conduct
from pytest_compiledai.dialogues.weights import conformance
from pytest_compiledai.dialogues.weights import files
from pytest_compiledai.dialogues.weights.questions import Questions
from pytest_compiledai.dialogues.weights.repeating import repeated
from pytest_compiledai.dialogues.weights.settings import Settings
from pytest_compiledai.dialogues.weights.settings import settings_of
from pytest_compiledai.dialogues.weights.talking import FILE

VERSIONS: Final = dict.fromkeys(
    ("security", "syntax", "execution", "accuracy", "latency", "fuzz", "cost"), 3
)

Found = tuple[str, str]  # rule, message


def judge(
    gate: str,
    spec: DialogueSpec,
    candidate: Candidate,
    phase: Phase,
    how: type[Judging] | None = None,
) -> Verdict:
    """Return the verdict of one gate, as ``how`` asks; what goes wrong in asking is a finding."""
    figures: dict[str, Any] = {}

    def question(into: dict[str, Any]) -> Iterator[Found]:
        # Settings that cannot be read are told as well.
        return (how or Judging)(spec, candidate, phase).questions[gate](into)

    found = found_by(question, figures)
    path = f"{spec.name}/{FILE}" if gate in ("security", "syntax") else spec.path
    return verdict_of(gate, found, figures, path)


class Judging:
    """One candidate before one gate."""

    def __init__(self, spec: DialogueSpec, candidate: Candidate, phase: Phase) -> None:
        self.spec = spec
        self.settings = self.settings_of(spec)
        self.files = {
            path.removeprefix(f"{spec.name}/"): content for path, content in candidate.files.items()
        }
        self.phase = phase
        self.key = digest_of([spec.path, self.settings.as_json(), repr(spec), phase])
        asked = Questions(spec=spec, settings=self.settings, phase=phase)
        self.asked = _same(self.key, _Asked(asked))
        self.questions: Mapping[str, Callable[[dict[str, Any]], Iterator[Found]]] = {
            "security": self._security,
            "syntax": self._syntax,
            "execution": self._execution,
            "accuracy": self._accuracy,
            "latency": self._latency,
            "fuzz": self._fuzz,
            "cost": self._cost,
        }

    @staticmethod
    def settings_of(spec: DialogueSpec) -> Settings:
        """Return what the spec says of its weights. Raises ``SpecError``."""
        return settings_of(spec)

    @cached_property
    def answers(self) -> Any:
        """The answers of the weights to the questions of this phase."""
        return _answers(self.key, _Frozen(self.asked, self.files))

    def _security(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether the files execute nothing, and whether anything private was learned."""
        figures["mb"] = sum(map(len, self.files.values())) / 1e6
        unsafe = list(files.unsafe(self.files, self.settings.artifact_mb))
        yield from unsafe
        yield from files.private(self.asked.data, self.files)
        # What is not safe is not opened, nor what asks for more than its tensors: a billion layers.
        if not unsafe and not list(files.disagreements(self.spec, self.settings, self.files, {})):
            yield from conduct.memory(self.answers, figures)

    def _syntax(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether record, configuration, tensors and vocabulary are of this flow, and agree."""
        yield from files.disagreements(self.spec, self.settings, self.files, figures)

    def _execution(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask for one walk to each end, the same twice, within the context, no network.

        While choosing, training is begun again: the same bits have to come out. Later the digests
        of the files decide, and nothing is trained.
        """
        yield from files.other_digest(self.files)
        yield from conduct.walked(self.asked, self.answers, figures)
        if self.phase is Phase.SELECT:
            yield from repeated(self.spec, self.settings, self.asked.data, self.files, figures)

    def _accuracy(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask what the data covers, and what is right on what no data was made of."""
        yield from conformance.of_data(self.spec, self.asked.data, self.files, figures)
        yield from conformance.of_answers(self.asked, self.answers, self.files, figures)

    def _latency(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask how many CPU seconds turns take, how long loading, how much memory."""
        yield from conduct.slow(self.spec, self.answers, figures)

    def _fuzz(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask whether adversarial users ever get an illegal move or words of another node."""
        yield from conduct.broken(self.spec.flow, self.asked, self.answers, figures)

    def _cost(self, figures: dict[str, Any]) -> Iterator[Found]:
        """Ask when compiling has paid for itself."""
        walks = list(Explored(self.spec.flow).terminal_walks().values())
        mean = costing.conversation(self.spec, walks)
        abstained = conformance.abstained(self.asked, self.answers, self.files)
        # The bound, not what was measured: two compiles say the same.
        turn_s = self.spec.latency.p50_ms / 1_000
        found = costing.costs(self.spec.cost, mean, turn_s=turn_s, abstained=abstained)
        figures |= {**costing.figures(found), "turns": mean.turns, "abstained": round(abstained, 4)}
        yield from costing.faults(self.spec.cost, found)


class _Asked:
    """Questions, equal to any other: the key beside them tells them apart."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=2)
def _same(_key: str, asked: _Asked) -> Questions:
    """Return the questions; gates of one spec and phase share their data, which takes seconds."""
    return asked.questions


class _Frozen:
    """Questions and files, equal to any other: the key beside them tells them apart."""

    def __init__(self, asked: Questions, files_: Mapping[str, bytes]) -> None:
        self.asked, self.files = asked, files_

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self.files == other.files

    def __hash__(self) -> int:
        return hash(frozenset(self.files.items()))


@lru_cache(maxsize=2)
def _answers(_key: str, frozen: _Frozen) -> Any:
    """Return the answers; gates of one candidate and phase share one process."""
    return frozen.asked.asked(frozen.files)
