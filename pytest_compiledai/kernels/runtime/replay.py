"""Runs many steps with one order: recorded once a bucket of context, then replayed.

On a CUDA device a recording is a graph of many steps; elsewhere it is the call itself, so that all
but the graph runs everywhere. Position and token lie on the device, and one recording serves every
position below the bucket's end.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol

if TYPE_CHECKING:
    from pytest_compiledai.kernels.runtime.step import Step

Work = Callable[[], None]


class Recorder(Protocol):
    """Makes a recording of work on a device."""

    def warm(self, work: Work) -> None:
        """Do the work once, for handles and kernels that are made at the first use."""

    def record(self, work: Work) -> Work:
        """Return what does the work again; nothing of it needs to run now."""


class Direct:
    """Calls the work itself; the twin of graphs."""

    def warm(self, work: Work) -> None:
        """Do the work."""
        work()

    def record(self, work: Work) -> Work:
        """Return the work."""
        return work


class Graphs:
    """Records CUDA graphs, all of them in one pool of memory, for they never run side by side."""

    def __init__(self) -> None:
        """Record nothing yet; needs a CUDA device from the first recording on."""
        self._pool: Any = None

    def warm(self, work: Work) -> None:
        """Do the work beside the main stream, as recording asks for."""
        import torch

        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            work()
        torch.cuda.current_stream().wait_stream(stream)

    def record(self, work: Work) -> Work:
        """Return the replay of a graph of the work."""
        import torch

        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            work()
        self._pool = self._pool or graph.pool()
        replay: Work = graph.replay
        return replay


class Replay:
    """The recordings of one step."""

    def __init__(self, recorder: Recorder, *, many: int = 16) -> None:
        """Record ``many`` steps at once, and one alone for what is left over."""
        self._recorder = recorder
        self._many = many
        self._held: dict[tuple[int, int], Work] = {}

    def run(self, step: Step, room: int, count: int) -> None:
        """Do ``count`` steps that end at or below ``room`` positions."""
        for size in (self._many,) * (count // self._many) + (1,) * (count % self._many):
            self.recorded(step, room, size)()

    def recorded(self, step: Step, room: int, size: int) -> Work:
        """Return ``size`` steps in a bucket, recorded at the first call.

        One step runs before that; token and position are put back, and it is done again at the
        same place.
        """
        key = room, size
        if key not in self._held:
            before = step.token.clone(), step.position.clone()
            self._recorder.warm(lambda: step.run(room))
            step.token.copy_(before[0])
            step.position.copy_(before[1])
            self._held[key] = self._recorder.record(lambda: _repeated(step, room, size))
        return self._held[key]


def _repeated(step: Step, room: int, size: int) -> None:
    for _ in range(size):
        step.run(room)


def buckets(context: int, *, smallest: int = 512) -> tuple[int, ...]:
    """Return the ends of the buckets: doubled from ``smallest``, the last is ``context``."""
    return tuple(_doubled(context, smallest))


def _doubled(context: int, size: int) -> Iterator[int]:
    while size < context:
        yield size
        size *= 2
    yield context


def stretches(start: int, count: int, rooms: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield bucket and number of steps for ``count`` positions from ``start``, in order.

    Raises ``ValueError`` where they do not fit into the last bucket.
    """
    if start + count > rooms[-1]:
        raise ValueError(
            f"found {start + count} positions; expected at most {rooms[-1]}, the static cache's"
        )
    while count:
        room = next(end for end in rooms if start < end)
        size = min(count, room - start)
        yield room, size
        start, count = start + size, count - size
