"""One decode step over static buffers: token and position lie on the device and move there.

The step is a flat list of sites, one a call of the plan. Each reads and writes a dictionary of
tensors by the plan's names; what it does is launch a frozen kernel or call the framework's
operators. The host reads nothing back, so the same code runs in a loop or is recorded as a graph.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Protocol

from pytest_compiledai.kernels.region import tensors_in
from pytest_compiledai.kernels.runtime.program import ATTENTION
from pytest_compiledai.kernels.runtime.program import MASK
from pytest_compiledai.kernels.runtime.program import Program
from pytest_compiledai.kernels.runtime.program import Values
from pytest_compiledai.kernels.runtime.program import masked
from pytest_compiledai.kernels.runtime.table import tabulated

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.plan import Call
    from pytest_compiledai.kernels.plan import Plan
    from pytest_compiledai.kernels.region import Region

#: Returns the chosen token, of shape (1, 1), for logits of shape (1, 1, vocabulary).
Sampler = Callable[["torch.Tensor"], "torch.Tensor"]


class Site(Protocol):
    """One place of a region in the step."""

    def run(self, values: Values) -> None:
        """Read inputs from ``values``, write outputs there and state in place."""


class Launched(Protocol):
    """A region's kernel, ready for every place of the region."""

    def at(self, call: Call, fixed: Mapping[str, torch.Tensor]) -> Site:
        """Return the site of one call; ``fixed`` are the tensors that stay where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """A region's kernels by the end of the bucket in which each runs; None: the framework."""

    kernels: Mapping[int, Launched | None]


class Step:
    """The step of one model and its buffers."""

    def __init__(
        self,
        plan: Plan,
        tensors: Mapping[str, torch.Tensor],
        wholes: Mapping[str, torch.Tensor],
        kernels: Mapping[str, Launched | Buckets],
        *,
        context: int,
        sampler: Sampler | None = None,
        advance: Callable[[Mapping[str, torch.Tensor]], None] | None = None,
    ) -> None:
        """Put the step together.

        ``tensors`` are parameters and buffers by the plan's names, the cache included; ``wholes``
        are siblings laid together; ``kernels`` run the regions they name; ``advance`` ends a step
        in place of the framework's operators (see ``advancing.py``).
        """
        import torch

        device = next(iter(tensors.values())).device
        self.token = torch.zeros((1, 1), dtype=torch.int64, device=device)
        self.position = torch.zeros((1, 1), dtype=torch.int64, device=device)
        #: The token chosen after each position.
        self.said = torch.zeros((context,), dtype=torch.int64, device=device)
        self.logits: torch.Tensor | None = None  # of the last step that ran outside of a graph
        self._plan = plan
        self._sampler = sampler
        self._advance = advance or self._advanced
        self._fixed = {**tensors, "token": self.token, "position": self.position}
        self._cached = frozenset(_cached(plan))
        self._rooms: dict[int, dict[str, torch.Tensor]] = {}
        #: Of each call in order: its site up to the end of each bucket that has one of its own.
        self._sites: Sequence[Mapping[int, Site]] = [
            dict(self._of(call, plan.region(call.region), wholes, kernels, context))
            for call in plan.calls
        ]
        self._chosen_sites: dict[int, Sequence[Site]] = {}  # by room
        self._kind = next(t.dtype for n, t in tensors.items() if n in self._cached)

    def _of(
        self,
        call: Call,
        region: Region,
        wholes: Mapping[str, torch.Tensor],
        kernels: Mapping[str, Launched | Buckets],
        context: int,
    ) -> Iterator[tuple[int, Site]]:
        """Yield the site of a call up to each end, in order."""
        found = kernels.get(region.name)
        by_end = found.kernels if isinstance(found, Buckets) else {context: found}
        for end, kernel in sorted(by_end.items()):
            if kernel is not None:
                yield end, kernel.at(call, self._fixed)
            else:
                yield end, self._site(call, region, wholes, context)

    def _site(
        self, call: Call, region: Region, wholes: Mapping[str, torch.Tensor], context: int
    ) -> Site:
        """Return the framework's path of a call."""
        program = Program(region, call, wholes)
        if "position" in call.inputs and not region.mutates:
            table = tabulated(program, region, call, self._fixed, context)
            return table or program
        return program

    def begin(self, logits: torch.Tensor, length: int) -> None:
        """Choose the token after a prompt of ``length`` from its logits, (1, 1, vocabulary)."""
        chosen = self._chosen(logits)
        self.token.copy_(chosen)
        self.said[length - 1 : length].copy_(chosen[0])
        self.position.fill_(length)

    def _chosen(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.argmax(-1) if self._sampler is None else self._sampler(logits)

    def run(self, room: int) -> None:
        """Do one step; the position must be below ``room``, which bounds what attention reads."""
        values = dict(self._room(room))
        sites = self._in(room)
        if any(isinstance(site, Program) and site.attends for site in sites):
            values[MASK] = masked(self.position, room, dtype=self._kind)
        for site in sites:
            site.run(values)
        self.logits = values[self._plan.outputs[1]]
        chosen = self._sampler(self.logits) if self._sampler else values[self._plan.outputs[0]]
        held = {"token": self.token, "position": self.position, "said": self.said}
        self._advance({"chosen": chosen, **held})

    def _advanced(self, values: Mapping[str, torch.Tensor]) -> None:
        self.said.index_copy_(0, self.position[0], values["chosen"][0])
        self.token.copy_(values["chosen"])
        self.position.add_(1)

    def cache(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return the keys and values of each layer, (1, groups, positions, d), in order."""
        return [(self._fixed[keys], self._fixed[values]) for keys, values in _layers(self._plan)]

    def _in(self, room: int) -> Sequence[Site]:
        """Return the site of every call in a bucket; a later end serves a longer one as well."""
        if room not in self._chosen_sites:
            self._chosen_sites[room] = [
                next((site for end, site in by_end.items() if room <= end), [*by_end.values()][-1])
                for by_end in self._sites
            ]
        return self._chosen_sites[room]

    def _room(self, room: int) -> Mapping[str, torch.Tensor]:
        """Return what a step in this bucket reads; the cache is cut, at the same address."""
        if room not in self._rooms:
            self._rooms[room] = {
                name: tensor[:, :, :room] if name in self._cached else tensor
                for name, tensor in self._fixed.items()
            }
        return self._rooms[room]


def _layers(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the places of keys and values that attention reads, in the plan's order."""
    for call in plan.calls:
        region = plan.region(call.region)
        names = dict(zip([value.name for value in region.inputs], call.inputs, strict=True))
        for op in region.ops:
            if op.target == ATTENTION:
                _, keys, values, *_ = tensors_in([*op.args])
                yield names[keys], names[values]


def _cached(plan: Plan) -> Iterator[str]:
    for pair in _layers(plan):
        yield from pair
