"""Measures calls by the CPU clock of the worker's thread.

The figures are claims of the process that is being judged; the asking side compares their sum
with what the kernel says the worker consumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from .frames import Kind
from .kept import forget

if TYPE_CHECKING:
    from .worker import Work

#: Results are sent at least this often, so that the asking side can tell slow from stuck.
REPORT_NS = 50_000_000


def measure(
    work: Work,
    inputs: Sequence[str],
    *,
    clock: Callable[[], int],
    now: Callable[[], int],
    send: Callable[..., None],
    nonce: bytes,
) -> None:
    """Call the function once on each input and send the CPU nanoseconds of each call.

    Production rarely sees an input twice: before one comes again, what the program keeps of inputs
    is forgotten, within the measured time, so that a cache counts for what inputs share alone.
    """
    prepare, function = work.prepare, work.function
    times: list[int] = []
    reported = now()
    seen = set(inputs)  # in earlier passes
    for text in inputs:
        value, arguments = prepare(text)
        stale = work.caches if text in seen else []
        if stale:
            seen.clear()
        seen.add(text)
        box = [value]
        del value
        times.append(_timed(function, box, arguments, clock, stale))
        if now() - reported > REPORT_NS:
            send(Kind.TIMES, nonce, json.dumps(times).encode())
            times, reported = [], now()
    send(Kind.TIMES, nonce, json.dumps(times).encode())
    send(Kind.DONE, nonce)


def _timed(
    function: Callable[..., Any],
    box: list[Any],
    arguments: dict[str, Any],
    clock: Callable[[], int],
    stale: list[Any],
) -> int:
    """Return the CPU time of one call, of freeing what it made included.

    The input comes in a box, so that the call holds the only reference: what a function hangs on
    its input, or on an exception, is freed inside the measured time and can hide no work.
    """
    start = clock()
    forget(stale)
    try:  # noqa: SIM105 - a context manager would be measured, too
        function(box.pop(), **arguments)
    except BaseException:  # noqa: BLE001, S110 - an error takes its time as well
        pass
    return clock() - start
