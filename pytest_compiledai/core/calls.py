"""Calls of generated code, as values: what a gate asks a sandbox for, and what comes back.

The classes here know nothing of processes; ``sandbox/`` implements the two protocols.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Protocol
from typing import Self


class Status(enum.StrEnum):
    """How one call of generated code ended."""

    VALUE = "value"  # returned plain JSON data
    ABSTAIN = "abstain"  # raised Abstain
    ERROR = "error"  # raised anything else
    NOT_PLAIN = "not-plain"  # returned something that is not plain JSON data
    TOO_LARGE = "too-large"  # the answer exceeds the output cap
    TIMEOUT = "timeout"  # wall clock or CPU limit; the process group was killed
    MEMORY = "memory"  # MemoryError, or the kernel refused memory and the worker died of it
    VIOLATION = "violation"  # a forbidden system call: the kernel killed the worker
    CRASH = "crash"  # the worker died in any other way, or sent an unreadable or forged frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call of generated code gave."""

    status: Status
    value: bytes = b""  # canonical JSON when status is VALUE, else empty
    detail: str = ""  # exception type and message, or what killed the worker; capped, one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A module to be loaded inside the sandbox and the function in it to call."""

    source: bytes  # UTF-8 Python
    function: str
    modules: tuple[str, ...] = ()  # standard library modules granted beyond the allow-list
    #: Keyword arguments made inside the worker: name -> {"kind": "clock" | "random"},
    #: {"kind": "call", "table": {canonical input JSON: output}} or
    #: {"kind": "tensors", "tensors": {name: base64 of the bytes}}.
    capabilities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Data files handed in by name, as plain bytes (used by later kinds).
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Surroundings that must not change an answer."""

    hash_seed: int = 0  # PYTHONHASHSEED of the process that loads the program
    timezone: str = "UTC"  # TZ
    locale: str = "C.UTF-8"  # LC_ALL; falls back to C where the system lacks it


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one worker."""

    call_s: float = 2.0  # wall clock of one call
    cpu_s: int = 60  # CPU seconds of the worker's whole life
    memory_mb: int = 512  # address space
    answer_bytes: int = 1_000_000  # one answer
    output_bytes: int = 64_000  # what the program may print before it is cut off


class Session(Protocol):
    """One loaded program in one locked worker. Use as a context manager."""

    def call(self, inputs: Sequence[bytes]) -> list[Answer]:
        """Call the function on each input (canonical JSON) in order, one batch, one process.

        A call that kills the worker gets its own answer; the rest goes on in a fresh worker.
        Never raises for what the program does.
        """

    def measure(self, inputs: Sequence[bytes], *, rounds: int, warmup: int) -> list[list[int]]:
        """Return CPU nanoseconds of each call, one list a round, inputs in order.

        ``warmup`` unmeasured passes over the inputs come first. Raises ``SandboxError`` when the
        program cannot be measured (it dies, or a call does not end).
        """

    @property
    def load_ns(self) -> int:
        """The CPU nanoseconds that loading took the worker of the last ``measure``."""

    def kept(self, inputs: Sequence[bytes]) -> Answer:
        """Return, as a JSON list, the names of the module that further calls leave changed.

        The inputs are called twice, all in one worker. Another status than a value says why
        the two could not be compared.
        """

    def close(self) -> None:
        """End the worker and its process group."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Sandbox(Protocol):
    """Where generated code runs: a backend that passed its probes."""

    name: str  # "native", "docker"

    def open(
        self, program: Program, *, conditions: Conditions = ..., limits: Limits = ...
    ) -> Session:
        """Load ``program`` in a locked worker.

        A program that fails to load answers every call with the status of that failure; only a
        broken backend raises ``SandboxError``.
        """

    def call_fresh(
        self,
        program: Program,
        inputs: Sequence[bytes],
        *,
        conditions: Conditions = ...,
        limits: Limits = ...,
    ) -> list[Answer]:
        """Call the function on each input in a fresh process of its own: no state can be shared."""

    def seconds(self) -> float:
        """Return the wall seconds this process has spent waiting for the sandbox so far."""

    def close(self) -> None:
        """End every process of this backend."""
