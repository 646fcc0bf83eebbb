"""Asking again: how often, how long apart, and when to give up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.core.errors import EndpointFault
from pytest_compiledai.llm.client import Client
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request

#: The same request may be cut at max_tokens by chance once; twice, it needs more.
_LENGTH_TRIES: Final = 2


def _jitter(most_s: float) -> float:
    return random.uniform(0.0, most_s)  # noqa: S311 - spreads callers, guards nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Exponential back-off with full jitter; a Retry-After is the least that is waited."""

    tries: int = 4
    first_wait_s: float = 1.0
    most_wait_s: float = 30.0
    deadline_s: float = 1_800.0  # for all tries together
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[float], float] = _jitter  # most seconds -> seconds
    clock: Callable[[], float] = time.monotonic

    def wait_s(self, tried: int, fault: Fault) -> float:
        """Return the seconds to wait after the try number ``tried``, the first being 1."""
        most_s = min(self.most_wait_s, self.first_wait_s * 2.0 ** (tried - 1))
        return max(self.jitter(most_s), fault.retry_after_s or 0.0)


@dataclass(frozen=True, slots=True)
class PatientClient:
    """A client that asks again where that can help."""

    client: Client
    patience: Patience

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
        """Return the answer. Raises ``EndpointFault`` when the tries or the time are spent."""
        patience = self.patience
        end_s = patience.clock() + patience.deadline_s
        for tried in range(1, patience.tries + 1):
            try:
                async with asyncio.timeout(max(0.0, end_s - patience.clock())) as deadline:
                    return await self.client.ask(request)
            except Fault as error:
                fault = error
            except TimeoutError:
                if not deadline.expired():
                    raise
                found = f"no answer before the deadline of {patience.deadline_s:g} s"
                fault = Fault(kind=FaultKind.HANG, found=found)
            wait_s = patience.wait_s(tried, fault)
            last = tried == patience.tries or not _may_help(fault, tried)
            if last or patience.clock() + wait_s > end_s:
                break
            await patience.sleep(wait_s)
        raise self._given_up(fault, tried, wait_s)

    def _given_up(self, fault: Fault, tried: int, wait_s: float) -> EndpointFault:
        times = "at the only try" if tried == 1 else f"at the last of {tried} tries"
        asked = f", which asks to wait {wait_s:g} s" if fault.retry_after_s else ""
        return EndpointFault(
            where=self.where,
            found=f"{fault.found}{asked} ({times})",
            expected="a whole answer",
            next=fault.next or "look at the endpoint, then the same command again",
        )


def _may_help(fault: Fault, tried: int) -> bool:
    """Return whether another try may bring an answer."""
    if fault.kind is FaultKind.LENGTH:
        return tried < _LENGTH_TRIES
    return fault.kind is not FaultKind.REFUSED
