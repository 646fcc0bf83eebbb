"""Claims on requests: no two processes of a run buy the same answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_compiledai.core.files import atomic_write

_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's right to be asked in this run."""

    folder: Path
    name: str

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the claim; it ends with the process that holds it.

        Polls, for another process may hold it for as long as a model thinks, and a blocked thread
        could not be cancelled.
        """
        # filelock is imported here: plain `pytest` runs load this module's neighbours only.
        from filelock import FileLock
        from filelock import Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{self.name}.lock", thread_local=False)
        while True:
            try:
                lock.acquire(blocking=False)
                break
            except Timeout:
                await asyncio.sleep(_POLL_S)
        try:
            yield
        finally:
            lock.release()

    @property
    def is_spent(self) -> bool:
        """Whether a process of this run has bought the answer."""
        return self._mark.exists()

    def spend(self) -> None:
        """Say that the answer is bought and stored."""
        atomic_write(self._mark, b"")

    @property
    def _mark(self) -> Path:
        return self.folder / f"{self.name}.bought"
