"""Feed the readers of untrusted files with hostile input and count what they do with it.

    python -m bench.readers [--inputs 1000000] [--seed 1] [--reader NAME] [--json PATH]

Two processes make inputs from the examples and from planted seeds: bytes flipped, cut, doubled and
spliced, hostile tokens put in, parts of JSON values replaced, and bombs (depth, length, number).
A reader may return a value or raise the project's own error with a place in it. Everything else is
a finding: another exception, more than a second of processor time, more than 1.5 GiB of memory, a
process that dies, a file written. Input number N of a seed is the same on every machine with the
same examples, so that a finding can be looked at again: ``--only NAME:N``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from random import Random
from typing import Any

from bench.hostile import Maker
from bench.untrusted import Surroundings
from bench.untrusted_kinds import READERS
from bench.watch import Overtime
from bench.watch import Watch
from pytest_compiledai.core.errors import CompiledAIError

LIMIT_S = 1.0  # processor time of one input
MEMORY = 3 << 29  # bytes of address space of a process
PROCESSES = 2
STALLED_S = 60.0  # without progress: the process hangs where no signal reaches it
SHOWN = 40  # findings that are kept


@dataclass
class Tally:
    """What one reader did with its inputs."""

    values: int = 0
    errors: int = 0
    findings: int = 0
    slowest_s: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add what another process counted."""
        self.values += other.values
        self.errors += other.errors
        self.findings += other.findings
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.kinds.update(other.kinds)

    @property
    def inputs(self) -> int:
        """How many there were."""
        return self.values + self.errors + self.findings


