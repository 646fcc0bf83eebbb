"""A random fault in each of many runs of a short compile, and what every run must keep.

    python -m bench.faults [--runs 1000] [--seed 1] [--jobs 2] [--kind KIND] [--json PATH]
    python -m bench.faults --planted --runs 40 [--kind BREAK]

Each run starts in a project that is new, frozen, or stale, and is struck once. Afterwards the lock
is valid or absent, its files are there with their digests, nothing half written lies outside
`compiled/.next/`, specs, golden rows and recordings are the same bytes. Then a plain
`pytest --compile` must end with the very bytes of a run without a fault, and no process and no
container is left. A journal that was ready has to be finished by a run that compiles nothing.
With `--planted` the one writer is broken on purpose, in one way after the other: each has to be
noticed.
The analysers' scans are answered from what they said once in the campaign, except in whole runs
(one in 50), which are `python -m pytest` and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench import fault_sites as sites
from bench.fault_breaks import BREAKS
from bench.fault_breaks import planted
from bench.fault_containers import Containers
from bench.fault_containers import answers
from bench.fault_containers import is_asked
from bench.fault_runs import LONGEST_S
from bench.fault_runs import Asked
from bench.fault_runs import Place
from bench.fault_runs import Run
from bench.fault_runs import become_subreaper
from bench.fault_runs import below
from bench.fault_runs import command_of
from bench.fault_runs import mount
from bench.fault_runs import orphans
from bench.fault_runs import start
from bench.fault_runs import unmount

MODEL = "bridge/tester"
ENDPOINT = ("hang", "flood", "usage", "429", "500", "cut", "junk", "empty", "length")
#: Kinds and how often each comes in a thousand runs.
WEIGHTS = {
    "kill the controller": 80,
    "kill the controller at a change": 110,
    "kill the controller in a freeze": 110,
    "interrupt the controller": 50,
    "kill an xdist worker": 40,
    "kill the zygote": 80,
    "kill a sandbox worker": 80,
    "kill the container": 40,
    "kill the controller over a container": 30,
    "full disk under the project": 110,
    "full disk under TMPDIR": 50,
    "read-only tree": 45,
    "a change is refused": 90,
    "the clock jumps": 40,
    **{f"endpoint: {name}": 5 for name in ENDPOINT},
}
#: Kinds that need a small disk of their own, which only root may mount.
MOUNTED = frozenset({"full disk under the project", "full disk under TMPDIR", "read-only tree"})
#: Kinds that need a container engine of which DOCKER_HOST tells.
CONTAINED = frozenset({"kill the container", "kill the controller over a container"})
DOCKER = ("--compile-sandbox", "docker")
WHOLE_EVERY = 50
STARTS = ("new", "new", "changed", "changed", "stale", "frozen")
#: Kinds that strike a freeze alone, and the starts from which there is one.
FREEZING = {
    "kill the controller in a freeze": ("changed",),
    "full disk under the project": ("new", "changed", "stale"),
}
LOCK = "compiledai.lock"
FOLDERS = ("root", "temp")  # of a run's place, whose changes are counted
SLOWER = 15  # times the seconds of a run without a fault, after which one hangs
HANG_S = 2.0  # a hanging endpoint is waited for so long, then the user interrupts
DISK_KB = 8192


def asked_of(name: str, *, arguments: tuple[str, ...] = (), **more: Any) -> Asked:
    """Return how a run from the start called ``name`` is started."""
    prune = ("--compile-prune",) if name == "changed" else ()
    return Asked(arguments=(*prune, *arguments), **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one run."""

    number: int
    kind: str
    start: str
    struck: bool  # the fault came before the run was over
    pending: bool  # it fell into a freeze: the journal was there
    healed: bool
    violations: list[str]
    seconds: float


