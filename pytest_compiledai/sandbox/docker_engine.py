"""The container engine: found quickly or not at all, and asked for one locked-up container."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import sys
from pathlib import Path
from queue import Empty
from typing import Any
from typing import Final
from urllib.parse import urlsplit

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.docker_image import ensure_image
from pytest_compiledai.sandbox.docker_image import interpreter
from pytest_compiledai.sandbox.docker_stream import Stream
from pytest_compiledai.sandbox.zygote import passed_on

#: As `options.py` registers it, which this side does not import.
SETTING: Final = "compiledai_docker_image"
OWNER: Final = "compiledai.owner"  # a label: the process that a container works for
FIND_S: Final = 1.0  # for an engine to answer, so that `auto` costs little where none does
ASK_S: Final = 60.0
START_S: Final = 30.0
MEMORY: Final = "2g"  # of all workers together; each has its own, smaller limit
PROCESSES: Final = 128
_NOBODY: Final = "65534:65534"
_DEFAULT: Final = "unix:///var/run/docker.sock" if os.name == "posix" else ""

#: Loads the package ``inside`` from the texts that come first on standard input: a container needs
#: no file of ours, whatever image it is made of.
_BOOT: Final = """
import importlib.machinery, json, os, sys
def take(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit("an end of input before its sources")
        data += more
    return data
head = take(8)
bundle = head + take(int.from_bytes(head, "big"))
class Sources:
    texts = json.loads(bundle[8:])
    def find_spec(self, name, path=None, target=None):
        if name in self.texts:
            return importlib.machinery.ModuleSpec(name, self, is_package=name == "inside")
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(self.texts[module.__name__], module.__name__, "exec"), module.__dict__)
sys.meta_path.insert(0, Sources())
role, *rest = sys.argv[1:]
if role == "zygote":
    from inside.zygote import main
    main(int(rest[0]), int(rest[1]), rest[2:])
else:
    from inside.relay import main
    main(rest[0], bundle)
"""


class Engine:
    """An engine that answered."""

    def __init__(self, image: str) -> None:
        """Find the engine; ``image`` is the setting. Raises ``SandboxError`` for no engine."""
        _check_platform(image)
        self._client = _client()
        self._image = image

    def start(self) -> Container:
        """Return a container whose relay answered."""
        import docker.errors  # a heavy import, needed by this backend alone

        try:
            if self._image:
                self._find_image()
                return Container(self._client, self._image, "python3", {})
            image = ensure_image(self._client)
            return Container(self._client, image, str(interpreter()), passed_on())
        except (docker.errors.DockerException, OSError) as error:
            raise broken(_line(error)) from error

    def close(self) -> None:
        """Close the connections to the engine."""
        self._client.close()

    def _find_image(self) -> None:
        import docker.errors

        try:
            self._client.images.get(self._image)
        except docker.errors.ImageNotFound as error:
            raise SandboxError(
                where=SETTING,
                found=f"no image {self._image} in the engine",
                expected="an image that is there: nothing is fetched during a run",
                next=f"docker pull {self._image}",
            ) from error


class Container:
    """One container with a relay: no network, nothing to write, no rights, and limits on the rest.

    It ends when its standard input does, so it outlives this process by nothing; the engine then
    removes it.
    """

    def __init__(self, client: Any, image: str, python: str, environment: dict[str, str]) -> None:
        self._client = client
        self._container = client.containers.create(
            image,
            [python, "-s", "-S", "-P", "-c", _BOOT, "relay", _BOOT],
            stdin_open=True,
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            user=_NOBODY,
            ipc_mode="none",
            pids_limit=PROCESSES,
            mem_limit=MEMORY,
            memswap_limit=MEMORY,
            nano_cpus=min(2, client.info()["NCPU"]) * 10**9,
            log_config={"Type": "none"},
            auto_remove=True,
            environment=environment,
            labels={OWNER: str(os.getpid())},
            working_dir="/",
        )
        self.stream = self._attached()
        try:
            self._container.start()
            self.stream.send_raw(_bundle())
            self._check(self._hello())
        except BaseException:
            self.close()
            raise

    @property
    def identity(self) -> str:
        """The engine's number of this container."""
        return str(self._container.id)

    def close(self) -> None:
        """End the container and wait until it is removed, a moment at most."""
        import docker.errors
        import requests

        self.stream.close()
        if not self.stream.is_ours:
            return  # a forked copy of the asking process: the container is not its own
        gone = (docker.errors.DockerException, requests.RequestException)
        with contextlib.suppress(*gone):
            self._container.wait(condition="removed", timeout=FIND_S * 5)
            return
        with contextlib.suppress(*gone):
            self._container.remove(force=True)

    def _attached(self) -> Stream:
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = self._container.attach_socket(params=wanted)
        raw = getattr(attached, "_sock", attached)
        raw.settimeout(None)
        return Stream(raw, attached)

    def _hello(self) -> dict[str, Any]:
        try:
            said = self.stream.hello.get(timeout=START_S)
        except Empty as error:
            raise broken(f"no word from the container within {START_S:g} s") from error
        if said is None:
            raise broken(self.stream.said() or "a container that ended before its first word")
        facts: dict[str, Any] = json.loads(said)
        return facts

    def _check(self, facts: dict[str, Any]) -> None:
        ours = list(sys.version_info[:2])
        if facts["python"] != ours:
            raise SandboxError(
                where=SETTING,
                found=f"Python {'.'.join(map(str, facts['python']))} in the image",
                expected=f"Python {'.'.join(map(str, ours))}, which runs pytest",
                next=f"choose an image of Python {'.'.join(map(str, ours))}",
            )


