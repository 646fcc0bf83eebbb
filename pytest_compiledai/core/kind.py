"""What a kind says, and nothing else: everything around it is written once."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import Protocol
from typing import runtime_checkable

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Sandbox
    from pytest_compiledai.core.candidate import Candidate
    from pytest_compiledai.core.document import Document
    from pytest_compiledai.core.gate import Phase
    from pytest_compiledai.core.sampled import Call
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The surroundings in which specs are read."""

    root: Path  # absolute; every path in messages and in the lock is relative to it
    out: Path | None = None  # absolute, of frozen artifacts; None: `compiled` below the root
    recordings: Path | None = None  # absolute; None: beside each spec
    grants: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # unit or `*` -> capabilities
    versions: Mapping[str, str] = field(
        default_factory=dict
    )  # tool -> version: part of the evidence

    def granted(self, unit: str) -> frozenset[str]:
        """Return the capabilities that reviewed settings grant to ``unit``."""
        return self.grants.get("*", frozenset()) | self.grants.get(unit, frozenset())

    def frozen(self, path: str) -> Path:
        """Return the file at ``path`` below the out folder, whether or not it exists."""
        return (self.out or self.root / "compiled") / path

    def recordings_of(self, spec: str) -> Path:
        """Return the folder of the recordings for the spec at the POSIX path ``spec``."""
        return self.recordings or (self.root / spec).parent / "recordings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A candidate and the verdicts it has so far, in gate order; the last may be a failure."""

    candidate: Candidate
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate asked so far passed."""
        return all(verdict.passed for verdict in self.verdicts)


class Asking(Protocol):
    """How a unit asks the language model; recordings, budget and retries are behind it."""

    @property
    def folder(self) -> Path:
        """The folder of the recordings."""

    @property
    def model(self) -> str | None:
        """The model that the run names, `builtin/synth` too; None where it names none."""

    @property
    def live(self) -> bool:
        """Whether a model may be asked."""

    @property
    def is_ahead(self) -> bool:
        """Whether a candidate is only foreseen: nothing is measured or written for it."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the run's measuring lock: one unit is timed at a time."""

    def ask(self, messages: Sequence[tuple[str, str]], *, sample: int) -> Answered:
        """Return the answer to ``messages`` (role, content). Raises ``ModelError``."""

    def peek(self, messages: Sequence[tuple[str, str]], *, sample: int) -> Answered | None:
        """Return the answer that a replay would give; asks nobody and counts nothing."""

    def made(self, unit: str) -> Mapping[str, bytes] | None:
        """Return the artifact that this run makes of another unit, by path below the out folder.

        Waits for it. None where this run makes none, so that what lies there stays.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A model's answer and what it cost when it was recorded."""

    text: str
    model: str
    tokens_in: int
    tokens_out: int
    seconds: float | None  # None: not really measured


class Bench(Protocol):
    """What gates are given to judge with."""

    def sandbox(self) -> Sandbox:
        """Return the run's sandbox, opened at the first call. Raises ``SandboxError``."""

    def scans(self, sources: Sequence[Any]) -> Mapping[str, Any]:
        """Return the analysers' reports by content address, from the run's store or made now."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the run's measuring lock: one unit is timed at a time."""

    def drawer(self) -> Any:
        """Return what draws examples beside the other gates."""

    def asking(self) -> Asking:
        """Return the way to a reference model's answers."""


class Kind(Protocol):
    """One kind of unit."""

    name: str
    gates: tuple[str, ...]
    #: Gates whose question in the accept phase covers more rows than in the select phase.
    reopened: tuple[str, ...]

    def read(self, document: Document, project: Project) -> tuple[Unit, ...]:
        """Return the units of ``document``. Raises ``SpecError``; spends and imports nothing."""

    def propose(
        self, unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking
    ) -> Candidate:
        """Return the next candidate of a chain. Raises ``ModelError`` when none can be had."""

    def opening(self, unit: Unit) -> Sequence[tuple[str, str]] | None:
        """Return the messages of a chain's first request, or None when no model is asked."""

    def bill(self, unit: Unit, attempts: int) -> tuple[int, int, int]:
        """Return the most that compiling can cost: calls, tokens in, tokens out."""

    def direct_tokens(self, unit: Unit) -> float | None:
        """Return the tokens of answering one input with the model itself, estimated."""

    def recorded(self, unit: Unit, asking: Asking) -> str:
        """Return the digest of recordings that verdicts rest on, as they are now; "" for none."""

    def thaw(
        self, unit: Unit, files: Mapping[str, bytes], *, proposer: str, attempt: int
    ) -> Candidate:
        """Return the frozen artifact as a candidate."""

    def sources(self, unit: Unit, candidate: Candidate) -> Sequence[Any]:
        """Return what the analysers have to scan, so that many units are scanned in one batch."""

    def judge(
        self, gate: str, unit: Unit, candidate: Candidate, *, phase: Phase, bench: Bench
    ) -> Verdict:
        """Return the verdict of one of the kind's gates."""

    def rank(self, verdicts: Sequence[Verdict]) -> float:
        """Return the validation figure by which the best of a pool is chosen; more is better."""


class Composed(NamedTuple):
    """A candidate put together from a pool, and what it has to show to be taken."""

    candidate: Candidate
    must_gain: bool  # ranks above every candidate of the pool; else: no lower than any


@runtime_checkable
class Composing(Protocol):
    """A kind that can put a candidate together from a pool of judged ones."""

    def compose(self, unit: Unit, pool: Sequence[Judged]) -> Iterable[Composed]:
        """Return candidates made of ``pool``; each goes through every gate like any other."""


class Drifted(NamedTuple):
    """What a unit's calls in production say."""

    verdict: Verdict
    beside: str  # where proposed golden rows go, POSIX, relative to the root; never the golden file
    proposed: bytes  # JSONL; empty for none


@runtime_checkable
class Drifting(Protocol):
    """A kind whose artifacts are watched in production."""

    def drift(
        self, unit: Unit, files: Mapping[str, str], calls: Sequence[Call], where: str, bench: Bench
    ) -> Drifted:
        """Return what ``calls``, read from ``where``, say of the artifact.

        ``files`` are its SHA-256 by path below the out folder.
        """