class Campaign:
    """What the runs of one process share; only the starts that ``kinds`` need are made."""

    def __init__(self, folder: Path, seed: str, kinds: Collection[str]) -> None:
        self.folder = folder
        self.seed = seed
        self.memo = folder / "memo"
        self.memo.mkdir(parents=True, exist_ok=True)
        self.kept: set[int] = set()
        self.site = self._small()
        if any(FREEZING.get(kind) != ("changed",) for kind in kinds):
            self.site = self._first(self.site)
        self.containers = Containers() if is_asked() and answers() else None

    # The projects, and what runs without a fault make of them.

    def _small(self) -> sites.Site:
        """Return the start whose freeze writes over files and deletes one."""
        before = self._clean(sites.tiny(sites.BEFORE, "tiny", "gone"))
        kept = {p: d for p, d in before.items() if not p.startswith("specs/")}
        changed = kept | sites.tiny(sites.AFTER, "tiny")
        # A fault can fail the one unit while the other, whose spec is gone, is pruned as asked.
        wrong = self._clean(kept | sites.tiny(sites.WRONG, "tiny"), asked_of("changed"), code=1)
        return sites.Site(
            starts={"changed": changed},
            ends={"changed": self._clean(changed, asked_of("changed"))},
            rejected={"changed": wrong | sites.tiny(sites.AFTER, "tiny")},
            seconds={},
            changes=self._counted({"changed": changed}),
        )

    def _first(self, small: sites.Site) -> sites.Site:
        """Return the starts from the first spec, and the small one."""
        new = sites.sources()
        self.answers = sites.answers(new, self.folder / "scratch")
        older = self._clean(sites.older(new, self.folder / "scratch"))
        stale = older | {sites.GOLDEN: new[sites.GOLDEN]}
        starts = {"new": new, "stale": stale}
        changes = self._counted(starts)
        begun = time.monotonic()
        frozen = self._clean(new)
        seconds = time.monotonic() - begun
        assert frozen == self._clean(frozen), "a second run changes something"
        assert frozen == self._clean(stale), "a renewed entry is not the same as a new one"
        assert older["compiledai.lock"] != frozen["compiledai.lock"], "nothing is stale"
        live = sites.without_recordings(new)
        begun = time.monotonic()
        with self.endpoint([]) as environ:
            asked = self._clean(live, self.asking(environ))
        return sites.Site(
            starts={**small.starts, **starts, "frozen": frozen, "live": live},
            ends={
                **small.ends,
                **dict.fromkeys(("new", "frozen", "stale"), frozen),
                "live": asked,
            },
            rejected=small.rejected,
            seconds={"replay": seconds, "live": time.monotonic() - begun},
            changes={**small.changes, **changes},
        )

    def _counted(self, starts: Mapping[str, sites.Tree]) -> dict[tuple[str, str], tuple[int, int]]:
        return {
            (start, folder): (count, staging)
            for start, tree in starts.items()
            for folder, (count, staging) in zip(FOLDERS, self._changes(start, tree), strict=True)
        }

    def asking(self, environ: dict[str, str], **more: Any) -> Asked:
        """Return a run that may ask the endpoint of ``environ``."""
        return Asked(arguments=("--compile-model", MODEL), environ=environ, **more)

    def _clean(self, tree: sites.Tree, asked: Asked | None = None, *, code: int = 0) -> sites.Tree:
        """Return the tree after a run without a fault, which has to end with ``code``."""
        with self._place(tree) as place:
            run = start(place, asked or Asked())
            run.finish()
            assert run.code == code, place.log.read_text(encoding="utf-8")
            return sites.read_tree(place.root)

    def _changes(self, name: str, tree: sites.Tree) -> list[list[int]]:
        """Return the changes below each of the folders, and the first of them in a freeze."""
        with self._place(tree) as place:
            count = place.log.with_suffix(".count")
            watched = [{"below": str(getattr(place, folder))} for folder in FOLDERS]
            plan = {"changes": watched, "count": str(count)}
            start(place, asked_of(name, plan=plan)).finish()
            counts: list[list[int]] = json.loads(count.read_text(encoding="utf-8"))
            return counts

    @contextlib.contextmanager
    def _place(self, tree: sites.Tree, *, disk: str = "") -> Iterator[Place]:
        """Yield the folders of a run; ``disk`` names the one that is a small disk of its own."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="run-") as name:
            base = Path(name).resolve()
            place = Place(root=base / "root", temp=base / "temp", log=base / "log", memo=self.memo)
            place.root.mkdir()
            place.temp.mkdir()
            small = {"root": place.root, "temp": place.temp}.get(disk)
            if small is not None and not mount(
                "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(small)
            ):
                raise OSError("no tmpfs can be mounted")
            try:
                sites.write_tree(place.root, tree)
                yield place
            finally:
                if small is not None:
                    unmount(small)

    @contextlib.contextmanager
    def endpoint(self, faults: list[str]) -> Iterator[dict[str, str]]:
        """Yield the environment of a run against an endpoint that fails as planned."""
        module = sites.endpoint()
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), module.handler_of(module.Plan(faults, answers=self.answers))
        )
        server.daemon_threads = True
        pid = os.fork()  # a process of its own: this one has to stay without threads
        if pid == 0:
            try:
                server.serve_forever()
            finally:
                os._exit(0)
        server.socket.close()
        self.kept.add(pid)
        try:
            yield {
                "OPENAI_API_BASE": f"http://127.0.0.1:{server.server_port}/v1",
                "OPENAI_API_KEY": "unused",
            }
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.kept.discard(pid)

    # One run.

    def outcome(self, number: int, kind: str) -> Outcome:
        """Strike one run with a fault of ``kind`` and say what came of it."""
        begun = time.monotonic()
        chance = random.Random(f"{self.seed}-{number}")
        live = kind.startswith("endpoint")
        starts = FREEZING.get(kind, STARTS)
        name = "live" if live else chance.choice(starts)
        tree, end = self.site.starts[name], self.site.ends[name]
        ends = (end, self.site.rejected.get(name, end))
        disk = {"full disk under TMPDIR": "temp"}.get(kind, "root" if kind in MOUNTED else "")
        with self._place(tree, disk=disk) as place:
            case = _Case(self, place, chance, name, number)
            struck = case.strike(kind)
            after = sites.read_tree(place.root)
            wrong = sites.wrong_now(after, tree, *ends) + orphans(self.kept)
            if self.containers and kind in CONTAINED:
                wrong += self.containers.left(case.started)
            if case.code == pytest.ExitCode.INTERRUPTED and after.get(LOCK) != tree.get(LOCK):
                wrong.append("an interrupted run froze something")
            if case.code == 0:
                lost = sites.wrong_when_healed(after, tree, end)
                wrong += [f"it says that all is well, and {text}" for text in lost]
            if sites.is_ready(after):
                wrong += case.recover(sites.promised(after, ends))
            codes = case.heal(live=live)
            healed_tree = sites.read_tree(place.root)
            unhealed = sites.wrong_when_healed(healed_tree, tree, end)
            unhealed += [f"the run after the fault ended with {code}" for code in codes if code]
            if unhealed:
                keep = self.folder / f"log-{number}"
                shutil.copy(place.log, keep)
                unhealed.append(f"its output: {keep}")
            wrong += case.wrong + unhealed + orphans(self.kept)
            wrong += [f"{left.name} was left in TMPDIR" for left in place.temp.glob("compiledai-*")]
        return Outcome(
            number=number,
            kind=kind,
            start=name,
            struck=struck,
            pending=sites.is_pending(after),
            healed=not unhealed,
            violations=wrong,
            seconds=round(time.monotonic() - begun, 2),
        )


class _Case:
    """One run and its fault."""

    def __init__(
        self,
        campaign: Campaign,
        place: Place,
        chance: random.Random,
        name: str,
        number: int,
    ) -> None:
        self.campaign = campaign
        self.place = place
        self.name = name  # of the start
        self.chance = chance
        self.number = number
        self.whole = number % WHOLE_EVERY == 0
        self.wrong: list[str] = []
        self.code: int | None = None  # of the run that was struck
        self.started: set[int] = set()  # first processes of this case's runs

    def strike(self, kind: str) -> bool:
        """Start a run, let the fault happen, wait for the end; return whether it struck."""
        if kind.startswith("endpoint: "):
            return self._endpoint(kind.removeprefix("endpoint: "))
        ways = {
            "kill the controller": lambda: self._signal(signal.SIGKILL),
            "kill the controller at a change": lambda: self._change("kill"),
            "kill the controller in a freeze": self._freezing,
            "interrupt the controller": lambda: self._signal(
                self.chance.choice((signal.SIGINT, signal.SIGTERM))
            ),
            "kill an xdist worker": lambda: self._kill_below(_is_xdist, "-n", "2"),
            "kill the zygote": lambda: self._kill_below(_is_zygote),
            "kill a sandbox worker": lambda: self._kill_below(_is_worker),
            "kill the container": lambda: self._contained(kill=self._kill_container),
            "kill the controller over a container": lambda: self._contained(
                kill=lambda run: self._has_container(run) and not run.send(signal.SIGKILL)
            ),
            "full disk under the project": lambda: self._full(self.place.root, self._written_kb()),
            "full disk under TMPDIR": lambda: self._full(self.place.temp, 200),
            "read-only tree": self._read_only,
            "a change is refused": lambda: self._change(
                self.chance.choice(("ENOSPC", "EROFS", "EIO", "EACCES"))
            ),
            "the clock jumps": self._clock,
        }
        return ways[kind]()

    def recover(self, end: sites.Tree) -> list[str]:
        """Run without a unit, which only recovers; return what that left undone.

        A run that compiles would hide it: it writes again what recovering failed to finish.
        """
        self._run(self.asked(arguments=("-k", "no_unit_of_that_name")))
        return sites.wrong_when_recovered(sites.read_tree(self.place.root), end)

    def asked(self, **more: Any) -> Asked:
        """Return how a run of this case is started."""
        return asked_of(self.name, whole=self.whole, **more)

    def heal(self, *, live: bool) -> list[int | None]:
        """Run again without a fault, where a model was asked first with it; return the codes."""
        asked = []
        if live:
            with self.campaign.endpoint([]) as environ:
                asked.append(self._run(self.campaign.asking(environ, whole=self.whole)))
        asked.append(self._run(self.asked()))
        return [run.code for run in asked]

    def _run(self, asked: Asked) -> Run:
        return self._ended(start(self.place, asked))

    def _ended(self, run: Run) -> Run:
        """Wait for a run's end."""
        # A machine that is slow is slow without a fault too.
        longest_s = max(LONGEST_S, SLOWER * self._seconds("live"))
        if not run.finish(longest_s):
            self.wrong.append(f"it did not end within {longest_s:.0f} s")
        if self.code is None:
            self.code = run.code
        return run

    def _seconds(self, name: str = "replay") -> float:
        return self.campaign.site.seconds.get(name, 0.0) * (4 if self.whole else 1)

    def _signal(self, number: int) -> bool:
        run = start(self.place, self.asked())
        early = run.wait(self.chance.uniform(0, 1.05) * self._seconds())
        run.send(number)
        self._ended(run)
        return not early

    def _change(self, do: str) -> bool:
        which = self.chance.choice(("root", "root", "temp"))
        # What is frozen changes hardly anything: its count is that of another start.
        counted = "new" if self.name == "frozen" else self.name
        changes, _ = self.campaign.site.changes[counted, which]
        lasting = do != "kill" and self.chance.random() < 0.5
        return self._at(which, self.chance.randint(1, max(1, changes)), do, lasting=lasting)

    def _freezing(self) -> bool:
        """Kill at a change that freezes: each in its turn by the run's number, the last first."""
        changes, first = self.campaign.site.changes[self.name, "root"]
        last = changes - first + 1
        return self._at("root", last - self.number % last, "kill", freezing=True)

    def _at(self, which: str, at: int, do: str, **more: bool) -> bool:
        plan = {
            "below": str(getattr(self.place, which)),
            "at": at,
            "do": do,
            **more,
            "mark": str(mark := self.place.log.with_suffix(".struck")),
        }
        self._run(self.asked(plan={"changes": [plan]}))
        return mark.exists()

    def _kill_below(self, wanted: Any, *arguments: str) -> bool:
        run = start(self.place, self.asked(arguments=arguments))
        time.sleep(self.chance.uniform(0, 1) * self._seconds())
        struck = False
        while not struck and not run.wait(0.002):
            found = [pid for pid in below(run.pid) if wanted(pid)]
            if found:
                with contextlib.suppress(OSError):
                    os.kill(self.chance.choice(found), signal.SIGKILL)
                    struck = True
        self._ended(run)
        return struck

    def _contained(self, *, kill: Callable[[Run], bool]) -> bool:
        run = start(self.place, self.asked(arguments=DOCKER))
        self.started.add(run.pid)
        late_s = self.chance.uniform(0, 0.5) * self._seconds()
        struck = False
        while not struck and not run.wait(0.02):
            if late_s > 0 and self._has_container(run):
                run.wait(late_s)
                late_s = 0.0
            struck = late_s <= 0 and run.code is None and kill(run)
        self._ended(run)
        return struck

    def _has_container(self, run: Run) -> bool:
        containers = self.campaign.containers
        return containers is not None and bool(containers.of({run.pid}))

    def _kill_container(self, run: Run) -> bool:
        containers = self.campaign.containers
        return containers is not None and containers.kill({run.pid})

    def _written_kb(self) -> int:
        site = self.campaign.site
        return sites.written_kb(site.starts[self.name], site.ends[self.name])

    def _full(self, folder: Path, most_kb: int) -> bool:
        filler = folder / ".filler"
        free = self.chance.randint(0, most_kb) * 1024
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        size = filler.stat().st_size
        os.truncate(filler, max(0, size - free))
        run = self._run(self.asked())
        filler.unlink()
        return run.code != 0

    def _read_only(self) -> bool:
        late = self.chance.random() < 0.5
        if not late:
            mount("-o", "remount,ro", str(self.place.root))
        run = start(self.place, self.asked())
        if late:
            time.sleep(self.chance.uniform(0, 1) * self._seconds())
            while run.code is None and not mount("-o", "remount,ro", str(self.place.root)):
                run.wait(0.001)
        self._ended(run)
        mount("-o", "remount,rw", str(self.place.root))
        return run.code != 0

    def _clock(self) -> bool:
        days = self.chance.choice((-3650, -1, -0.04, 0.04, 1, 365, 36500))
        plan = {
            "at": self.chance.randint(0, 400),
            "wall_s": days * 86_400.0,
            "monotonic_s": self.chance.choice((0.0, 0.0, 3.0, 30.0, 3_600.0, 86_400.0)),
        }
        self._run(self.asked(plan={"clock": plan}))
        return True

    def _endpoint(self, fault: str) -> bool:
        count = self.chance.randint(1, 4)
        with self.campaign.endpoint([f"{fault}:{count}"]) as environ:
            run = start(self.place, self.campaign.asking(environ, whole=self.whole))
            if fault == "hang":
                run.wait(self._seconds("live") + HANG_S)
                run.send(signal.SIGINT)
            self._ended(run)
        return True


