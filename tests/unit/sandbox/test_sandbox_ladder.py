"""Probes, and the refusal to execute anything where they fail."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox import ladder
from pytest_compiledai.sandbox.probes import CONTROL
from pytest_compiledai.sandbox.probes import PROBES
from pytest_compiledai.sandbox.probes import probe

ROOT = Path(__file__).parents[3]


class Fake:
    """A sandbox in which every call ends in the same way."""

    name = "fake"
    reason = ""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.closed = False

    def open(self, program, *, limits=None):
        return self

    def call(self, inputs):
        return [self.answer for _ in inputs]

    def call_fresh(self, program, inputs, *, limits=None):
        return self.call(inputs)

    def close(self) -> None:
        self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        pass


def names(failed: tuple[str, ...]) -> list[str]:
    return [line.partition(" (")[0] for line in failed]


def test_native_sandbox_passes_every_probe(sandbox) -> None:
    """The real wall holds each probe and lets the honest program through."""
    assert probe(sandbox) == ()


def test_sandbox_without_a_wall_fails_every_probe() -> None:
    """Attacks that return a value are failed probes."""
    open_door = Fake(Answer(status=Status.VALUE, value=b"3"))

    assert names(probe(open_door)) == [*(attack.name for attack in PROBES), CONTROL]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.VALUE])
def test_sandbox_in_which_everything_dies_fails(status) -> None:
    """The positive control fails where nothing works, whatever the attacks say."""
    assert CONTROL in names(probe(Fake(Answer(status=status, detail="dead"))))


def test_attack_that_was_never_loaded_proves_nothing() -> None:
    """An attack that failed while loading is a failed probe."""
    unloaded = Fake(Answer(status=Status.ERROR, detail="while loading: ImportError"))

    assert len(probe(unloaded)) == len(PROBES) + 1


def test_probes_of_an_attack_never_accept_a_value() -> None:
    """No probe counts a value as held, and names are unique."""
    assert all(Status.VALUE not in attack.held for attack in PROBES)
    assert len({attack.name for attack in PROBES}) == len(PROBES)


@pytest.fixture
def no_engine(monkeypatch, tmp_path):
    """Take every opened sandbox away, and the engine with it."""
    monkeypatch.setattr(ladder, "_opened", {})
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    yield
    for opened in ladder._opened.values():
        opened.close()


def test_open_sandbox_is_opened_once(no_engine) -> None:
    """One process probes once, and asks the same sandbox again."""
    assert ladder.open_sandbox("auto") is ladder.open_sandbox("native")


@pytest.mark.parametrize("wanted", ["none", ""])
def test_unknown_backend_is_refused(wanted) -> None:
    """An unknown backend is an error that names those there are."""
    with pytest.raises(SandboxError, match="expected one of auto, docker, native"):
        ladder.open_sandbox(wanted)


def test_auto_takes_native_where_no_engine_answers(no_engine) -> None:
    """Without an engine native is taken, and the reason is kept."""
    found = ladder.open_sandbox("auto")

    assert found.name == "native"
    assert found.reason.startswith("docker sandbox: ")


def test_docker_where_no_engine_answers_is_an_error_of_four_parts(no_engine) -> None:
    """Docker that was asked for is never replaced."""
    with pytest.raises(SandboxError) as caught:
        ladder.open_sandbox("docker")

    assert caught.value.where == "docker sandbox"
    assert caught.value.found
    assert caught.value.expected == "an engine that answers"
    assert "set DOCKER_HOST" in caught.value.next


def test_docker_without_its_package_says_what_to_install(monkeypatch) -> None:
    """The SDK is an extra."""
    monkeypatch.setattr(ladder, "_opened", {})
    monkeypatch.setitem(sys.modules, "docker", None)

    with pytest.raises(SandboxError, match=re.escape('pip install "pytest-compiledai[sandbox]"')):
        ladder.open_sandbox("docker")


def test_auto_passes_over_a_docker_that_fails_a_probe(no_engine, monkeypatch) -> None:
    """A container with a hole is closed, and the reason names the probe."""
    fake = Fake(Answer(status=Status.VALUE, value=b"3"))
    fake.name = "docker"
    monkeypatch.setattr("pytest_compiledai.sandbox.docker.DockerSandbox", lambda _: fake)

    found = ladder.open_sandbox("auto")

    assert found.name == "native"
    assert "docker sandbox: 15 failed probes: network: tcp" in found.reason
    assert fake.closed


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_platforms_need_docker(no_engine, monkeypatch, platform) -> None:
    """Without Linux and without an image nothing is executed, and the error says why."""
    monkeypatch.setattr(sys, "platform", platform)

    with pytest.raises(SandboxError) as caught:
        ladder.open_sandbox("auto")

    assert f"compiledai_docker_image: nothing, on {platform}" in caught.value.found
    assert f"native sandbox: the platform {platform}" in caught.value.found


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_platforms_ask_for_a_pinned_image(no_engine, monkeypatch, platform) -> None:
    """Docker without Linux needs an image, and the error says how to get and name one."""
    monkeypatch.setattr(sys, "platform", platform)

    with pytest.raises(SandboxError, match="NAME@sha256:DIGEST; next: docker pull python:3"):
        ladder.open_sandbox("docker")


def test_failed_probes_are_named_and_close_the_sandbox(monkeypatch) -> None:
    """A wall with a hole is not used, and the message says which probe failed."""
    fake = Fake(Answer(status=Status.VALUE, value=b"3"))
    monkeypatch.setattr(ladder, "_opened", {})
    monkeypatch.setattr("pytest_compiledai.sandbox.native.NativeSandbox", lambda: fake)

    with pytest.raises(SandboxError, match="network: tcp"):
        ladder.open_sandbox("native")

    assert fake.closed
    assert ladder._opened == {}


def test_probes_are_quick(sandbox) -> None:
    """Probing takes a fraction of a second; the bound is generous for a shared machine."""
    start = time.monotonic()
    probe(sandbox)

    assert time.monotonic() - start < 3


#: Forbids one system call to itself, then opens the sandbox and prints what comes of it.
CRIPPLED = """
import ctypes, struct, sys
steps = bytes.fromhex(sys.argv[1])
libc = ctypes.CDLL(None)
code = ctypes.create_string_buffer(steps, len(steps))
program = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(steps) // 8, ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_ulong(ctypes.addressof(program)), 0, 0) == 0
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.sandbox.ladder import open_sandbox
try:
    print("opened:", open_sandbox("native").wall)
