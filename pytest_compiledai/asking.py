"""How one unit asks a language model, and what that cost."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.core.kind import Answered
from pytest_compiledai.core.result import Cost
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Request

if TYPE_CHECKING:
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.llm.desk import Desk
    from pytest_compiledai.llm.request import Reply
    from pytest_compiledai.settings import Settings
    from pytest_compiledai.store import Store

#: The first chain asks for the likeliest answer; later ones must differ from it.
FIRST_TEMPERATURE = 0.0
LATER_TEMPERATURE = 0.7


def open_desk(settings: Settings, store: Store) -> Desk:
    """Return the front of the language models for this run."""
    from pytest_compiledai.llm.desk import Desk

    client = ledger = None
    if settings.live and settings.model is not None:
        # Only a live run pays for the client's import.
        from pytest_compiledai.llm.client import LiteLLMClient
        from pytest_compiledai.llm.ledger import Ledger

        client = LiteLLMClient(settings.model)
        ledger = Ledger(store.root / "ledger.json")
    return Desk(
        record=settings.record,
        model=settings.model,
        ledger=ledger,
        client=client,
        claims=store.folder("claims"),
    )


@dataclass(slots=True, kw_only=True)
class UnitAsking:
    """Asks for one unit; counts the tokens its answers cost, asked now or replayed."""

    desk: Desk
    unit: Unit
    folder: Path
    preferred: str | None
    say: Callable[[str], None]
    lock: Callable[[str], AbstractContextManager[None]]  # of the run, by name
    made: Callable[[str], Mapping[str, bytes] | None]  # what the run makes of another unit
    is_ahead: bool = False
    cost: Cost = field(default_factory=Cost)
    spent: Cost = field(default_factory=Cost)
    _counted: set[str] = field(default_factory=set)

    @property
    def model(self) -> str | None:
        """The model that the run names, `builtin/synth` too; None where it names none."""
        return self.desk.model

    @property
    def live(self) -> bool:
        """Whether a model may be asked."""
        return self.desk.live

    def ask(self, messages: Sequence[tuple[str, str]], *, sample: int) -> Answered:
        """Return the answer to ``messages``. Raises ``ModelError``."""
        request = request_of(messages, sample)
        before = self.peek(messages, sample=sample)
        if self.live and before is None:
            self.say(f"{self.unit.name}: asking {self.desk.model} (message {len(messages)})")
        recordings = Recordings(self.folder)
        reply = self.desk.ask(
            request,
            recordings=recordings,
            where=self.unit.place,
            preferred=self.preferred,
            command=self.command(),
        )
        if request.key not in self._counted:
            self._counted.add(request.key)
            self.cost += _cost(reply)
            if self.desk.is_paid(request, recordings):
                self.spent += _cost(reply)
        return _answered(reply)

    def peek(self, messages: Sequence[tuple[str, str]], *, sample: int) -> Answered | None:
        """Return the answer that a replay would give; asks nobody and counts nothing."""
        reply = Recordings(self.folder).choose(
            request_of(messages, sample), model=self.desk.model, preferred=self.preferred
        )
        return None if reply is None else _answered(reply)

    def prefetch(self, messages: Sequence[tuple[str, str]], *, samples: int) -> None:
        """Start asking in the background; a later ``ask`` takes the answer."""
        from pytest_compiledai.llm.desk import Job

        recordings = Recordings(self.folder)
        self.desk.prefetch(
            [
                Job(request=request_of(messages, sample), recordings=recordings)
                for sample in range(samples)
            ]
        )

    def quiet(self) -> UnitAsking:
        """Return a way of asking that replays and whose counts nobody reads."""
        return UnitAsking(
            desk=self.desk.replaying(),
            unit=self.unit,
            folder=self.folder,
            preferred=self.preferred,
            say=self.say,
            lock=self.lock,
            made=lambda _: None,  # nobody waits for what is only foreseen
            is_ahead=True,
        )

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the run's measuring lock: one unit is timed at a time."""
        return self.lock("latency")

    def command(self) -> str:
        """Return the command that would make a missing recording."""
        return f"pytest --compile --compile-model NAME {self.unit.place.path}::{self.unit.name}"


def request_of(messages: Sequence[tuple[str, str]], sample: int) -> Request:
    """Return the request; the sample number is part of its address and is sent as the seed."""
    return Request(
        messages=tuple(Message(role=role, content=content) for role, content in messages),
        parameters={
            "max_tokens": MOST_ANSWER_TOKENS,
            "temperature": LATER_TEMPERATURE if sample else FIRST_TEMPERATURE,
        },
        sample=sample,
    )


def _cost(reply: Reply) -> Cost:
    return Cost(tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)


def _answered(reply: Reply) -> Answered:
    return Answered(
        text=reply.text,
        model=reply.model,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        seconds=reply.seconds,
    )
