"""What the audit says of public data with inputs and outputs, read as plain logs; no claim is made.

    python -m bench.audit_public [--data ../shared/data] [--json]

The answers of banking77 and bfcl are labels of people, not of a model; those of zeroeval are many
models' answers to questions that are known by their number alone. Folders that are missing are left
out and named.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_compiledai.audit.as_json import as_json
from pytest_compiledai.audit.as_text import as_text
from pytest_compiledai.audit.audited import audit

Records = Iterator[dict[str, Any]]


def banking77(folder: Path) -> Records:
    for name in ("train", "test"):
        with (folder / f"{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield {"site": "banking77", "input": row["text"], "output": row["category"]}


def bfcl(folder: Path) -> Records:
    for name in ("simple_python", "live_simple", "multiple", "parallel"):
        answers = {
            row["id"]: row["ground_truth"] for row in _lines(folder / f"{name}_answers.jsonl")
        }
        for row in _lines(folder / f"{name}.jsonl"):
            asked = {
                "question": row["question"][0][-1]["content"],
                "functions": [function["name"] for function in row["function"]],
            }
            calls = [_call(one) for one in answers[row["id"]]]
            output = calls[0] if len(calls) == 1 else calls
            yield {"site": f"bfcl/{name}", "input": json.dumps(asked), "output": output}


def _call(answer: dict[str, dict[str, list[Any]]]) -> dict[str, Any]:
    """Return the call of an answer, of each parameter the first value allowed."""
    ((name, parameters),) = answer.items()
    given = {key: values[0] for key, values in parameters.items() if values and values[0] != ""}
    return {"name": name, "arguments": given}


def zeroeval(folder: Path) -> Records:
    with gzip.open(folder / "zeroeval_answers.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["answer_norm"]:
                yield {
                    "site": f"zeroeval/{row['dataset']}",
                    "input": row["item_id"],
                    "output": row["answer_norm"],
                    "model": row["model"],
                }


def _lines(path: Path) -> Records:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


SETS: dict[str, Callable[[Path], Records]] = {
    "banking77": banking77,
    "bfcl": bfcl,
    "flow/zeroeval": zeroeval,
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "calls.jsonl"
        with log.open("w", encoding="utf-8") as file:
            for name, read in SETS.items():
                if not (options.data / name).is_dir():
                    print(f"left out: no {name} below {options.data}", file=sys.stderr)
                    continue
                file.writelines(json.dumps(record) + "\n" for record in read(options.data / name))
        found = audit([log])
    print(json.dumps(as_json(found), indent=2) if options.json else as_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
