"""Every campaign that asks whether a gate can be fooled, one after the other, and how each ended.

    python -m bench.trust [--full] [--json PATH]

Each campaign prints its own table. Without `--full` the long ones run in a short, seeded form.
A campaign that finds something ends with another exit code than 0; so does this command.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


#: The parts of `bench.injection` that take a minute together.
INJECTED = ("data", "fencing", "planted", "asked", "detection")


class Campaign(NamedTuple):
    """What is asked, by which module of `bench/`, and its arguments in the two forms."""

    name: str
    asks: str
    short: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    module: str = ""  # where it is not the name


CAMPAIGNS = (
    Campaign("escapes", "does a hostile program leave the sandbox, or fool a gate?"),
    Campaign("security", "how much dangerous code is refused, how much clean code?"),
    Campaign(
        "mutation",
        "which gate kills a mutant of a frozen function?",
        short=("--mutants", "10"),
        full=("--mutants", "80"),
    ),
    Campaign(
        "readers",
        "does an input crash or hang a reader?",
        short=("--inputs", "20000"),
        full=("--inputs", "1000000"),
    ),
    Campaign(
        "injection",
        "does text in a spec, a row or an input become an instruction?",
        short=tuple(f"--part={name}" for name in INJECTED),
    ),
    Campaign(
        "faults",
        "does a fault leave a broken lock, a lost file or an orphan?",
        short=("--runs", "40"),
        full=("--runs", "1000"),
    ),
    Campaign(
        "planted",
        "are planted breaks of the one writer noticed by the faults?",
        short=("--planted", "--runs", "16"),
        full=("--planted", "--runs", "40"),
        module="faults",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one campaign ended."""

    name: str
    asks: str
    code: int
    seconds: float


def main() -> int:
    """Run every campaign; return 1 when any of them did not end well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the long form of each campaign")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    endings = [run(campaign, full=options.full) for campaign in CAMPAIGNS]
    print(f"\n{'campaign':10} {'ended':>8} {'seconds':>8}  asks")
    for item in endings:
        ended = "well" if item.code == 0 else f"code {item.code}"
        print(f"{item.name:10} {ended:>8} {item.seconds:8.0f}  {item.asks}")
    if options.json:
        text = json.dumps([asdict(item) for item in endings], indent=2)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    return int(any(item.code for item in endings))


def run(campaign: Campaign, *, full: bool) -> Ending:
    """Run one campaign in a process of its own, its output on this terminal."""
    arguments = campaign.full if full else campaign.short
    print(f"\n== {campaign.name}: {campaign.asks}", flush=True)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{campaign.module or campaign.name}", *arguments],
        cwd=ROOT,
        check=False,
    )
    seconds = time.monotonic() - start
    return Ending(name=campaign.name, asks=campaign.asks, code=done.returncode, seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
