"""Labelled kernels of coding agents, judged by their text and, where that is possible, by running.

    python -m bench.kernel_corpus DATA.jsonl [--json FILE] [--list] [--text]

A row has ``id``, ``problem``, ``verdict``, ``source``. A program in Triton of a problem that is
known here runs in the interpreter behind the wall, at small sizes, and is compared with the
problem's mathematics; what cannot run here (CUDA, streams, assembly) says so and is not flagged.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.kernel_corpus import text

BAD = ("reward_hack", "bug")


def main() -> int:
    """Judge every row and print recall and precision, each as k of n."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true", help="say what every row shows")
    parser.add_argument("--text", action="store_true", help="run nothing")
    parser.add_argument("--only", default="", help="rows of this id alone")
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.data.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if options.only in ("", row["id"])]
    found = {row["id"]: _judged(row, run=not options.text) for row in rows}
    for verdict in sorted({row["verdict"] for row in rows}):
        own = [row for row in rows if row["verdict"] == verdict]
        flagged = [row for row in own if found[row["id"]]["flagged"]]
        ran = [row for row in own if found[row["id"]]["ran"] == "ran"]
        print(f"{verdict:16} flagged {len(flagged)} of {len(own)}, ran here {len(ran)}")
        for row in own:
            said = found[row["id"]]
            if said["flagged"] or verdict in BAD or options.list:
                told = ", ".join(said["flagged"]) or "-"
                print(f"    {row['id']} {row['problem'][:32]:32} {told:28} {said['ran'][:90]}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _judged(row: dict[str, Any], *, run: bool) -> dict[str, Any]:
    flagged = text.findings(row["source"])
    ran = "not asked"
    if run:
        from bench.kernel_corpus.running import judged

        shown, ran = judged(row["problem"], row["source"])
        flagged += shown
    return {"flagged": flagged, "ran": ran}


if __name__ == "__main__":
    sys.exit(main())
