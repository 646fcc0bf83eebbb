"""The docker sandbox: the native lock-down once more, inside a container without network.

Two walls: what the lock-down holds, and around it the engine's namespaces, a read-only file system
and limits on memory and processes. One container serves a whole run; it stays warm.
"""

from __future__ import annotations

from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.sandbox.docker_engine import Container
from pytest_compiledai.sandbox.docker_engine import Engine
from pytest_compiledai.sandbox.docker_zygote import ContainerZygote
from pytest_compiledai.sandbox.pool import Pool
from pytest_compiledai.sandbox.worker import Worker


class DockerSandbox(Pool[ContainerZygote]):
    """Zygotes and workers are processes of one container.

    Raises ``SandboxError`` where no engine answers; ``image`` is the setting
    ``compiledai_docker_image``, empty for the image of the running interpreter.
    """

    name = "docker"

    def __init__(self, image: str = "") -> None:
        self._engine = Engine(image)
        self._container: Container | None = None
        super().__init__()

    def close(self) -> None:
        """End the container; a later call starts another one."""
        super().close()
        with self._lock:
            self._end()

    def _start(self, conditions: Conditions, granted: tuple[str, ...]) -> ContainerZygote:
        if self._container is not None and self._container.stream.lost:
            self._end()
        if self._container is None:
            self._container = self._engine.start()
        return ContainerZygote(self._container.stream, conditions, granted)

    def _spawn(
        self, zygote: ContainerZygote, limits: Limits, *, zones: bool
    ) -> tuple[Worker, bytes]:
        worker = zygote.fork(limits, zones=zones)
        return worker, worker.nonce

    def _end(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None
        self._engine.close()