@dataclass
class Campaign:
    """The tallies by reader, and the first findings."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)

    def tally(self, name: str) -> Tally:
        """Return the tally of a reader."""
        return self.tallies.setdefault(name, Tally())

    def add(self, other: Campaign) -> None:
        """Add what another process found."""
        for name, tally in other.tallies.items():
            self.tally(name).add(tally)
        self.findings = [*self.findings, *other.findings][:SHOWN]

    def as_json(self) -> dict[str, Any]:
        """Return JSON values."""
        rows = {
            name: {
                "inputs": tally.inputs,
                "values": tally.values,
                "errors": tally.errors,
                "findings": tally.findings,
                "slowest_s": round(tally.slowest_s, 3),
                "kinds": dict(sorted(tally.kinds.items())),
            }
            for name, tally in sorted(self.tallies.items())
        }
        return {
            "inputs": sum(tally.inputs for tally in self.tallies.values()),
            "findings": sum(tally.findings for tally in self.tallies.values()),
            "readers": rows,
            "first": self.findings,
        }


class Bench:
    """Runs single inputs, each under the watch."""

    def __init__(self, seed: int, folder: Path, watch: Watch) -> None:
        self.seed = seed
        self.watch = watch
        self.surroundings = Surroundings(folder)
        self.makers = {
            name: Maker(reader.seeds(self.surroundings), reader.tokens)
            for name, reader in READERS.items()
        }
        self.planted = _listing(folder)

    def input(self, name: str, number: int) -> bytes:
        """Return input ``number`` of the reader ``name``: always the same bytes."""
        return self.makers[name].make(Random(f"{self.seed}:{name}:{number}"))

    def run(self, name: str, number: int, campaign: Campaign) -> None:
        """Give one input to its reader and count what came of it."""
        data = self.input(name, number)
        tally = campaign.tally(name)
        found, took = self.watched(name, data)
        tally.slowest_s = max(tally.slowest_s, took)
        if took > self.watch.limit_s and not found.startswith("finding"):
            found = f"finding: {took:.1f} s of processor time"
        if found == "value":
            tally.values += 1
        elif found.startswith("error"):
            tally.errors += 1
            tally.kinds[found.removeprefix("error: ")] += 1
        else:
            tally.findings += 1
            tally.kinds[found.splitlines()[0]] += 1
            if len(campaign.findings) < SHOWN:
                sample = {
                    "reader": name,
                    "number": number,
                    "found": found,
                    "input": repr(data[:200]),
                }
                campaign.findings.append(sample)

    def watched(self, name: str, data: bytes) -> tuple[str, float]:
        """Return what a reader did with ``data``, and the processor time it took."""
        start = time.thread_time()
        try:
            self.watch.call(lambda: READERS[name].read(data, self.surroundings))
            found = "value"
        except CompiledAIError as error:
            found = f"error: {type(error).__name__}" if _has_place(error) else "finding: no place"
        except READERS[name].own as error:
            found = f"error: {type(error).__name__}"
        except Overtime:
            found = f"finding: more than {self.watch.limit_s:g} s of processor time"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            last = traceback.extract_tb(error.__traceback__)[-1]
            found = f"finding: {type(error).__name__}: {str(error)[:100]} at {last.name}\n"
        return found, time.thread_time() - start

    def left_behind(self) -> list[str]:
        """Return the files that readers wrote or removed; they may do neither."""
        return sorted(self.planted ^ _listing(self.surroundings.folder))


def _has_place(error: CompiledAIError) -> bool:
    return bool(str(error.where)) and bool(error.found) and bool(error.expected)


def _listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def turns(names: list[str], inputs: int) -> Iterator[tuple[str, int]]:
    """Yield (reader, number) in turn, cheap readers more often than dear ones."""
    order = [name for name in names for _ in range(READERS[name].share)]
    Random(0).shuffle(order)  # so that a part of a round meets all but the dearest
    for number in range(inputs):
        yield order[number % len(order)], number


def campaign(
    names: list[str], inputs: int, seed: int, *, part: int = 0, parts: int = 1
) -> Campaign:
    """Run one part of a campaign in this process and return its counts."""
    done = Campaign()
    with tempfile.TemporaryDirectory() as folder, Watch(LIMIT_S) as watch:
        bench = Bench(seed, Path(folder).resolve(), watch)
        for name, number in turns(names, inputs):
            if number // SLICE % parts == part:
                bench.run(name, number, done)
                _progress(part, number)
        for path in bench.left_behind():
            done.tally("files").findings += 1
            done.findings.append({"reader": "files", "found": f"written or removed: {path}"})
    return done


SLICE = 1000  # inputs that go to one process together
_counters: Any = None


def _progress(part: int, number: int) -> None:
    if _counters is not None:
        _counters[part] = number + 1


def _work(names: list[str], inputs: int, seed: int, part: int, *, counters: Any, pipe: Any) -> None:
    global _counters  # noqa: PLW0603 - one process, one campaign
    _counters = counters
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pipe.send(campaign(names, inputs, seed, part=part, parts=PROCESSES))


def spread(names: list[str], inputs: int, seed: int) -> Campaign:
    """Run a campaign over the processes; one that dies or stalls is a finding."""
    context = multiprocessing.get_context("fork")
    counters = context.Array("q", PROCESSES, lock=False)
    total = Campaign()
    workers = []
    for part in range(PROCESSES):
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(
            target=_work,
            args=(names, inputs, seed, part),
            kwargs={"counters": counters, "pipe": theirs},
        )
        worker.start()
        theirs.close()
        workers.append((part, worker, ours))
    for part, worker, pipe in workers:
        seen, since = -1, time.monotonic()
        while not pipe.poll(5):
            if counters[part] != seen:
                seen, since = counters[part], time.monotonic()
            if time.monotonic() - since > STALLED_S or not worker.is_alive():
                worker.kill()
                break
        try:
            total.add(pipe.recv())
        except EOFError:
            worker.join()
            found = (
                f"the process ended with {worker.exitcode} at input {counters[part] - 1} or after"
            )
            total.tally("process").findings += 1
            total.findings.append({"reader": "process", "found": found})
        worker.join()
    return total


def main() -> int:
    """Run a campaign, print its table and return 1 where there are findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", action="append", choices=sorted(READERS), default=[])
    parser.add_argument("--json", metavar="PATH")
    parser.add_argument("--only", metavar="NAME:N", help="write one input to standard output")
    wanted = parser.parse_args()
    if wanted.only:
        name, _, number = wanted.only.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(wanted.seed, Path(folder).resolve(), Watch(LIMIT_S))
            made = bench.input(name, int(number))
        os.write(sys.stdout.fileno(), made)
        return 0
    start = time.monotonic()
    names = wanted.reader or sorted(READERS)
    done = spread(names, wanted.inputs, wanted.seed)
    report = {
        **done.as_json(),
        "unasked": sorted({*names} - {*done.tallies}),
        "seed": wanted.seed,
        "wall_s": round(time.monotonic() - start, 1),
    }
    print(f"{'reader':14} {'inputs':>9} {'values':>9} {'errors':>9} {'findings':>8} {'slowest':>8}")
    for name, row in report["readers"].items():
        cells = f"{row['inputs']:9,} {row['values']:9,} {row['errors']:9,} {row['findings']:8,}"
        print(f"{name:14} {cells} {row['slowest_s']:6.2f} s")
    print(f"{report['inputs']:,} inputs, {report['findings']} findings, {report['wall_s']:,.0f} s")
    for sample in report["first"]:
        print(json.dumps(sample))
    if wanted.json:
        Path(wanted.json).write_text(f"{json.dumps(report, indent=1)}\n", encoding="utf-8")
    return int(report["findings"] > 0)


if __name__ == "__main__":
    sys.exit(main())
