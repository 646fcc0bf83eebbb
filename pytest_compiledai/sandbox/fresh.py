"""Calls in processes of their own: each input meets a program that was just loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from collections.abc import Sequence

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Status
from pytest_compiledai.sandbox.session import DEATHS_CAP
from pytest_compiledai.sandbox.session import WorkerSession
from pytest_compiledai.sandbox.session import given_up

#: Workers that fork, lock and load while the one before them is asked.
AHEAD = 3
_DEATHS = (Status.TIMEOUT, Status.MEMORY, Status.VIOLATION, Status.CRASH)


def fresh_answers(begin: Callable[[], WorkerSession], inputs: Sequence[bytes]) -> list[Answer]:
    """Return the answer of each input, each from a session that ``begin`` started for it alone.

    After too many deaths, or when the program does not load, the rest is not called.
    """
    found: list[Answer] = []
    started: deque[WorkerSession] = deque()
    deaths = 0
    for at, data in enumerate(inputs):
        while len(started) < min(AHEAD, len(inputs) - at):
            started.append(begin())
        with started.popleft() as session:
            answer = session.call([data])[0]
        found.append(answer)
        deaths += answer.status in _DEATHS
        if session.failure is not None:
            return found + [answer] * (len(inputs) - len(found))
        if deaths == DEATHS_CAP:
            return found + [given_up(answer)] * (len(inputs) - len(found))
    return found
