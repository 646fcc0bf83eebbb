"""The region's own sizes, all at once, for the interpreter: a few programs over parts of tensors.

Where a size says into how many parts a region falls whose answers stand apart (``Contract.apart``:
rows of a weight, groups of heads), the answer of a few parts is the region's answer at a smaller
size. So elements of the output are chosen, in the first part, the last and secret ones; the
programs that write them are found, and those that write what these read; they alone run, at full
size, and what they wrote is held against the reference of their parts. The other parts hold numbers
of the same kind, which no right answer depends on.

An element that no program is found for is refused. Elements that were not chosen, and what is
wrong in a few programs of many, are not seen.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.calls import Limits
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels.accuracy import Right
from pytest_compiledai.kernels.call import scratch
from pytest_compiledai.kernels.call import steps
from pytest_compiledai.kernels.call import tensor_of
from pytest_compiledai.kernels.call import tensors
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.executing import LIMITS
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.executing import Written
from pytest_compiledai.kernels.inputs import Case
from pytest_compiledai.kernels.inputs import draw
from pytest_compiledai.kernels.inside.memory import ELEMENT_BYTES
from pytest_compiledai.kernels.inside.spread import Spread
from pytest_compiledai.kernels.inside.trace import members
from pytest_compiledai.kernels.owners import MOST_BETWEEN
from pytest_compiledai.kernels.owners import MOST_PROGRAMS
from pytest_compiledai.kernels.owners import Owners
from pytest_compiledai.kernels.owners import elements_of
from pytest_compiledai.kernels.owners import touched
from pytest_compiledai.kernels.owners import without
from pytest_compiledai.kernels.truth import copies
from pytest_compiledai.kernels.truth import right_of
from pytest_compiledai.kernels.truth import same

if TYPE_CHECKING:
    import torch

#: Parts of which an element is chosen: the first, the last and secret ones; the more the less
#: each holds, for what a program reads is what it takes time for.
_LEAST_PARTS, _MOST_PARTS, _CHOSEN_NUMBERS = 3, 12, 1_000_000
#: Numbers that a draw of parts has at most, where it is more than one part.
_MOST_NUMBERS: Final = 6_000_000
_WATCHED_BYTES: Final = 8  # of an element that can be written, who wrote and who read it


class UnownedError(Exception):
    """No program was found that writes an element of the output; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a few programs wrote at full size, and what that is held against."""

    found: Mapping[str, torch.Tensor]
    drawn: Mapping[str, torch.Tensor]
    right: Right
    written: Mapping[str, torch.Tensor]  # where the programs that ran wrote
    ran: int
    of: int  # programs that the call has


def answered(contract: Contract, candidate: Candidate, case: Case, dtype: str) -> Parts:
    """Return what programs write of a case at full size.

    Raises ``FaultError`` where one ends in a fault or its addresses depend on numbers, and
    ``UnownedError``.
    """
    asked = _Asked(contract, candidate, case, dtype)
    with Running(candidate.source, limits=asked.limits()) as running:
        return asked.answered(running)


class _Asked:
    """One case of one candidate at full size."""

    def __init__(self, contract: Contract, candidate: Candidate, case: Case, dtype: str) -> None:
        self._contract, self._candidate = contract, candidate
        self._case, self._dtype = case, dtype
        self._count = case.dims[contract.apart[0]]
        self._steps = steps(candidate, contract, case.dims)
        self._secret = random.Random(case.seed)  # noqa: S311 - the seed is the secret
        #: Numbers of tensors that every part reads.
        self._shared = sum(
            prod(tensor.sizes(case.dims))
            for tensor in contract.tensors
            if axis_of(tensor, contract) is None
        )

    def limits(self) -> Limits:
        """Return what a process may take that holds every tensor at full size."""
        bytes_needed = sum(
            prod(tensor.sizes(self._case.dims)) * _item(tensor, self._dtype)
            + (tensor.role != "input") * prod(tensor.sizes(self._case.dims)) * _WATCHED_BYTES
            for tensor in self._contract.tensors
        )
        more = bytes_needed >> 20
        return replace(LIMITS, memory_mb=LIMITS.memory_mb + more, call_s=2 * LIMITS.call_s)

    def answered(self, running: Running) -> Parts:
        """Find the programs, run them, and gather what they wrote."""
        chosen = self._chosen_parts()
        drawn = self._drawn(chosen)
        owners = Owners(running, self._held(drawn, chosen), self._steps)
        programs = self._programs(owners, self._elements(drawn, chosen))
        parts = self._parts(owners, programs, chosen)
        drawn = self._drawn(parts)
        held = self._held(drawn, parts)
        todo = [
            replace(step, programs=tuple(sorted(programs[launch])))
            for launch, step in enumerate(self._steps)
        ]
        written = running.call(held, todo)
        if not _is_as_before(written, owners):
            raise FaultError("addresses that depend on the numbers of an input")
        return self._gathered(written, drawn, parts, programs)

    def _chosen_parts(self) -> tuple[int, ...]:
        one = _numbers(self._contract, self._sizes(1)) - self._shared
        # What one program of a later launch reads, many of an earlier one may write.
        most = _MOST_PARTS if len(self._steps) == 1 else _LEAST_PARTS
        count = max(_LEAST_PARTS, min(most, _CHOSEN_NUMBERS // max(1, one)))
        count = min(count, self._count, max(1, _MOST_NUMBERS // max(1, one)))
        ends = [self._count - 1, 0][:count]
        secret = self._secret.sample(range(self._count), count)
        return tuple(sorted({*ends, *secret[len(ends) :]}))

    def _sizes(self, parts: int) -> dict[str, int]:
        dims = self._case.dims
        cut = {name: dims[name] // self._count * parts for name in self._contract.apart}
        return {**dims, **cut}

    def _drawn(self, parts: tuple[int, ...]) -> dict[str, torch.Tensor]:
        return draw(self._contract, self._few(parts), self._dtype)

    def _few(self, parts: tuple[int, ...]) -> Case:
        return replace(self._case, dims=self._sizes(len(parts)))

    def _spread(self, tensor: Tensor, parts: tuple[int, ...]) -> Spread:
        """Return where the parts lie in a tensor at full size; a tensor that has none is whole."""
        sizes = tensor.sizes(self._case.dims)
        axis = axis_of(tensor, self._contract)
        if axis is None:
            return Spread(outer=1, count=1, inner=prod(sizes), blocks=(0,))
        return Spread(
            outer=prod(sizes[:axis]),
            count=self._count,
            inner=sizes[axis] // self._count * prod(sizes[axis + 1 :]),
            blocks=parts,
        )

    def _held(self, drawn: Mapping[str, torch.Tensor], parts: tuple[int, ...]) -> list[Held]:
        known = {tensor.name: tensor for tensor in self._contract.tensors}
        few = tensors(self._contract, self._few(parts), self._dtype, drawn)
        found = []
        for held in few:
            seed = self._secret.getrandbits(32)
            spread = replace(self._spread(known[held.name], parts), seed=seed)
            found.append(replace(held, spread=spread, returned=held.writable))
        for held in scratch(self._candidate, self._case, self._dtype):
            elements = len(held.data) // ELEMENT_BYTES[held.dtype]
            whole = Spread(outer=1, count=1, inner=elements, blocks=(0,))
            found.append(replace(held, spread=whole))
        return found

    def _elements(
        self, drawn: Mapping[str, torch.Tensor], parts: tuple[int, ...]
    ) -> dict[str, Any]:
        """Return elements of each output in each part, of those that a call has to write."""
        after = self._contract.reference(copies(drawn), self._case.numbers)
        found = {}
        for tensor in self._contract.outputs:
            spread = self._spread(tensor, parts)
            places = spread.places()
            if tensor.name in drawn:
                places = places[~same(drawn[tensor.name], after[tensor.name]).numpy().ravel()]
            chosen = set[int]()
            for part in spread.blocks:
                here = places[spread.block_of(places) == part]
                if here.size:
                    ends = {0: 0, spread.count - 1: here.size - 1}
                    chosen.add(int(here[ends.get(part, self._secret.randrange(here.size))]))
            found[tensor.name] = elements_of(chosen)
        return found

    def _programs(self, owners: Owners, asked: dict[str, Any]) -> list[set[int]]:
        """Return the programs that write these elements, and those that write what they read."""
        read: dict[str, Any] = {}
        programs = [set[int]() for _ in self._steps]
        for launch in reversed(range(len(self._steps))):
            for wanted, most in ((asked, MOST_PROGRAMS), (read, MOST_BETWEEN)):
                for name, places in wanted.items():
                    wanted[name], found = _found(owners, launch, name, places, most)
                    programs[launch] |= found
            for program in sorted(programs[launch]):
                for name, pieces in owners.known[launch][program].reads.items():
                    read[name] = elements_of({*read.get(name, ()), *members(pieces)})
        # What is read and written by no program is a state as it was, or shows in the answer.
        if lost := [(name, places[0]) for name, places in asked.items() if places.size]:
            name, place = lost[0]
            raise UnownedError(f"no program that writes element {place} of {name}")
        return programs

    def _parts(
        self, owners: Owners, programs: Sequence[set[int]], chosen: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Return the chosen parts and the others that the programs write, if those are few."""
        parts = set(chosen)
        for tensor in self._contract.outputs:
            spread = self._spread(tensor, chosen)
            for launch, some in enumerate(programs):
                for program in some:
                    pieces = owners.known[launch][program].writes.get(tensor.name, ())
                    parts |= set(map(int, spread.block_of(members(pieces))))
        few = _numbers(self._contract, self._sizes(len(parts))) <= _MOST_NUMBERS
        return tuple(sorted(parts)) if few else chosen

    def _gathered(
        self,
        written: Written,
        drawn: Mapping[str, torch.Tensor],
        parts: tuple[int, ...],
        programs: Sequence[set[int]],
    ) -> Parts:
        import numpy as np
        import torch

        right = right_of(self._contract, drawn, self._few(parts), self._dtype)
        found, masks = {}, {}
        for tensor in self._contract.outputs:
            name = tensor.name
            found[name] = tensor_of(written.data[name], right.eager[name])
            wrote = [
                members(pieces)
                for trace in written.traces
                for _, verb, held, pieces in trace
                if verb == "writes" and held == name
            ]
            places = self._spread(tensor, parts).places()
            inside = np.isin(places, np.concatenate(wrote) if wrote else [])
            masks[name] = torch.from_numpy(inside).reshape(found[name].shape)
        return Parts(
            found=found,
            drawn=drawn,
            right=right,
            written=masks,
            ran=sum(map(len, programs)),
            of=sum(prod(step.grid) for step in self._steps),
        )