def _is_xdist(pid: int) -> bool:
    return any("execnet" in word or "sys.stdin.readline" in word for word in command_of(pid))


def _is_zygote(pid: int) -> bool:
    return _is_inside(pid) and not _is_inside(_parent(pid))


def _is_worker(pid: int) -> bool:
    return _is_inside(pid) and _is_inside(_parent(pid))


def _is_inside(pid: int) -> bool:
    return any(word.endswith("/sandbox/inside") for word in command_of(pid))


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


# The campaign.


def hindrance(kind: str) -> str:
    """Return why this machine does not let a fault of ``kind`` happen; empty where it does."""
    if kind in MOUNTED and (os.geteuid() != 0 or shutil.which("mount") is None):
        return "only root can mount a small disk"
    if kind in CONTAINED and not (is_asked() and answers()):
        return "DOCKER_HOST names no engine that answers"
    return ""


def kinds(runs: int, seed: str, only: str = "") -> list[str]:
    """Return the kind of fault of every run, in the proportion of the weights, shuffled."""
    weights = {
        kind: weight
        for kind, weight in WEIGHTS.items()
        if kind.startswith(only) and not hindrance(kind)
    }
    total = sum(weights.values())
    chosen: list[str] = []
    due = dict.fromkeys(weights, 0.0)
    for _ in range(runs):
        for kind, weight in weights.items():
            due[kind] += weight / total
        kind = max(due, key=lambda name: due[name])
        due[kind] -= 1
        chosen.append(kind)
    random.Random(seed).shuffle(chosen)
    return chosen


