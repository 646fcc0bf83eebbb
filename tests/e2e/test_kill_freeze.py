"""A kill -9 at any moment leaves a tree that the next run finishes or drops.

The freezing happens in forks of a process of its own, which has one thread and is this file run
as a script: forking pytest itself would fork its threads' locks as well.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pytest_compiledai
from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.freeze import Freeze
from pytest_compiledai.core.freeze import recover
from pytest_compiledai.core.lock import Entry
from pytest_compiledai.core.lock import parse
from pytest_compiledai.core.verify import verify

MOMENTS = 100
LONGEST_S = 0.06  # a version takes some 20 ms to freeze
SEED = 20_240_607


def version_of(number: int) -> list[Artifact]:
    """Return five artifacts; every second version has another shape, so that files also go."""
    text = f"version {number}\n".encode()
    if number % 2:
        files = [{f"n{index}.py": text} for index in range(5)]
    else:
        files = [{f"n{index}/a": text, f"n{index}/b/c": text} for index in (0, 1)]
        files += [{f"n{index}.py": text} for index in (2, 3)] + [{"other.py": text}]
    return [Artifact(name=next(iter(f)).split("/")[0].removesuffix(".py"), files=f) for f in files]


def entry_of(made: Artifact, number: int) -> Entry:
    return Entry(
        name=made.name,
        kind="function",
        spec="specs/all.yaml",
        files=made.digests(),
        source="b" * 64,
        evidence="c" * 64,
        proposer=f"version {number}",
        attempts=1,
        target="python>=3.11",
        gates=("security@1",),
    )


def freeze_version(root: Path, number: int, step: Callable[[str], None] = lambda _: None) -> None:
    made = version_of(number)
    old = {one.name for one in version_of(number + 1)} - {one.name for one in made}
    freeze = Freeze(root / "compiled", root / "compiledai.lock", step=step)
    freeze.stage(made, [entry_of(one, number) for one in made], old)
    freeze.commit()


def fault_in(root: Path, allowed: set[int] | None = None) -> str:
    """Return what is wrong with the tree after recovery; empty when it is one whole version."""
    recover(root / "compiled", root / "compiledai.lock")
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}
    if not (root / "compiledai.lock").exists():
        return "" if not files and (allowed is None or -1 in allowed) else f"no lock but {files}"
    lock = parse((root / "compiledai.lock").read_bytes())
    numbers = {int(entry.proposer.split()[1]) for entry in lock.entries.values()}
    if len(numbers) != 1 or (allowed is not None and not numbers <= allowed):
        return f"versions {sorted(numbers)} in the lock, allowed {allowed}"
    want = {made.name for made in version_of(numbers.pop())}
    named = {f"compiled/{path}" for entry in lock.entries.values() for path in entry.files}
    if set(lock.entries) != want or files != named | {"compiledai.lock"}:
        return f"entries {sorted(lock.entries)}, files {sorted(files)}"
    findings = [verify(entry, root / "compiled", lock=lock) for entry in lock.entries.values()]
    return "; ".join(finding.message for found in findings for finding in found)


def standing_version(root: Path) -> int:
    """Return the version in the lock; -1 when there is no lock yet."""
    path = root / "compiledai.lock"
    entries = parse(path.read_bytes()).entries if path.exists() else {}
    return max((int(entry.proposer.split()[1]) for entry in entries.values()), default=-1)


def forked(work: Callable[[], None]) -> int:
    """Run ``work`` in a fork and return its process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a fork may not return into the driver's code
            os._exit(1)
        os._exit(0)
    return child


