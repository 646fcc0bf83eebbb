"""What goes over the wire in one exchange: bounded, and remembered as it was.

The bound is on the bytes as they arrive, before anything collects or parses them. Compressed
answers are refused, for their size says nothing about what they unpack to.
"""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import httpx


class TooMuch(Exception):
    """The endpoint sends more bytes than an answer may have."""


@dataclass(slots=True, kw_only=True)
class Wire:
    """One exchange, as the network saw it."""

    most_bytes: int
    sent: bool = False
    status: int | None = None  # of the last answer
    retry_after_s: float | None = None
    flooded: bool = False
    complete: bool = False  # the whole body came

    def client(self, *, timeout_s: float) -> httpx.AsyncClient:
        """Return an HTTP client that writes down here what happens and follows no redirect."""
        # httpx comes with LiteLLM; only a live run needs it.
        import httpx

        return httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            event_hooks={"request": [self._asked], "response": [self._answered]},
        )

    async def _asked(self, request: httpx.Request) -> None:
        request.headers["accept-encoding"] = "identity"
        self.sent = True
        self.complete = self.flooded = False
        self.status = self.retry_after_s = None

    async def _answered(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.retry_after_s = retry_after_s(response.headers.get("retry-after"))
        length = response.headers.get("content-length", "")
        packed = response.headers.get("content-encoding", "identity").lower() != "identity"
        if packed or (length.isdecimal() and int(length) > self.most_bytes):
            self.flooded = True
            raise TooMuch
        response.stream = _bounded(self, response.stream)


def retry_after_s(header: str | None) -> float | None:
    """Return the seconds a Retry-After header asks to wait: a number, or a date; None otherwise."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    now = dt.datetime.now(dt.UTC)
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - now).total_seconds())


def _bounded(wire: Wire, stream: Any) -> Any:
    import httpx

    class Bounded(httpx.AsyncByteStream):
        """The body's bytes, up to the bound."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            count = 0
            async for chunk in stream:
                count += len(chunk)
                if count > wire.most_bytes:
                    wire.flooded = True
                    raise TooMuch
                yield chunk
            wire.complete = True

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
