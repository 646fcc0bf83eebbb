"""Counting what each exchange costs, before and after it."""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import dataclass
from dataclasses import field
from typing import Final

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.llm.client import MOST_ANSWER_BYTES
from pytest_compiledai.llm.client import Client
from pytest_compiledai.llm.fault import MAYBE_PAID
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.ledger import Amount
from pytest_compiledai.llm.ledger import Ledger
from pytest_compiledai.llm.ledger import Reservation
from pytest_compiledai.llm.price import Price
from pytest_compiledai.llm.price import price
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.llm.request import Size

#: How long a call waits for what others have set aside; a worker that died never gives back.
_WAIT_S: Final = 900.0
_POLL_S: Final = 0.2


@dataclass(slots=True)
class MeteredClient:
    """A client that reserves in a ledger before each exchange and settles after it.

    What a failed exchange may have cost is settled at its worst. A cancelled one stays reserved.
    """

    client: Client
    ledger: Ledger | None
    spent: Size = field(default=Size(0, 0))  # in this process, as far as it is known

    @property
    def model(self) -> str:
        """The model asked."""
        return self.client.model

    @property
    def where(self) -> str:
        """Model and endpoint, for messages."""
        return self.client.where

    def prepare(self) -> None:
        """Load what asking needs."""
        self.client.prepare()

    async def ask(self, request: Request) -> Reply:
        """Return the answer. Raises ``Fault``, ``BudgetSpent`` or ``SettingsError``."""
        worst = request.worst(most_answer_bytes=MOST_ANSWER_BYTES)
        reservation = await self._reserve(worst)
        try:
            reply = await self.client.ask(request)
        except Fault as fault:
            maybe = worst if fault.kind in MAYBE_PAID else None
            self._count(fault.paid)
            await self._settle(reservation, fault.paid or maybe)
            raise
        size = Size(tokens_in=reply.tokens_in, tokens_out=reply.tokens_out)
        self._count(size)
        await self._settle(reservation, size)
        return reply

    def _count(self, size: Size | None) -> None:
        if size is not None:
            tokens_in, tokens_out = self.spent
            self.spent = Size(tokens_in + size.tokens_in, tokens_out + size.tokens_out)

    async def _reserve(self, worst: Size) -> Reservation | None:
        """Reserve without holding up the loop, which has other exchanges to serve."""
        ledger = self.ledger
        if ledger is None:
            return None
        end_s = time.monotonic() + ledger.opening_timeout_s
        while not ledger.is_open:
            if time.monotonic() > end_s:
                raise ledger.never_opened()
            await asyncio.sleep(_POLL_S)
        amount = self._amount(worst)
        for _ in range(int(_WAIT_S / _POLL_S)):
            try:
                return await asyncio.to_thread(ledger.reserve, amount)
            except BudgetSpent:
                if not await asyncio.to_thread(ledger.may_fit_later, amount):
                    raise
            await asyncio.sleep(_POLL_S)
        return await asyncio.to_thread(ledger.reserve, amount)

    async def _settle(self, reservation: Reservation | None, paid: Size | None) -> None:
        if self.ledger is None or reservation is None:
            return
        if paid is None:
            await asyncio.to_thread(self.ledger.release, reservation)
        else:
            await asyncio.to_thread(self.ledger.settle, reservation, self._amount(paid))

    def _amount(self, size: Size) -> Amount:
        known = _known_price(self.client.model)
        usd = None if known is None else known.of(size.tokens_in, size.tokens_out)
        return Amount(tokens_in=size.tokens_in, tokens_out=size.tokens_out, usd=usd)


@functools.cache
def _known_price(model: str) -> Price | None:
    return price(model)
