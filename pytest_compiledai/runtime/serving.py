"""Functions that are served with a fallback, or watched: the only ones not handed out bare.

This text becomes a part of ``compiled/__init__.py``, so it needs the standard library alone and its
names have underscores.
"""

from __future__ import annotations

import threading as _threading
import time as _time
from collections import deque as _deque

from pytest_compiledai.runtime.errors import Abstain
from pytest_compiledai.runtime.errors import NoFallback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable as _Callable
    from typing import Any as _Any


# From here on this text is spliced into compiled/__init__.py.
class _Fallback:
    """What answers for one unit, how often it may be asked, and whether it is well.

    After ``failures`` errors in a row nobody asks for ``pause_s`` seconds; then one call tries, and
    its answer closes the circuit. At most ``budget`` calls begin in any ``per_s`` seconds.
    """

    def __init__(
        self,
        function: _Callable[..., _Any],
        *,
        on_error: bool,
        failures: int,
        pause_s: float,
        budget: int | None,
        per_s: float,
        clock: _Callable[[], float] = _time.monotonic,
    ) -> None:
        sound = failures >= 1 and pause_s >= 0 and per_s > 0  # which nan is not
        if not sound or (budget is not None and not budget >= 0):
            raise ValueError("fallback needs failures >= 1, pause_s >= 0, budget >= 0, per_s > 0")
        self.function = function
        self.on_error = on_error
        self._most_failures, self._pause_s = failures, pause_s
        self._budget, self._per_s = budget, per_s
        self._clock = clock
        self.take_lock()
        self._failures = 0
        self._open_until = 0.0
        self._why = ""
        self._begun: _deque[float] = _deque()  # when the calls of the current window began

    def take_lock(self) -> None:
        """Begin with a lock of this process; it is never held while the fallback works."""
        self._guard = _threading.Lock()

    def covers(self, error: Exception) -> bool:
        """Whether the fallback answers where the artifact raised ``error``."""
        return self.on_error or isinstance(error, Abstain)

    def begin(self) -> None:
        """Take one call from the budget; raises ``NoFallback`` where none may be made."""
        now = self._clock()
        with self._guard:
            if self._failures >= self._most_failures:
                if now < self._open_until:
                    wait = f"{self._open_until - now:.0f} s"
                    raise NoFallback(f"the fallback failed ({self._why}); asked again in {wait}")
                self._open_until = now + self._pause_s  # this call tries, the others go on waiting
            if self._budget is not None:
                while self._begun and self._begun[0] <= now - self._per_s:
                    self._begun.popleft()
                if len(self._begun) >= self._budget:
                    limit = f"{self._budget} calls in {self._per_s:g} s"
                    raise NoFallback(f"the fallback's budget is spent: {limit}")
                self._begun.append(now)

    def end(self, error: BaseException | None) -> None:
        """Note how the call went; one that was cancelled says nothing about the fallback."""
        with self._guard:
            if error is None:
                self._failures = 0
            if not isinstance(error, Exception):
                return
            self._failures += 1
            self._why = type(error).__name__
            if self._failures >= self._most_failures:
                self._open_until = self._clock() + self._pause_s


class _Served:
    """A frozen function with a fallback, with watchers, or with both."""

    def __init__(
        self,
        name: str,
        function: _Callable[..., _Any],
        reload: _Callable[[str], _Any],
        fallback: _Fallback | None,
        watchers: tuple[_Callable[[_Call], None], ...],
    ) -> None:
        self.__name__ = name
        self.__wrapped__ = function
        self._reload = reload
        self._fallback = fallback
        self._watchers = watchers

    def __call__(self, /, *args: _Any, **kwargs: _Any) -> _Any:
        call = _Call(self.__name__, args, kwargs)
        try:
            if not self._attempt(call):
                with _Turn(self._fallback, call) as turn:
                    call.output = turn.function(*args, **kwargs)
                    if hasattr(call.output, "__await__"):
                        close = getattr(call.output, "close", None)
                        if close is not None:
                            close()
                        raise TypeError(
                            f"the fallback of {self.__name__} is async: `await ask(...)`"
                        )
        finally:
            self._tell(call)
        return call.output

    async def ask(self, /, *args: _Any, **kwargs: _Any) -> _Any:
        """Answer as a call does, without holding up the event loop while a fallback works."""
        import asyncio

        call = _Call(self.__name__, args, kwargs)
        try:
            if not self._attempt(call):
                with _Turn(self._fallback, call) as turn:
                    awaited = getattr(turn.function, "ask", None)
                    if awaited is not None or asyncio.iscoroutinefunction(turn.function):
                        call.output = await (awaited or turn.function)(*args, **kwargs)
                    else:
                        call.output = await asyncio.to_thread(turn.function, *args, **kwargs)
        finally:
            self._tell(call)
        return call.output

    def _attempt(self, call: _Call) -> bool:
        """Ask the artifact; False where the fallback has to answer."""
        try:
            call.output = self.__wrapped__(*call.args, **call.kwargs)
        except Exception as error:
            call.refused(error)
            if self._fallback is None or not self._fallback.covers(error):
                call.error = error
                raise
            return False
        finally:
            call.artifact_done()
        return True

    def _tell(self, call: _Call) -> None:
        if not self._watchers:
            return
        call.ended_s = _time.perf_counter()
        for watcher in self._watchers:
            watcher(call)

    def __reduce__(self) -> tuple[_Any, ...]:
        return (self._reload, (self.__name__,))


class _Turn:
    """One call of a fallback: begun within its budget, ended in its circuit."""

    def __init__(self, fallback: _Fallback | None, call: _Call) -> None:
        assert fallback is not None
        self._fallback, self._call = fallback, call
        self.function = fallback.function

    def __enter__(self) -> _Turn:  # noqa: PYI034 - `typing` is not imported
        try:
            self._fallback.begin()
        except NoFallback as refused:
            self._call.error = refused
            raise refused from self._call.cause
        self._call.fell_back = True
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._fallback.end(error)
        self._call.error = error
        if error is not None and error.__context__ is None:
            error.__context__ = self._call.cause


class _Call:
    """One call as watchers see it."""

    __slots__ = (
        "args", "cause", "done_s", "ended_s", "error", "fell_back", "kwargs", "name", "outcome",
        "output", "started_s",
    )  # fmt: skip

    def __init__(self, name: str, args: tuple[_Any, ...], kwargs: dict[str, _Any]) -> None:
        self.name, self.args, self.kwargs = name, args, kwargs
        self.output: _Any = None
        self.outcome = "value"  # of the artifact: value, abstain or error
        self.cause: BaseException | None = None  # what the artifact raised
        self.error: BaseException | None = None  # what the caller gets to see
        self.fell_back = False
        self.started_s = _time.perf_counter()
        self.done_s = self.ended_s = self.started_s

    def refused(self, error: Exception) -> None:
        """Note what the artifact raised."""
        self.outcome = "abstain" if isinstance(error, Abstain) else "error"
        self.cause = error

    def artifact_done(self) -> None:
        """Note when the artifact was through."""
        self.done_s = _time.perf_counter()
