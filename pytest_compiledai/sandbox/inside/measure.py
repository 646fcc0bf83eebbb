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
    """Call the function once on each input and send the CPU nanoseconds of each call."""
    prepare, function = work.prepare, work.function
    times: list[int] = []
    reported = now()
    for text in inputs:
        value, arguments = prepare(text)
        times.append(_timed(function, value, arguments, clock))
        if now() - reported > REPORT_NS:
            send(Kind.TIMES, nonce, json.dumps(times).encode())
            times, reported = [], now()
    send(Kind.TIMES, nonce, json.dumps(times).encode())
    send(Kind.DONE, nonce)


def _timed(
    function: Callable[..., Any], value: Any, arguments: dict[str, Any], clock: Callable[[], int]
) -> int:
    start = clock()
    try:
        function(value, **arguments)
    except BaseException:  # noqa: BLE001 - an error takes its time as well
        return clock() - start
    return clock() - start
