"""The container: what it is made of, what it may do, and that it outlives nobody."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import warnings
from pathlib import Path

import pytest

from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.options import DOCKER_IMAGE_SETTING
from pytest_compiledai.sandbox import docker_engine
from pytest_compiledai.sandbox import docker_image
from pytest_compiledai.sandbox import ladder
from pytest_compiledai.sandbox.docker import DockerSandbox
from pytest_compiledai.sandbox.inside.mux import Cutter
from pytest_compiledai.sandbox.inside.mux import Op
from pytest_compiledai.sandbox.inside.mux import pack

ROOT = Path(__file__).parents[3]
ECHO = Program(source=b"def f(data): return data", function="f")
SEVEN = [Answer(status=Status.VALUE, value=b"7")]

#: Opens a container, tells its number, and waits.
OWNER = """
import os, sys, time
from pytest_compiledai.core.calls import Program
from pytest_compiledai.sandbox.docker import DockerSandbox
sandbox = DockerSandbox()
sandbox.open(Program(source=b"def f(data): return data", function="f"))
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(30)
    os._exit(0)
print(sandbox._container.identity, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def docker():
    """Return a docker sandbox of this test alone."""
    try:
        made = DockerSandbox()
    except SandboxError as error:
        pytest.skip(str(error))
    made.open(ECHO).close()
    yield made
    made.close()


@pytest.fixture
def engine(docker):
    """Return a client of the engine."""
    return docker._engine._client


def is_gone(engine, identity: str, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while any(item["Id"] == identity for item in engine.api.containers(all=True)):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_the_container_has_no_rights(docker, engine) -> None:
    """The engine says of the container what the wall promises."""
    facts = engine.api.inspect_container(docker._container.identity)
    host = facts["HostConfig"]

    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["Privileged"] is False
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["IpcMode"] == "none"
    assert host["PidsLimit"] == docker_engine.PROCESSES
    assert host["Memory"] == host["MemorySwap"] == 2 << 30
    assert host["NanoCpus"] > 0
    assert host["LogConfig"]["Type"] == "none"
    assert host["AutoRemove"] is True
    assert not host["Binds"]
    assert facts["Config"]["User"] == "65534:65534"
    assert facts["Config"]["Labels"][docker_engine.OWNER] == str(os.getpid())


def test_closing_removes_the_container(docker, engine) -> None:
    """A closed sandbox leaves no container, and a later call starts another one."""
    before = docker._container.identity
    docker.close()

    assert is_gone(engine, before, within_s=1)
    with docker.open(ECHO) as session:
        assert session.call([b"7"]) == SEVEN
    assert docker._container.identity != before


@pytest.mark.parametrize("forked", [[], ["fork"]], ids=["alone", "with a forked copy"])
def test_a_killed_owner_leaves_no_container(engine, forked) -> None:
    """After SIGKILL of its owner the container ends by itself, whoever was forked from it."""
    owner = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", OWNER, *forked],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        identity = owner.stdout.readline().decode().strip()
        assert engine.containers.get(identity).status == "running"

        owner.kill()
        owner.wait()

        assert is_gone(engine, identity)
    finally:
        os.killpg(owner.pid, signal.SIGKILL) if forked else None
        owner.stdin.close()
        owner.stdout.close()


def test_a_forked_copy_neither_ends_nor_uses_the_container(docker) -> None:
    """A process forked from the asking one closes nothing that is not its own."""
    before = docker._container.identity
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of a fork beside threads, from 3.12 on
        copy = os.fork()
    if copy == 0:
        try:
            docker.close()
        finally:
            os._exit(0)
    os.waitpid(copy, 0)

    with docker.open(ECHO) as session:
        assert session.call([b"7"]) == SEVEN
    assert docker._container.identity == before


def test_a_killed_container_is_replaced(docker, engine) -> None:
    """A session whose container was killed starts again in a new one."""
    with docker.open(ECHO) as session:
        before = docker._container.identity
        engine.api.kill(before)
        assert is_gone(engine, before)

        assert session.call([b"7"]) == SEVEN
        assert docker._container.identity != before


def test_a_container_killed_during_a_call_is_an_error(docker, engine) -> None:
    """Calls whose container is gone are never answered with a value."""
    source = b"def f(data):\n    while True: pass"
    with docker.open(Program(source=source, function="f"), limits=Limits(call_s=20)) as session:
        timer = threading.Timer(0.3, engine.api.kill, [docker._container.identity])
        timer.start()
        with pytest.raises(SandboxError, match="docker sandbox"):
            session.call([b"7"])
        timer.join()


def test_a_flood_is_taken_no_faster_than_it_is_read(docker) -> None:
    """The relay stops reading a worker whose answers nobody takes."""
    source = b"def f(data): return 'x' * 900_000"
    with docker.open(Program(source=source, function="f")) as session:
        worker = session._worker
        first = session.call([b"1"])
        for number in range(40):
            worker.send(b"\0\0\0\x01" + bytes([number] * 16) + b"\x02" + b"1")
        time.sleep(0.5)

        held = worker._queue.qsize()
        assert first[0].status is Status.VALUE
        assert docker._container.stream._queues[worker._number] is worker._queue
        taken = sum(len(worker._queue.get()) for _ in range(held))

    assert 1_000_000 < taken <= (1 << 22) + (1 << 18)


def test_the_image_is_the_same_twice_and_holds_no_time(tmp_path) -> None:
    """Packing depends on nothing but the interpreter's files."""
    files = docker_image._files()
    digests = [docker_image._pack(str(tmp_path / name), files) for name in ("a.tar", "b.tar")]

    with tarfile.open(tmp_path / "a.tar") as tar:
        entries = tar.getmembers()
    assert digests[0] == digests[1]
    assert {(e.mtime, e.uid, e.gid, e.uname) for e in entries} == {(0, 0, 0, "")}
    assert not [e.name for e in entries if "site-packages" in e.name]


def test_an_image_is_made_once(engine, monkeypatch) -> None:
    """An interpreter that did not change is not packed again."""
    monkeypatch.setattr(docker_image, "_pack", lambda *_: pytest.fail("packed again"))

    assert docker_image.ensure_image(engine).startswith(f"{docker_image.REPOSITORY}:")


def test_an_image_that_is_not_there_is_never_fetched(docker) -> None:
    """A pinned image has to be in the engine before a run."""
    image = "python@sha256:" + "0" * 64
    with pytest.raises(SandboxError) as caught:
        DockerSandbox(image).open(ECHO)

    assert caught.value.where == DOCKER_IMAGE_SETTING
    assert caught.value.next == f"docker pull {image}"


def test_another_python_in_the_image_is_refused(docker, monkeypatch) -> None:
    """Verdicts are of the Python that runs pytest, wherever the code ran."""
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    docker.close()

    with pytest.raises(SandboxError, match=r"expected Python 3\.99, which runs pytest"):
        docker.open(ECHO)


def test_an_interpreter_that_does_not_start_says_why(docker, monkeypatch) -> None:
    """What the container wrote before it ended is in the message."""
    monkeypatch.setattr(docker_engine, "_bundle", lambda: (2).to_bytes(8, "big") + b"{}")
    docker.close()

    with pytest.raises(SandboxError, match="No module named 'inside'"):
        docker.open(ECHO)


def test_frames_of_the_relay_are_cut_wherever_the_stream_breaks() -> None:
    """Frames come out whole, whatever pieces they arrive in."""
    data = pack(Op.DATA, 7, b"abc") + pack(Op.END, 8) + pack(Op.DATA, 9, b"d" * 300)
    for size in (1, 5, 8, 9, 13, 400):
        cutter = Cutter()
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        found = [frame for piece in pieces for frame in cutter.cut(piece)]

        assert found == [(Op.DATA, 7, b"abc"), (Op.END, 8, b""), (Op.DATA, 9, b"d" * 300)]


def test_the_setting_has_one_name() -> None:
    """The engine's messages name the setting that pytest knows."""
    assert docker_engine.SETTING == DOCKER_IMAGE_SETTING


def test_auto_takes_docker_where_an_engine_answers(docker, monkeypatch) -> None:
    """The strongest backend that passes is taken, and there is nothing to explain."""
    monkeypatch.setattr(ladder, "_opened", {})

    found = ladder.open_sandbox("auto")
    found.close()

    assert (found.name, found.reason) == ("docker", "")
    assert found.wall.startswith("seccomp, ")


def test_a_container_without_memory_loses_the_worker_alone(docker, monkeypatch) -> None:
    """Beyond the container's memory the kernel ends the worker, and the next calls are answered."""
    docker.close()
    monkeypatch.setattr(docker_engine, "MEMORY", "200m")
    source = b"""
def f(data):
    kept = []
    while data: kept.append(bytearray(b'x' * 10_000_000))
    return data
"""
    limits = Limits(memory_mb=8000, call_s=30)
    with docker.open(Program(source=source, function="f"), limits=limits) as session:
        found = session.call([b"0", b"1", b"0"])

    assert [answer.status for answer in found] == [Status.VALUE, Status.MEMORY, Status.VALUE]


def test_the_engine_script_says_why_it_cannot_start_one(tmp_path) -> None:
    """Where there is neither an engine nor a way to install one, the reason is one line."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("id", "mkdir"):
        (tools / name).symlink_to(shutil.which(name))
    ran = subprocess.run(
        [shutil.which("bash"), ROOT / "scripts" / "engine", "start", tmp_path / "engine"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("no engine: ")