def noticed(most: int, seed: str, only: str = "") -> dict[str, dict[str, Any]]:
    """Print and return for each planted break after how many runs it was noticed, and how."""
    become_subreaper()
    _import_everything()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(
        prefix="compiledai-faults-", ignore_cleanup_errors=True
    ) as name:
        made = Campaign(Path(name).resolve(), seed, set(BREAKS.values()))
        for make, kind in BREAKS.items():
            if not make.__name__.startswith(only) or hindrance(kind):
                continue
            found[make.__name__] = {"kind": kind, "runs": most, "told": ""}
            for number in range(1, most + 1):
                with planted(make):
                    outcome = made.outcome(number, kind)
                if outcome.violations:
                    told = outcome.violations[0]
                    found[make.__name__] = {"kind": kind, "runs": number, "told": told}
                    break
            item = found[make.__name__]
            told = item["told"] or "NOTHING"
            print(f"{make.__name__:22}{kind:34}{item['runs']:5}  {told[:90]}", flush=True)
    return found


def campaign(numbers: range, planned: list[str], seed: str) -> Iterator[Outcome]:
    """Yield the outcome of every run of this process, as it comes."""
    become_subreaper()
    _import_everything()
    with tempfile.TemporaryDirectory(
        prefix="compiledai-faults-", ignore_cleanup_errors=True
    ) as name:
        made = Campaign(Path(name).resolve(), seed, set(planned))
        for number in numbers:
            yield made.outcome(number, planned[number])


