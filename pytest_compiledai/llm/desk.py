"""The one front of the language models: replay what is recorded, ask for what is missing."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Final
from typing import NamedTuple

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.result import Cost
from pytest_compiledai.llm.background import Background
from pytest_compiledai.llm.claim import Claim
from pytest_compiledai.llm.client import Client
from pytest_compiledai.llm.ledger import Bounds
from pytest_compiledai.llm.ledger import Ledger
from pytest_compiledai.llm.meter import MeteredClient
from pytest_compiledai.llm.patience import Patience
from pytest_compiledai.llm.patience import PatientClient
from pytest_compiledai.llm.price import has_table
from pytest_compiledai.llm.price import price
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.redact import Secrets
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request

#: Requests asked ahead at a time; endpoints answer more with 429.
LIMIT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request that will be asked soon."""

    request: Request
    recordings: Recordings


class _Got(NamedTuple):
    reply: Reply
    is_paid: bool  # by this process, in this run


class Desk:
    """Replays, and asks where it may; one a process."""

    def __init__(
        self,
        *,
        record: str,  # none, missing, all
        model: str | None,
        ledger: Ledger | None,
        client: Client | None,
        claims: Path,
        patience: Patience | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.record = record
        self.model = model
        self.ledger = ledger
        self.claims = claims
        self._secrets = Secrets.of(os.environ)
        self._meter = None if client is None else MeteredClient(client, ledger)
        self._client = (
            None if self._meter is None else PatientClient(self._meter, patience or Patience())
        )
        self._background: Background[_Got] = Background(limit=limit)
        self._replayed: dict[str, Cost] = {}

    @property
    def live(self) -> bool:
        """Whether a model may be asked."""
        return self._client is not None and self.model is not None and self.record != "none"

    def ask(
        self,
        request: Request,
        *,
        recordings: Recordings,
        where: Place,
        preferred: str | None,
        command: str,
    ) -> Reply:
        """Return the reply to ``request``, replayed or asked for now.

        Raises ``RecordingMissing`` when there is none and no model may be asked, ``BudgetSpent``,
        ``EndpointFault``, and ``ModelError`` for a broken recording or a secret in the request.
        """
        if not self.live:
            reply = recordings.choose(request, model=self.model, preferred=preferred)
            if reply is None:
                raise _missing(request, where, self.model, command)
            return self._replay(request, reply)
        self._refuse_secrets(request, where)
        name = self._name(request, recordings)
        if self.record != "all" and not self._background.knows(name):
            reply = recordings.choose(request, model=self.model, preferred=preferred)
            if reply is not None:
                return self._replay(request, reply)
        self._prepare()
        got = self._background.now(name, lambda: self._get(request, recordings, name))
        return got.reply if got.is_paid else self._replay(request, got.reply)

    def prefetch(self, jobs: Sequence[Job]) -> None:
        """Start asking in the background; a later ``ask`` takes the answer or its error."""
        wanted = [job for job in jobs if self.live and not self._is_settled(job)]
        with contextlib.suppress(ModelError):  # `ask` will say it
            for job in wanted:
                self._prepare()
                name = self._name(job.request, job.recordings)
                work = functools.partial(self._get, job.request, job.recordings, name)
                self._background.later(name, work)

    def open_ledger(self, bounds: Bounds) -> None:
        """Open the ledger; the bill must have been shown.

        Raises ``SettingsError`` for a bound in US dollars and a model without a price.
        """
        if self.ledger is None:
            return
        if bounds.usd is not None and price(self.model or "") is None:
            if not has_table():
                raise SettingsError(
                    where="--compile-budget-usd",
                    found="no litellm, whose table has the prices",
                    expected="the package that asks models",
                    next='pip install "pytest-compiledai[llm]"',
                )
            raise SettingsError(
                where="--compile-budget-usd",
                found=f"no known price of {self.model}",
                expected="a model with a price, or a bound in tokens",
                next="pytest --compile --compile-budget-tokens N",
            )
        self.ledger.open(bounds)

    def replaying(self) -> Desk:
        """Return a desk that asks nobody."""
        return Desk(record="none", model=self.model, ledger=None, client=None, claims=self.claims)

    def is_paid(self, request: Request, recordings: Recordings) -> bool:
        """Return whether the answer that ``ask`` gave was bought in this run, by any process."""
        return Claim(self.claims, self._name(request, recordings)).is_spent

    def spent(self) -> Cost:
        """Return what exchanges of this process cost in this run, as far as it is known."""
        if self._meter is None:
            return Cost()
        return Cost(tokens_in=self._meter.spent.tokens_in, tokens_out=self._meter.spent.tokens_out)

    def replayed(self) -> Cost:
        """Return what the replayed answers cost when they were recorded, each counted once."""
        return sum(self._replayed.values(), Cost())

    def close(self) -> None:
        """Cancel what is being asked and end the background."""
        self._background.close()

    def _prepare(self) -> None:
        if self._client is not None:
            self._client.prepare()

    async def _get(self, request: Request, recordings: Recordings, name: str) -> _Got:
        """Buy an answer, unless another process of this run has while we waited for the claim."""
        if self._client is None:
            raise RuntimeError("a desk without a client asks nobody")
        claim = Claim(self.claims, name)
        async with claim.held():
            if self.record != "all" or claim.is_spent:
                reply = recordings.choose(request, model=self.model, preferred=None)
                if reply is not None:
                    return _Got(reply, is_paid=False)
            answered = await self._client.ask(request)
            # What a replay will give is what this run goes on with.
            reply = replace(answered, text=self._secrets.redact(answered.text))
            recordings.store(request, reply)
            claim.spend()
        return _Got(reply, is_paid=True)

    def _is_settled(self, job: Job) -> bool:
        """Return whether a job needs no asking ahead: recorded, or an error that `ask` will say."""
        if any(self._secrets.find(message.content) for message in job.request.messages):
            return True
        if self.record == "all":
            return False
        try:
            reply = job.recordings.choose(job.request, model=self.model, preferred=None)
        except ModelError:
            return True
        return reply is not None

    def _replay(self, request: Request, reply: Reply) -> Reply:
        cost = Cost(tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
        self._replayed[request.key] = cost
        return reply

    def _refuse_secrets(self, request: Request, where: Place) -> None:
        for number, message in enumerate(request.messages, start=1):
            for seen in self._secrets.find(message.content):
                raise ModelError(
                    where=where,
                    found=f"a secret ({seen.kind}) in message {number} ({message.role})",
                    expected="a request that holds none; nothing was sent",
                    next="take it out of the spec, its golden rows or the findings",
                )

    def _name(self, request: Request, recordings: Recordings) -> str:
        """Return what a claim on the request is called: equal requests of two folders differ."""
        folder = recordings.folder.resolve().as_posix()
        return digest_of([request.key, self.model, folder])


def _missing(request: Request, where: Place, model: str | None, command: str) -> RecordingMissing:
    by = f" by {model}" if model else ""
    return RecordingMissing(
        where=where,
        found=f"no recording{by} of request {request.key[:16]}",
        expected="a recorded answer, or a model to ask",
        next=command,
    )
