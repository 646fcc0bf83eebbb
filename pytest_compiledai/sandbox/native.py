"""The native sandbox: locked processes of this machine, no container, no root, no package.

It holds what Python code can do through system calls. It does not hide the machine's speed, and
a bug in the kernel's own seccomp or Landlock would be a bug in this wall.
"""

from __future__ import annotations

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.sandbox.pool import Pool
from pytest_compiledai.sandbox.worker import Worker
from pytest_compiledai.sandbox.zygote import Zygote


class NativeSandbox(Pool[Zygote]):
    """Zygotes and workers are processes of this machine."""

    name = "native"

    def _start(self, conditions: Conditions, granted: tuple[str, ...]) -> Zygote:
        return Zygote(conditions, granted)

    def _spawn(self, zygote: Zygote, limits: Limits, *, zones: bool) -> tuple[Worker, bytes]:
        born = zygote.fork(limits, zones=zones)
        return Worker(zygote, born, answer_bytes=limits.answer_bytes), born.nonce