def _import_everything() -> None:
    """Pay for the imports once, before the forks."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    import hypothesis.strategies
    import litellm

    import pytest_compiledai.bench
    import pytest_compiledai.collect
    import pytest_compiledai.functions.kind
    import pytest_compiledai.gates.smoke
    import pytest_compiledai.llm.client
    import pytest_compiledai.sandbox.native
    import pytest_compiledai.session

    del hypothesis, litellm, pytest_compiledai
    gc.freeze()  # or every run would look through what it did not make


def main() -> int:
    """Run the campaign in some processes and print one table; 1 where something must not be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kind", default="", help="only kinds that begin so")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--planted", action="store_true", help="break the writer on purpose: is it noticed?"
    )
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.planted:
        return _planted(options)
    planned = kinds(options.runs, options.seed, options.kind)
    if options.share is not None:
        for outcome in campaign(
            range(options.share, options.runs, options.jobs), planned, options.seed
        ):
            print(json.dumps(asdict(outcome)), flush=True)
        return 0
    begun = time.monotonic()
    outcomes = _in_processes(options)
    document = summary(outcomes) | {
        "seed": options.seed,
        "asked": options.runs,
        "wall_s": round(time.monotonic() - begun, 1),
        "known": len(WEIGHTS),
        "cannot": {
            kind: why
            for kind in WEIGHTS
            if kind.startswith(options.kind) and (why := hindrance(kind))
        },
    }
    print(table(document))
    if options.json:
        options.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return int(document.get("violations", 1) > 0 or document.get("runs", 0) < options.runs)


