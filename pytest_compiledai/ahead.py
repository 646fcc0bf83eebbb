"""Requests that several processes ask ahead, so that the caller finds their answers recorded.

Each process keeps to the run's one ledger and stores an answer as it comes; nothing travels back
but what went wrong. What is recorded is not asked.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple
from typing import TypeAlias

from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.place import Place
from pytest_compiledai.fanout import check
from pytest_compiledai.fanout import fanned
from pytest_compiledai.llm.desk import Job
from pytest_compiledai.llm.desks import ClientOf
from pytest_compiledai.llm.desks import Desks
from pytest_compiledai.llm.desks import joined
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Request

#: Requests handed to a process at once: some waves of what it asks at a time.
MOST: Final = 16
#: Says in the run's folder that a request could not be answered: no process begins another piece.
STOPPED: Final = "stopped"
#: A worker with several threads asks for one piece at a time: what is bounded is a process.
_ONE: Final = threading.Lock()

#: Hands pieces to processes and returns what they say, in order: `fanned`, with its backend.
Fan: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]


def fan_of(*, jobs: int, backend: str, address: str) -> Fan | None:
    """Return what hands pieces to ``jobs`` processes of a backend; None for this one alone.

    Raises ``SettingsError`` for a backend that cannot be meant.
    """
    if jobs == 1 and backend == "loky" and not address:
        return None
    check(backend, address, jobs)
    return functools.partial(fanned, jobs=jobs, backend=backend, address=address)


class Wanted(NamedTuple):
    """A request, whom it goes to, and the place that a message about it names."""

    model: str
    request: Request
    where: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some requests, and all that a process needs to ask them."""

    wanted: tuple[Wanted, ...]
    recordings: Path
    folder: Path  # of the run
    client_of: ClientOf | None
    command: str


def ask_ahead(
    wanted: Iterable[Wanted], *, recordings: Recordings, desks: Desks, fan: Fan, command: str
) -> None:
    """Have what is not recorded asked by the processes of ``fan``.

    Raises the first error of a request, after the others that were begun are answered.
    """
    missing = [
        each
        for each in {(each.model, each.request.key): each for each in wanted}.values()
        if recordings.choose(each.request, model=each.model, preferred=None) is None
    ]
    pieces = [
        Piece(
            wanted=tuple(part),
            recordings=recordings.folder.resolve(),
            folder=desks.folder,
            client_of=desks.client_of,
            command=command,
        )
        for part in _parts(missing)
    ]
    for error in fan(asked, pieces) if pieces else ():
        if error is not None:
            raise error


def asked(piece: Piece) -> CompiledAIError | None:
    """Ask the requests of a piece; called where the backend puts it. Return what went wrong."""
    stopped = piece.folder / STOPPED
    recordings = Recordings(piece.recordings)
    try:
        with _ONE, joined(piece.folder, piece.client_of) as desks:
            if not stopped.exists():
                _ask(piece, recordings, desks)
    except CompiledAIError as error:
        if piece.folder.is_dir():
            stopped.touch()
        return error
    return None


def _ask(piece: Piece, recordings: Recordings, desks: Desks) -> None:
    for model, request, _ in piece.wanted:
        desks(model).prefetch([Job(request=request, recordings=recordings)])
    for model, request, where in piece.wanted:
        desks(model).ask(
            request, recordings=recordings, where=where, preferred=model, command=piece.command
        )


def _parts(wanted: Sequence[Wanted]) -> list[Sequence[Wanted]]:
    """Return ``wanted`` in parts, each with a share of every model that is near in the order."""
    count = -(-len(wanted) // MOST)
    return [wanted[number::count] for number in range(count)]
