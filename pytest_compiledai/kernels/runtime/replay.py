"""Runs many steps with one order: a loop on a processor, a recorded graph on a CUDA device.

A graph holds a fixed number of steps in one bucket of context; position and token lie on the
device, so that the same recording serves every position below the bucket's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol

if TYPE_CHECKING:
    from pytest_compiledai.kernels.runtime.step import Step


class Replay(Protocol):
    """Runs steps."""

    def run(self, step: Step, room: int, count: int) -> None:
        """Do ``count`` steps that end at or below ``room`` positions."""


class Loop:
    """Calls step by step; the twin of the graphs."""

    def run(self, step: Step, room: int, count: int) -> None:
        """Do ``count`` steps."""
        for _ in range(count):
            step.run(room)


class Graphs:
    """Records steps once a bucket and replays them; needs a CUDA device."""

    def __init__(self, *, many: int = 16) -> None:
        """Record ``many`` steps a graph, and one alone for what is left over."""
        self._many = many
        self._held: dict[tuple[int, int], Any] = {}
        self._pool: Any = None

    def run(self, step: Step, room: int, count: int) -> None:
        """Replay ``count`` steps; a bucket that is new is recorded first."""
        for size in (self._many,) * (count // self._many) + (1,) * (count % self._many):
            self.recorded(step, room, size).replay()

    def recorded(self, step: Step, room: int, size: int) -> Any:
        """Return the graph of ``size`` steps in a bucket.

        Recording runs nothing, but one step before it does, for lazily made handles and compiled
        kernels; token and position are put back, and the step is done again at the same place.
        """
        import torch

        key = room, size
        if key not in self._held:
            state = [tensor.clone() for tensor in (step.token, step.position)]
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                step.run(room)
            torch.cuda.current_stream().wait_stream(stream)
            for tensor, before in zip((step.token, step.position), state, strict=True):
                tensor.copy_(before)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                for _ in range(size):
                    step.run(room)
            self._pool = self._pool or graph.pool()
            self._held[key] = graph
        return self._held[key]


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
