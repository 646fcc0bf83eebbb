"""Thousands of recordings in one pack: how large it is, and what reading one of them costs.

    python -m bench.packs [--exchanges N] [--parts N] [--seed N] [--json FILE]

The exchanges are made up of words drawn by a seed, in the sizes of real ones: a system text that
all share, a request of 8 kB and an answer of 6 kB. They are packed in parts, as several people
would, and the parts joined; reading is measured in CPU time of a fresh reader and of a warm one.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_compiledai.llm import pack
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request

WORDS = 20_000  # of the made-up language
SHARED, ASKED, ANSWERED = 8_000, 8_000, 6_000  # characters


def exchanges(count: int, seed: int) -> Iterator[tuple[Request, Reply]]:
    """Yield made-up exchanges; equal for equal seeds."""
    chance = random.Random(seed)
    words = [
        "".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(WORDS)
    ]

    def text(size: int) -> str:
        lines = (" ".join(chance.choices(words, k=12)) for _ in range(size // 80))
        return "\n".join(lines)

    shared = text(SHARED)
    for number in range(count):
        messages = (
            Message(role="system", content=shared),
            Message(role="user", content=f"{number}\n{text(ASKED)}"),
        )
        request = Request(messages=messages, parameters={"temperature": 0.0}, sample=0)
        yield (
            request,
            Reply(model="made/up", text=text(ANSWERED), tokens_in=4_000, tokens_out=1_500),
        )


def measured(count: int, parts: int, seed: int) -> dict[str, Any]:
    """Pack, join, read; return sizes in bytes and times in CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = list(exchanges(count, seed))
        started = time.process_time()
        joined = root / "all" / "recordings.pack"
        joined.parent.mkdir()
        with joined.open("wb") as whole:
            for number in range(parts):
                part = root / f"part{number}"
                part.mkdir()
                for request, reply in made[number::parts]:
                    Recordings(part).store(request, reply)
                pack.pack(part, part / "recordings.pack")
                whole.write((part / "recordings.pack").read_bytes())
        packing = time.process_time() - started
        reader = Recordings(joined.parent)
        request, reply = made[count // 2]
        first = _timed(reader, request, reply)
        rest = [_timed(reader, *made[n]) for n in range(0, count, max(1, count // 100))]
        return {
            "exchanges": count,
            "parts": parts,
            "pack_bytes": joined.stat().st_size,
            "packing_s": round(packing, 2),
            "first_read_s": round(first, 3),
            "next_read_s": round(sorted(rest)[len(rest) // 2], 6),
        }


def _timed(reader: Recordings, request: Request, reply: Reply) -> float:
    started = time.process_time()
    found = reader.choose(request, model=reply.model, preferred=None)
    spent = time.process_time() - started
    if found is None or found.text != reply.text:
        raise SystemExit("found another answer than was recorded")
    return spent


def main() -> None:
    """Measure and print; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exchanges", type=int, default=5_000)
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measured(options.exchanges, options.parts, options.seed)
    size = found["pack_bytes"]
    print(
        f"{found['exchanges']:,} exchanges in {found['parts']} parts joined to one pack:"
        f" {size / 1e6:.1f} MB, {size / found['exchanges'] / 1e3:.1f} kB each\n"
        f"packing {found['packing_s']:.1f} s of CPU; the first read of one"
        f" {found['first_read_s']:.2f} s, each further one {found['next_read_s'] * 1e3:.2f} ms"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