def _planted(options: argparse.Namespace) -> int:
    print(f"{'planted break':22}{'struck by':34}{'runs':>5}  what was noticed", flush=True)
    found = noticed(options.runs, options.seed, options.kind)
    if options.json:
        cannot = {
            make.__name__: why
            for make, kind in BREAKS.items()
            if make.__name__.startswith(options.kind) and (why := hindrance(kind))
        }
        document = {"breaks": found, "cannot": cannot}
        options.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    return int(not found or any(not item["told"] for item in found.values()))


def _in_processes(options: argparse.Namespace) -> list[Outcome]:
    command = [sys.executable, "-m", "bench.faults", *sys.argv[1:]]
    started = [
        subprocess.Popen([*command, "--share", str(share)], stdout=subprocess.PIPE, text=True)
        for share in range(options.jobs)
    ]
    texts = [child.communicate()[0] for child in started]
    return [Outcome(**json.loads(line)) for text in texts for line in text.splitlines()]


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the counts by kind and in all, and every violation."""
    by_kind = {}
    for kind in WEIGHTS:
        of = [outcome for outcome in outcomes if outcome.kind == kind]
        if of:
            by_kind[kind] = {
                "runs": len(of),
                "struck": sum(outcome.struck for outcome in of),
                "pending": sum(outcome.pending for outcome in of),
                "healed": sum(outcome.healed for outcome in of),
                "violations": sum(bool(outcome.violations) for outcome in of),
            }
    totals: Counter[str] = Counter()
    for counts in by_kind.values():
        totals.update(counts)
    return {
        **totals,
        "kinds": by_kind,
        "wrong": [asdict(outcome) for outcome in outcomes if outcome.violations],
    }


def table(document: dict[str, Any]) -> str:
    """Return the counts as text."""
    columns = ("runs", "struck", "pending", "healed", "violations")
    lines = [f"{'fault':34}" + "".join(f"{name:>11}" for name in columns)]
    rows = [*document["kinds"].items(), ("all", document)]
    lines += [
        f"{kind:34}" + "".join(f"{counts.get(name, 0):11}" for name in columns)
        for kind, counts in rows
    ]
    lines += [
        f"run {wrong['number']} ({wrong['kind']}, {wrong['start']}): {text}"
        for wrong in document["wrong"]
        for text in wrong["violations"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