def _check_platform(image: str) -> None:
    if not image and sys.platform != "linux":
        version = ".".join(map(str, sys.version_info[:2]))
        raise SandboxError(
            where=SETTING,
            found=f"nothing, on {sys.platform}",
            expected="a Linux image of this Python, pinned by its digest: NAME@sha256:DIGEST",
            next=f"docker pull python:{version}-slim; docker images --digests python",
        )


def _client() -> Any:
    if not _has_sdk():
        raise _absent("no package docker", 'pip install "pytest-compiledai[sandbox]"')
    following = "start the engine, or set DOCKER_HOST"
    try:
        _knock(os.environ.get("DOCKER_HOST") or _DEFAULT)
    except (OSError, ValueError) as error:
        raise _absent(_line(error), following) from error
    import docker
    import docker.errors

    try:
        client = docker.from_env(timeout=FIND_S)  # asks for the engine's version
    except (docker.errors.DockerException, OSError) as error:
        raise _absent(_line(error), following) from error
    client.api.timeout = ASK_S
    return client


def _knock(url: str) -> None:
    """Raise ``OSError`` where nobody listens; the SDK would tell later, and leave a socket open."""
    place = urlsplit(url)
    if place.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(FIND_S)
            try:
                knocking.connect(place.path)
            except OSError as error:
                raise OSError(f"{place.path}: {error.strerror or error}") from error
    elif place.scheme in ("tcp", "http", "https"):
        socket.create_connection((place.hostname or "", place.port or 2375), FIND_S).close()


def _has_sdk() -> bool:
    try:
        return importlib.util.find_spec("docker") is not None
    except ValueError:  # found before, and taken away
        return False


def _absent(found: str, following: str) -> SandboxError:
    return SandboxError(
        where="docker sandbox",
        found=found,
        expected="an engine that answers",
        next=f"{following}; or run with --compile-sandbox native on Linux",
    )


def broken(found: str) -> SandboxError:
    """Return the error of a container that does not do its work."""
    return SandboxError(
        where="docker sandbox",
        found=found,
        expected="a container that starts and answers",
        next="docker info; or run with --compile-sandbox native on Linux",
    )


def _bundle() -> bytes:
    """Return the sources of ``inside``, as the container reads them first."""
    folder = Path(__file__).with_name("inside")
    texts = {
        "inside" if path.stem == "__init__" else f"inside.{path.stem}": path.read_text("utf-8")
        for path in sorted(folder.glob("*.py"))
    }
    data = json.dumps(texts).encode()
    return len(data).to_bytes(8, "big") + data


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
