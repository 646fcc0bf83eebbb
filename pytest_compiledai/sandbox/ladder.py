"""Opens the strongest sandbox that passes its probes, once per process; never none."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any
from typing import Final

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.pool import Pool
from pytest_compiledai.sandbox.probes import probe

#: From the strongest down.
BACKENDS: Final = ("docker", "native")
WANTED: Final = ("auto", *BACKENDS)

_NEXT_ON_LINUX: Final = (
    "start Docker and pip install 'pytest-compiledai[sandbox]'; or run on Linux 5.13 or later, "
    "outside a container that forbids seccomp"
)
_NEXT_ELSEWHERE: Final = (
    "start Docker, pip install 'pytest-compiledai[sandbox]' and pin a Linux image in the setting "
    "compiledai_docker_image; or run on Linux"
)

_lock = threading.Lock()
#: By process (a forked copy of this one needs its own), what was asked for, and the image.
_opened: dict[tuple[int, str, str], Pool[Any]] = {}


def open_sandbox(wanted: str, *, image: str = "") -> Pool[Any]:
    """Return a sandbox that passed its probes in this process; its ``reason`` says why this one.

    ``image`` is the setting ``compiledai_docker_image``. Raises ``SandboxError`` when there is no
    sandbox: generated code is then not executed at all.
    """
    if wanted not in WANTED:
        raise SandboxError(
            where="--compile-sandbox",
            found=f"the sandbox {wanted!r}",
            expected="one of " + ", ".join(WANTED),
            next="run with --compile-sandbox auto",
        )
    with _lock:
        return _strongest(image) if wanted == "auto" else _once(wanted, image)


def _strongest(image: str) -> Pool[Any]:
    refused = []
    for backend in BACKENDS:
        try:
            sandbox = _once(backend, image)
        except SandboxError as error:
            refused.append(f"{error.where}: {error.found}")
        else:
            sandbox.reason = "; ".join(refused)
            return sandbox
    raise SandboxError(
        where="--compile-sandbox auto",
        found="; ".join(refused),
        expected="one backend that passes its probes: nothing is executed without",
        next=_NEXT_ON_LINUX if sys.platform == "linux" else _NEXT_ELSEWHERE,
    )


def _once(backend: str, image: str) -> Pool[Any]:
    key = (os.getpid(), backend, image)
    if key not in _opened:
        _opened[key] = _probed(_MAKE[backend], image)
    return _opened[key]


def _probed(make: Callable[[str], Pool[Any]], image: str) -> Pool[Any]:
    sandbox = make(image)
    try:
        failed = probe(sandbox)
    except BaseException:
        sandbox.close()
        raise
    if failed:
        sandbox.close()
        raise SandboxError(
            where=f"{sandbox.name} sandbox",
            found=f"{len(failed)} failed probes: {'; '.join(failed)}",
            expected="a wall that holds every probe and lets the positive control through",
            next="run on Linux 5.13 or later, outside a container that forbids seccomp",
        )
    return sandbox


def _native(image: str) -> Pool[Any]:
    del image  # its programs are those of this machine
    if sys.platform != "linux":
        raise SandboxError(
            where="native sandbox",
            found=f"the platform {sys.platform}",
            expected="Linux, whose kernel builds the wall",
            next="start Docker and run with --compile-sandbox docker",
        )
    from pytest_compiledai.sandbox.native import NativeSandbox  # needs Linux

    return NativeSandbox()


def _docker(image: str) -> Pool[Any]:
    from pytest_compiledai.sandbox.docker import DockerSandbox  # packs images, speaks to an engine

    return DockerSandbox(image)


_MAKE: Final = {"docker": _docker, "native": _native}
