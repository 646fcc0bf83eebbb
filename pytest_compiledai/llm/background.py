"""A thread with an event loop: work that goes on while the caller does something else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any
from typing import Generic
from typing import TypeAlias
from typing import TypeVar

T = TypeVar("T")
Work: TypeAlias = Callable[[], Coroutine[Any, Any, T]]


class Background(Generic[T]):
    """Runs each named piece of work once: a few at a time, or at once where a caller waits.

    A failure is raised by whoever waits for that name, and by nobody else.
    """

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self._guard = threading.Lock()  # of the tables below, which two threads share
        self._futures: dict[str, Future[T]] = {}
        self._waiting: dict[str, Work[T]] = {}
        self._running: set[asyncio.Task[T]] = set()  # of the loop's thread alone
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._closed = False

    def knows(self, name: str) -> bool:
        """Return whether work of this name was begun or is waiting."""
        with self._guard:
            return name in self._futures

    def later(self, name: str, work: Work[T]) -> None:
        """Begin ``work`` when fewer than ``limit`` pieces are running; a known name is left be."""
        with self._guard:
            if self._closed or name in self._futures:
                return
            self._add(name, work)
        self._call(self._fill)

    def now(self, name: str, work: Work[T]) -> T:
        """Return what the work called ``name`` gives, begun at once where it was not."""
        with self._guard:
            if name not in self._futures:
                self._add(name, work)
            future = self._futures[name]
        self._call(self._hurry, name)
        return future.result()

    def close(self) -> None:
        """Cancel what is running, end the thread and wait for it."""
        with self._guard:
            self._closed = True
            thread, self._thread = self._thread, None
            self._waiting.clear()
        if thread is None:
            return
        if self._stop is not None:
            self._call(self._stop.set)
        thread.join()
        for future in self._futures.values():
            future.cancel()

    def _add(self, name: str, work: Work[T]) -> None:
        if self._closed:
            raise RuntimeError(f"{name}: the background is closed")
        self._futures[name] = Future()
        self._waiting[name] = work
        if self._thread is None:
            begun = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._live(begun)), name="compiledai-llm", daemon=True
            )
            self._thread.start()
            begun.wait()

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(function, *arguments)

    async def _live(self, begun: threading.Event) -> None:
        """Keep the loop alive until ``close``; leaving it cancels what still runs."""
        self._loop = asyncio.get_running_loop()
        stop = self._stop = asyncio.Event()
        begun.set()
        await stop.wait()
        self._loop = None

    def _fill(self) -> None:
        while len(self._running) < self.limit:
            with self._guard:
                name = next(iter(self._waiting), None)
                work = self._waiting.pop(name) if name is not None else None
            if name is None or work is None:
                return
            self._begin(name, work)

    def _hurry(self, name: str) -> None:
        with self._guard:
            work = self._waiting.pop(name, None)
        if work is not None:
            self._begin(name, work)

    def _begin(self, name: str, work: Work[T]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._running.add(task)
        task.add_done_callback(lambda done: self._end(done, self._futures[name]))

    def _end(self, task: asyncio.Task[T], future: Future[T]) -> None:
        self._running.discard(task)
        if task.cancelled():
            future.cancel()
        elif (error := task.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(task.result())
        if not self._closed:
            self._fill()
