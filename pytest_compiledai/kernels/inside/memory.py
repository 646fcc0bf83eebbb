"""Buffers a kernel may touch, and a watch over every address that it does touch.

The interpreter runs the programs of a grid one after the other, so a kernel that races, reads
past an end or depends on the order of its programs still gives right numbers in it. The watch
checks each address against the buffers of the call and each element against the programs that
touched it before in the same launch. It does not see shared memory or the order within a program.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .spread import Spread
from .trace import Trace

ELEMENT_BYTES = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "bfloat16": 2,
    "float16": 2,
    "float32": 4,
    "float64": 8,
}
GUARD_BYTES = 4096  # on both sides of every buffer
_GUARD = 0xFF
_NOBODY, _MANY = -1, -2


class TouchedWrongError(Exception):
    """A kernel touched memory that it may not touch; the text says where and how."""


class Buffer:
    """One tensor's bytes between two guards; stands for a tensor as the interpreter knows it."""

    def __init__(
        self,
        name: str,
        dtype: str,
        data: bytes,
        *,
        skew: int,
        writable: bool,
        gap: int = 0,
        spread: Spread | None = None,
    ) -> None:
        """Place ``data`` at ``skew`` elements behind a 64-byte boundary.

        ``gap`` is for buffers between pages; with a ``spread`` the data are parts of the tensor.
        """
        self.name, self.dtype, self.writable, self.gap = name, dtype, writable, gap
        self.spread = spread
        self.item = ELEMENT_BYTES[dtype]
        self.count = spread.elements if spread else len(data) // self.item
        self.size = self.count * self.item
        self._all, self._start = self._taken(skew)
        self.fill(data)
        self.address = int(self._all.ctypes.data) + self._start
        watched = self.count if writable else 0  # nobody writes an input, so nobody races there
        self.writers = np.full(watched, _NOBODY, dtype=np.int32)
        self.readers = np.full(watched, _NOBODY, dtype=np.int32)

    def _taken(self, skew: int) -> tuple[Any, int]:
        """Return memory of this buffer's own, and where in it the tensor starts."""
        found = np.empty(self.size + 2 * GUARD_BYTES + 64 + skew * self.item, dtype=np.uint8)
        base = int(found.ctypes.data)
        return found, GUARD_BYTES + (-(base + GUARD_BYTES)) % 64 + skew * self.item

    def fill(self, data: bytes) -> None:
        """Take new content and mend the guards."""
        # NaN in every float format, so what leaks out of a guard shows in the answer as well.
        self._all[: self._start] = _GUARD
        self._all[self._start + self.size :] = _GUARD
        if self.spread:
            self.spread.lay(self.bytes, self.item, data)
        else:
            self.bytes[:] = np.frombuffer(data, dtype=np.uint8)

    def told(self) -> bytes:
        """Return the content, of a tensor in parts those parts."""
        if self.spread:
            return self.spread.gathered(self.bytes, self.item)
        data: bytes = self.bytes.tobytes()
        return data

    def keep(self) -> None:
        """Mend the guards and leave the content as the last call did."""
        self._all[: self._start] = _GUARD
        self._all[self._start + self.size :] = _GUARD

    @property
    def bytes(self) -> Any:
        """The tensor's own bytes."""
        return self._all[self._start : self._start + self.size]

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return self.address

    def guards_hold(self) -> bool:
        """Return whether nothing was written beside the buffer."""
        before, after = self._all[: self._start], self._all[self._start + self.size :]
        return bool((before == _GUARD).all() and (after == _GUARD).all())

    def forget(self) -> None:
        """Start a new launch: what the last one touched is in order from here on."""
        self.writers.fill(_NOBODY)
        self.readers.fill(_NOBODY)