def _found(owners: Owners, launch: int, name: str, places: Any, most: int) -> tuple[Any, set[int]]:
    """Return the places that no program of a launch writes, and the programs of the others."""
    programs = set[int]()
    while places.size:
        program = owners.of(launch, name, int(places[0]), most)
        if program is None:
            break  # all others were asked for it, as far as that goes
        programs.add(program)
        places = without(places, owners.known[launch][program].writes[name])
    return places, programs


def axis_of(tensor: Tensor, contract: Contract) -> int | None:
    """Return the axis along which a tensor falls into parts; None where each part needs it all."""
    found = [
        axis
        for axis, size in enumerate(tensor.shape)
        if expression.names_of(size) & set(contract.apart)
    ]
    return found[0] if found else None


def _item(tensor: Tensor, dtype: str) -> int:
    return ELEMENT_BYTES[dtype if tensor.dtype == ANY else tensor.dtype]


def _numbers(contract: Contract, dims: Mapping[str, int]) -> int:
    return sum(prod(tensor.sizes(dims)) for tensor in contract.tensors)


def _is_as_before(written: Written, owners: Owners) -> bool:
    """Say whether the programs touched, with other numbers, what they had touched alone."""
    return all(
        owners.known[launch].get(program) == found
        for launch, trace in enumerate(written.traces)
        for program, found in touched(trace).items()
    )