def ended_by(child: int) -> int:
    """Wait for ``child`` and return its exit status, the negative signal number after a kill."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stop_at(count: int) -> Callable[[str], None]:
    """Return a step function that kills its own process at the step number ``count``."""
    numbers = itertools.count()

    def step(_: str) -> None:
        if next(numbers) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def drive_random(root: Path) -> dict[str, object]:
    """Kill a run that freezes version after version, at random moments, and look each time."""
    moments = random.Random(SEED)
    faults: list[str] = []
    states: dict[str, int] = {}
    number, standing = 0, -1

    for moment in range(MOMENTS):
        reader, writer = os.pipe()

        def run(start: int = number, ready: int = writer) -> None:
            os.write(ready, b".")
            for version in itertools.count(start):
                freeze_version(root, version)
                os.write(ready, b".")

        child = forked(run)
        os.close(writer)
        os.read(reader, 1)
        # However busy the machine is, some moments come after a whole version.
        before = len(os.read(reader, 1)) if moment % 10 == 0 else 0
        time.sleep(moments.uniform(0, LONGEST_S))
        os.kill(child, signal.SIGKILL)
        status = ended_by(child)
        done = before + len(os.read(reader, 65536))
        os.close(reader)
        left = "nothing"
        if (root / "compiled" / ".next").exists():
            whole = (root / "compiled" / ".next" / "journal.json").exists()
            left = "a journal" if whole else "no journal"
        states[left] = states.get(left, 0) + 1
        # What was reported as frozen stands; the version under way may or may not.
        fault = fault_in(root, {number + done - 1 if done else standing, number + done})
        if fault or status != -signal.SIGKILL:
            faults.append(fault or f"status {status}")
        standing = standing_version(root)
        number += done + 1
    return {"faults": faults, "states": states, "versions": number}


def drive_steps(root: Path) -> dict[str, object]:
    """Kill at each single change of the disk, and then the recovery at each of its changes."""
    faults: list[str] = []
    kills = 0
    for count in itertools.count():
        died = False
        for again in itertools.count():
            tree = root / f"{count}-{again}"
            freeze_version(tree, 0)
            died = ended_by(forked(lambda t=tree, c=count: freeze_version(t, 1, stop_at(c)))) < 0
            kills += died
            empty = Freeze(tree / "compiled", tree / "compiledai.lock", step=stop_at(again))
            second = ended_by(forked(lambda freeze=empty: freeze.commit() and None)) < 0
            kills += second
            fault = fault_in(tree, {0, 1})
            if fault:
                faults.append(f"step {count}, then {again}: {fault}")
            if not second:
                break
        if not died:
            break
    return {"faults": faults, "steps": count, "kills": kills}


def drive_many(root: Path) -> dict[str, object]:
    """Let processes freeze an artifact each, ten times over, all at once."""

    def run(name: str) -> None:
        for number in range(10):
            made = Artifact(name=name, files={f"{name}.py": f"{number}".encode()})
            freeze = Freeze(root / "compiled", root / "compiledai.lock")
            freeze.stage([made], [entry_of(made, number)])
            freeze.commit()

    children = [forked(lambda name=f"p{index}": run(name)) for index in range(4)]
    statuses = [ended_by(child) for child in children]
    lock = parse((root / "compiledai.lock").read_bytes())
    findings = [verify(entry, root / "compiled", lock=lock) for entry in lock.entries.values()]
    versions = {name: entry.proposer for name, entry in lock.entries.items()}
    return {"statuses": statuses, "versions": versions, "faults": sum(map(len, findings))}


def driven(root: Path, name: str) -> dict[str, object]:
    here = str(Path(pytest_compiledai.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, __file__, name, str(root)],
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def test_a_kill_at_100_random_moments_leaves_one_whole_version(tmp_path: Path) -> None:
    """After each kill the next run sees the old state or the new one, never a mix, no leftovers."""
    report = driven(tmp_path, "random")

    assert report["faults"] == []
    # The moments fell into the middle of freezing, on both sides of the journal.
    assert report["states"]["a journal"] > 0
    assert report["states"]["no journal"] > 0
    assert report["versions"] > MOMENTS


def test_a_kill_at_every_single_step_leaves_one_whole_version(tmp_path: Path) -> None:
    """No change of the disk, nor of the recovery after it, is a moment at which a kill hurts."""
    report = driven(tmp_path, "steps")

    assert report["faults"] == []
    assert report["steps"] > 20
    assert report["kills"] > 100


def test_processes_that_freeze_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each of several runs at once adds to the lock that the one before it wrote."""
    report = driven(tmp_path, "many")

    assert report["statuses"] == [0, 0, 0, 0]
    assert report["versions"] == {f"p{index}": "version 9" for index in range(4)}
    assert report["faults"] == 0


if __name__ == "__main__":
    drivers = {"random": drive_random, "steps": drive_steps, "many": drive_many}
    sys.stdout.write(json.dumps(drivers[sys.argv[1]](Path(sys.argv[2]))))
