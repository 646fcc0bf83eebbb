"""Containers of the runs under test of `bench.faults`: found by their owner, killed, counted."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.docker_engine import OWNER

GONE_S = 20.0  # what the engine may take to remove a container that ended


def answers() -> bool:
    """Return whether an engine answers, so that containers can be struck."""
    from pytest_compiledai.sandbox.docker_engine import Engine

    try:
        Engine("").close()
    except SandboxError:
        return False
    return True


class Containers:
    """The containers of this engine that work for processes of the campaign."""

    def __init__(self) -> None:
        import docker

        self._client: Any = docker.from_env()

    def of(self, pids: set[int]) -> list[str]:
        """Return the containers that work for one of the processes."""
        # Not the SDK's objects: those ask for each container again, which may be gone by then.
        found = self._client.api.containers(all=True, filters={"label": OWNER})
        return [item["Id"] for item in found if int(item["Labels"][OWNER]) in pids]

    def kill(self, pids: set[int]) -> bool:
        """Kill a container of the processes; False where there is none yet."""
        import docker.errors

        for identity in self.of(pids):
            with contextlib.suppress(docker.errors.APIError):
                self._client.api.kill(identity)
                return True
        return False

    def left(self, pids: set[int]) -> list[str]:
        """Return the containers that outlive their run; they are removed then."""
        import docker.errors

        end = time.monotonic() + GONE_S
        while (found := self.of(pids)) and time.monotonic() < end:
            time.sleep(0.1)
        for identity in found:
            with contextlib.suppress(docker.errors.APIError):
                self._client.api.remove_container(identity, force=True)
        return [f"container {identity[:12]} outlived its run" for identity in found]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def is_asked() -> bool:
    """Return whether the environment names an engine: the usual one may be anybody's."""
    return bool(os.environ.get("DOCKER_HOST"))
