"""Probes, and the refusal to execute anything where they fail."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("wanted", ["native", "auto"])
def test_open_sandbox_is_opened_once(wanted) -> None:
    """One process probes once, and asks the same sandbox again."""
    assert ladder.open_sandbox(wanted) is ladder.open_sandbox("native")


@pytest.mark.parametrize("wanted", ["docker", "none", ""])
def test_backend_that_is_not_there_is_refused(wanted) -> None:
    """An unknown or absent backend is an error that names native."""
    with pytest.raises(SandboxError, match="native"):
        ladder.open_sandbox(wanted)


def test_other_platforms_are_refused(monkeypatch) -> None:
    """Without Linux there is no native sandbox."""
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(SandboxError, match="darwin"):
        ladder.open_sandbox("auto")


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
    print("opened:", open_sandbox("auto").wall)
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
