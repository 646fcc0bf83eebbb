"""From a model's call to frozen code and on, as its inputs change: one script, replayed offline.

    python examples/progressive/progressive.py [--model NAME]

A bookkeeping program asks a model what each line of a bank statement was bought for. Month one is
its log. The log is audited, the call is compiled, production runs the frozen code with the model as
its fallback and samples what comes in. In month two new kinds of merchants turn up: the drift gate
says so and proposes golden rows, and the call is compiled again.

Every answer of a model in here was given by a real one and is replayed: the logs hold its answers to
the lines, `specs/recordings/` holds what it proposed as code. The project is a copy in a temporary
folder, so nothing in the repository changes, except that a model named with `--model` is asked for
what is not recorded and its answers are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SPEC = "specs/sort_transaction.yaml"
GOLDEN = "specs/sort_transaction.jsonl"
PROPOSED = "specs/sort_transaction.drift-rows.jsonl"

# Production: this process has neither pytest nor pytest-compiledai in it.
PRODUCTION = """
import json, sys
sys.path.insert(0, ".")
import compiled

month, sampled = sys.argv[1:]
asked = [json.loads(line) for line in open(month, encoding="utf-8")]
model = {call["input"]["line"]: call["output"] for call in asked}
compiled.fallback("sort_transaction", lambda data: model[data["line"]], budget=1000)
compiled.sample(sampled, rate=1.0)
sort_transaction = compiled.load("sort_transaction")
answers = [sort_transaction(call["input"]) for call in asked]
print(json.dumps(compiled.sampled()))
"""


def main() -> None:
    """Play the months, and say at each step what was done and what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="ask it for what is not recorded")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory(prefix="progressive-") as folder:
        root = Path(folder)
        shutil.copytree(HERE / "specs", root / "specs")
        (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        try:
            play(root, ("--compile-model", model) if model else ())
        finally:
            if model:
                shutil.copytree(
                    root / "specs" / "recordings", HERE / "specs" / "recordings", dirs_exist_ok=True
                )


def play(root: Path, model: tuple[str, ...]) -> None:
    """Go through the steps in the project at ``root``."""
    say("month 1: every line is a call of the model")
    show(run(root, "compiledai", "audit", str(HERE / "month1.jsonl")), "decision", "because", "sort")

    say("the call is compiled; what the model answered so far are the golden rows")
    write_rows(root / GOLDEN, golden(HERE / "month1.jsonl"))
    show(pytest(root, "--compile", *model, SPEC), "frozen", "rejected", "tokens")

    say("production: frozen code, the model as its fallback, all calls sampled")
    show(produce(root, "month1.jsonl"), "")

    say("month 2: other merchants")
    show(produce(root, "month2.jsonl"), "")

    say("the drift gate looks at what was sampled; labels are what the model says")
    label(root / "month2.calls.jsonl")
    drifted = pytest(root, "--compile", "--compile-drift", "month2.calls.jsonl", SPEC)
    show(drifted, "found", "next", "proposed")

    say("a person reads the proposed rows, takes them over, and compiles again")
    adopt(root)
    show(pytest(root, "--compile", *model, SPEC), "frozen", "rejected", "tokens")

    say("month 2 again, with the new code")
    show(produce(root, "month2.jsonl"), "")
    label(root / "month2.calls.jsonl")
    again = pytest(root, "--compile-locked", "--compile-drift", "month2.calls.jsonl", SPEC)
    show(again, "drift", "unchanged")


def golden(log: Path) -> Iterator[dict[str, object]]:
    """Yield a golden row for each call of a log."""
    for number, call in enumerate(calls(log)):
        yield {"id": f"{log.stem}-{number}", "input": call["input"], "output": call["output"]}


def calls(log: Path) -> list[dict[str, object]]:
    """Return the calls of a log."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def produce(root: Path, month: str) -> str:
    """Run a month's lines through the frozen function, in an interpreter that sees nothing else."""
    sampled = f"{Path(month).stem}.calls.jsonl"
    (root / sampled).unlink(missing_ok=True)
    command = [sys.executable, "-I", "-S", "-c", PRODUCTION, str(HERE / month), sampled]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    rows = calls(root / sampled)
    fell_back = sum(bool(row["fallback"]) for row in rows)
    return f"{len(rows)} calls, {fell_back} of them answered by the fallback; {done.stdout.strip()}"


def label(sampled: Path) -> None:
    """Write the model's answer beside each sampled call, as a nightly job of the model would."""
    known = {
        json.dumps(call["input"]): call["output"]
        for month in ("month1.jsonl", "month2.jsonl")
        for call in calls(HERE / month)
    }
    rows = [{**row, "label": known[json.dumps(row["input"])]} for row in calls(sampled)]
    write_rows(sampled, iter(rows))


def adopt(root: Path) -> None:
    """Append the proposed rows to the golden rows."""
    with (root / GOLDEN).open("a", encoding="utf-8") as file:
        file.write((root / PROPOSED).read_text(encoding="utf-8"))


def write_rows(path: Path, rows: Iterator[dict[str, object]]) -> None:
    """Write rows, one JSON object a line."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def pytest(root: Path, *arguments: str) -> str:
    """Return what a run of pytest says."""
    plain = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider")
    return run(root, sys.executable, "-m", "pytest", *plain, *arguments)


def run(root: Path, *command: str) -> str:
    """Return what a command of the project says; what it found makes it end with 1."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=root, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def say(step: str) -> None:
    """Announce a step."""
    print(f"\n# {step}")


def show(output: str, *words: str) -> None:
    """Print the lines of an output that hold one of ``words``; all of them for none."""
    for line in output.splitlines():
        if line.strip() and any(word in line for word in words):
            print(f"  {line}")


if __name__ == "__main__":
    main()