class Watch:
    """The buffers of one call, and the program that runs."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.program = 0
        self.loads = self.stores = 0  # elements
        self.trace: Trace | None = None

    def begin(self, buffers: list[Buffer]) -> None:
        """Watch these buffers and no others."""
        self.loads = self.stores = 0
        self.buffers = sorted(buffers, key=lambda buffer: buffer.address)
        self._starts = np.array([buffer.address for buffer in self.buffers], dtype=np.uint64)

    def launch(self, *, traced: bool = False) -> Trace | None:
        """Start a launch; return what its programs are going to touch, where that is asked for."""
        for buffer in self.buffers:
            buffer.forget()
        self.trace = Trace() if traced else None
        return self.trace

    def load(self, pointers: Any, mask: Any) -> None:
        """Check the addresses of a load; raises ``TouchedWrongError``."""
        for buffer, index in self._parts(pointers, mask, "reads"):
            self.loads += index.size
            self._read(buffer, index)

    def store(self, pointers: Any, mask: Any) -> None:
        """Check the addresses of a store; raises ``TouchedWrongError``."""
        for buffer, index in self._parts(pointers, mask, "writes"):
            self.stores += index.size
            self._write(buffer, index)

    def _parts(self, pointers: Any, mask: Any, verb: str) -> list[tuple[Buffer, Any]]:
        mask = mask.astype(bool)  # some versions leave 0 and 1, which would be taken for places
        if not mask.all():
            pointers = pointers[np.broadcast_to(mask, pointers.shape)]
        addresses = pointers.ravel()
        if not addresses.size:
            return []
        first, last = self._owner(addresses.min()), self._owner(addresses.max())
        if first == last:  # nearly always: a load is of one tensor
            return [self._placed(first, addresses, verb)]
        owners = np.searchsorted(self._starts, addresses, side="right").astype(np.int64) - 1
        return [self._placed(int(o), addresses[owners == o], verb) for o in np.unique(owners)]

    def _owner(self, address: Any) -> int:
        return int(np.searchsorted(self._starts, np.uint64(address), side="right")) - 1

    def _placed(self, owner: int, addresses: Any, verb: str) -> tuple[Buffer, Any]:
        if owner < 0:
            raise TouchedWrongError(f"program {self.program} {verb} in front of every buffer")
        buffer = self.buffers[owner]
        offsets = addresses.astype(np.int64) - buffer.address
        if (offsets & (buffer.item - 1)).any():
            raise TouchedWrongError(f"program {self.program} {verb} across elements, {buffer.name}")
        index = offsets >> (buffer.item.bit_length() - 1)
        if (most := int(index.max())) >= buffer.count:
            raise TouchedWrongError(
                f"program {self.program} {verb} element {most} of {buffer.name}, "
                f"which has {buffer.count}"
            )
        if verb == "writes" and not buffer.writable:
            raise TouchedWrongError(f"program {self.program} writes {buffer.name}, an input")
        return buffer, index

    def _read(self, buffer: Buffer, index: Any) -> None:
        if not buffer.writable:
            return
        writers = buffer.writers[index]
        if ((writers != _NOBODY) & (writers != self.program)).any():
            raise TouchedWrongError(
                f"program {self.program} reads of {buffer.name} what another program of the same "
                "launch writes"
            )
        if self.trace:
            self.trace.note(self.program, "reads", buffer.name, index[writers == _NOBODY])
        readers = buffer.readers[index]
        ours = (readers == _NOBODY) | (readers == self.program)
        buffer.readers[index] = np.where(ours, self.program, _MANY)

    def _write(self, buffer: Buffer, index: Any) -> None:
        writers, readers = buffer.writers[index], buffer.readers[index]
        for touched, verb in ((writers, "writes"), (readers, "reads")):
            if ((touched != _NOBODY) & (touched != self.program)).any():
                raise TouchedWrongError(
                    f"program {self.program} writes of {buffer.name} what another program of the "
                    f"same launch {verb}"
                )
        places = np.arange(index.size, dtype=np.int32)
        buffer.readers[index] = places  # borrowed: of two equal places one is lost
        once = bool((buffer.readers[index] == places).all())
        buffer.readers[index] = readers
        if not once:
            raise TouchedWrongError(f"one store writes an element of {buffer.name} twice")
        buffer.writers[index] = self.program
        if self.trace:
            self.trace.note(self.program, "writes", buffer.name, index)


WATCH = Watch()


class _Watched:
    """The interpreter's only way to memory, behind the watch.

    An atomic is refused: the order in which programs reach it is not fixed, and what it touches
    could not be told from a race.
    """

    def __init__(self, native: Any) -> None:
        self._native = native

    def load(self, pointers: Any, mask: Any, *rest: Any) -> Any:
        """Check, then load."""
        WATCH.load(pointers, mask)
        return self._native.load(pointers, mask, *rest)

    def store(self, pointers: Any, value: Any, mask: Any) -> Any:
        """Check, then store."""
        WATCH.store(pointers, mask)
        return self._native.store(pointers, value, mask)

    def __getattr__(self, name: str) -> Any:
        """Hand out the constants that the interpreter's tables are made of, and no function."""
        found = getattr(self._native, name)
        if callable(found) and not isinstance(found, type):
            raise NotImplementedError(f"{name} in the interpreter")
        return found


def watch() -> None:
    """Have the interpreter of this process ask ``WATCH`` before each load and store."""
    from triton.runtime import interpreter

    # Arithmetic of this module that touches no memory stays as it is.
    kept = {
        name: getattr(interpreter._interpreter, name)
        for name in dir(interpreter._interpreter)
        if name.startswith("fma_")
    }
    watched = _Watched(interpreter._interpreter)
    vars(watched).update(kept)
    interpreter._interpreter = watched