except SandboxError as error:
    print("refused:", error)
"""


def crippled(*steps: tuple[int, int, int, int]) -> str:
    allow, refuse = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050026)  # ENOSYS
    code = b"".join(struct.pack("=HBBI", *step) for step in (*steps, allow, refuse))
    ran = subprocess.run(
        [sys.executable, "-c", CRIPPLED, code.hex()],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ran.stdout or ran.stderr


def test_kernel_without_seccomp_is_refused() -> None:
    """Where no filter can be set, nothing is executed."""
    prctl = {"x86_64": 157, "aarch64": 167}[os.uname().machine]
    said = crippled((0x20, 0, 0, 0), (0x15, 0, 2, prctl), (0x20, 0, 0, 16), (0x15, 1, 0, 22))

    assert said.startswith("refused: native sandbox: found OSError: [Errno 38]")


def test_kernel_without_landlock_is_tolerated_and_reported() -> None:
    """The system-call filter alone passes the probes, and the sandbox says what is missing."""
    said = crippled((0x20, 0, 0, 0), (0x15, 1, 0, 444))

    assert said.startswith("opened: seccomp, no landlock, uid ")


def test_modules_can_be_imported_elsewhere() -> None:
    """The asking side imports nothing that only a Unix system has."""
    code = (
        "import sys\n"
        "for name in ('fcntl', 'resource', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "import pytest_compiledai.sandbox.ladder, pytest_compiledai.sandbox.native\n"
        "import pytest_compiledai.sandbox.fresh, pytest_compiledai.sandbox.measuring\n"
        "import pytest_compiledai.sandbox.docker\n"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ran.stderr == ""
