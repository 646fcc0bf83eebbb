"""Everything that only a GPU can say, in ten minutes at most: ``python -m bench.gpu``.

    python -m bench.gpu --prepare --work FOLDER                 before, anywhere
    python -m bench.gpu --first --work FOLDER --json FILE       one model, three minutes
    python -m bench.gpu --work FOLDER --json FILE [--resume]    the whole

Stages run one after the other, each in a process of its own with its share of the time; one that
fails or is out of time is told in the table with the rows that it had, and the next one begins.
The file is written after each stage, with the tracebacks of those that failed: an end of the whole
loses the stage in hand and no more. `--resume` reads it back and does what is not done yet.

    machine     bandwidth of copy, write, read; gaps between launches with and without dependence
    plans       the models' steps, cut into regions (no figure is taken)
    compile     candidates compiled by many processes at once (no figure is taken)
    candidates  candidates of every region: error beside float64, time beside the framework; the
                first few of every region, then more of each
    decode      tokens a second: kernels, early launch, for every model; then step by step from the
                framework's own loop
    baselines   eager, torch.compile in its modes, each in our own graph, a plain fast step
    workloads   five published pairs of input and output, and long contexts
    sanitizer   each chosen kernel once under compute-sanitizer

Needs Python 3.11, torch with CUDA, transformers and triton with what they need, PyYAML, pytest and
filelock, a C compiler with Python's headers (Triton builds its launchers), and no network: run it
in the root of the repository, whose tree is 10 MB. `--prepare` needs the package installed and no
device: it captures the models and orders each region's candidates by the static model, so that a
device measures the best first and takes no time for either.

Without a CUDA device it runs to the end in a reduced form: tiny models, C++ kernels, calls in place
of graphs. The figures then say nothing; that every stage went through does.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

from bench.gpu_setting import MODELS
from bench.gpu_setting import TINY
from bench.gpu_setting import Row
from bench.gpu_setting import Setting
from bench.gpu_table import table

#: Stage -> module and function, and its share of the time; what one leaves the others share.
STAGES = {
    "machine": ("gpu_machine", "machine", 8),  # the first one reads torch from a cold disk
    "plans": ("gpu_preparing", "plans", 14),
    "compile": ("gpu_preparing", "compile_all", 12),
    "candidates": ("gpu_candidates", "candidates", 19),
    "decode": ("gpu_decoding", "decode", 18),
    "baselines": ("gpu_baselines", "baselines", 20),
    "workloads": ("gpu_workloads", "workloads", 14),
    "sanitizer": ("gpu_sanitizer", "sanitizer", 8),
    "order": ("gpu_preparing", "order", 0),  # of `--prepare`
}
WHOLE = tuple(stage for stage in STAGES if stage != "order")
FIRST = ("machine", "plans", "compile", "candidates", "decode")
AHEAD = ("plans", "order")
#: Minutes, models, and candidates a region of a first look.
_FIRST = (3.0, 1, 3)
_AHEAD_MINUTES = 60.0
#: Seconds that are kept for what comes after the last stage.
_SPARE_S = 10.0
_MOST_ERROR = 6000  # characters of what a stage said at its end


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages and print the table; a stage of its own only writes its rows."""
    told = _parsed(arguments)
    with tempfile.TemporaryDirectory() as folder:
        setting = _setting(told, told.work or Path(folder))
        if told.stage:
            return _written(setting, told.stage)
        known = _Told.read(told.json if told.resume else None)
        known.restore(setting)
        stages = _stages(told)
        end = time.monotonic() + told.minutes * 60 - _SPARE_S
        for number, stage in enumerate(stages):
            if known.states.get(stage, "").startswith("done"):
                continue
            left = sum(STAGES[name][2] for name in stages[number:])
            budget_s = (end - time.monotonic()) * (STAGES[stage][2] / left if left else 1)
            begun = time.monotonic()
            known.states[stage], known.errors[stage] = _run(setting, stage, budget_s)
            if "GoneError" in known.states[stage]:
                budget_s -= time.monotonic() - begun
                told_once = _run(setting, stage, budget_s, again=True)
                known.states[stage], known.errors[stage] = told_once
            known.rows[stage] = setting.rows(stage)
            known.write(told.json)
            print(f"{stage:12}{known.states[stage]}", file=sys.stderr, flush=True)
        print(table(known.rows, known.states))
    return 0


@dataclass(kw_only=True)
class _Told:
    """What the stages said so far, as the file holds it."""

    states: dict[str, str]
    rows: dict[str, list[Row]]
    errors: dict[str, str]  # by stage: what stood on standard error

    @classmethod
    def read(cls, path: Path | None) -> _Told:
        held = json.loads(path.read_text("utf-8")) if path and path.is_file() else {}
        return cls(**{name: held.get(name, {}) for name in ("states", "rows", "errors")})

    def restore(self, setting: Setting) -> None:
        """Lay the rows where later stages look for them."""
        for stage, rows in self.rows.items():
            (setting.work / f"{stage}.jsonl").unlink(missing_ok=True)
            _keep(setting, stage, rows)

    def write(self, path: Path | None) -> None:
        """Replace the file as a whole, so that an end at any time leaves one that can be read."""
        if path:
            made = path.with_name(f"{path.name}.new")
            made.write_text(json.dumps(vars(self), indent=1), encoding="utf-8")
            made.replace(path)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stages", default="", help=f"of {','.join(WHOLE)}")
    parser.add_argument("--models", default="")
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--most", type=int, default=0, help="candidates a region")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=Path, help="a folder that keeps plans and choices")
    parser.add_argument("--resume", action="store_true", help="do what the file of --json lacks")
    parser.add_argument("--first", action="store_true", help="one model, three minutes")
    parser.add_argument("--prepare", action="store_true", help="what needs no device, ahead")
    parser.add_argument("--stage", default="", help=argparse.SUPPRESS)
    parser.add_argument("--part", default="", help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    if told.resume and not told.json:
        parser.error("--resume goes on from the file of --json: name it")
    told.minutes = told.minutes or (
        _AHEAD_MINUTES if told.prepare else _FIRST[0] if told.first else 9.5
    )
    return told


def _stages(told: argparse.Namespace) -> tuple[str, ...]:
    if told.stages:
        return tuple(told.stages.split(","))
    return AHEAD if told.prepare else FIRST if told.first else WHOLE


def _setting(told: argparse.Namespace, work: Path) -> Setting:
    work.mkdir(parents=True, exist_ok=True)
    found = Setting(work=work, models=(), most=0, rounds=0, part=told.part, ahead=told.prepare)
    known = list(TINY) if found.reduced else sorted(path.stem for path in MODELS.glob("*.json"))
    models = told.models.split(",") if told.models else known[: _FIRST[1]] if told.first else known
    most = told.most or (_FIRST[2] if told.first else 16)
    return replace(
        found,
        models=tuple(models),
        most=min(most, 2) if found.reduced else most,
        rounds=told.rounds or (2 if found.reduced else 10),
    )


def _run(setting: Setting, stage: str, budget_s: float, *, again: bool = False) -> tuple[str, str]:
    """Run one stage and return how it ended, and what it said on standard error.

    A stage whose device a candidate made unusable runs ``again``, and skips that one.
    """
    begun = time.monotonic()
    if not again:
        (setting.work / f"{stage}.jsonl").unlink(missing_ok=True)
    if setting.reduced:
        import torch

        torch.set_num_threads(1)  # threads that wait for each other cost more than tiny models
        # One process: without a device there is none that a stage could spoil for the next one.
        code = _written(setting, stage)
        said = (setting.work / f"{stage}.err").read_text("utf-8") if code else ""
    else:
        code = _ended(setting.child(stage), budget_s)
        said = (setting.work / f"{stage}.err").read_text("utf-8", "replace")
    spent = f"{time.monotonic() - begun:.0f} s, {len(setting.rows(stage))} rows"
    lines = said.strip().splitlines() or ["no word"]
    if code is None:
        return f"out of time after {spent}", said[-_MOST_ERROR:]
    if code:
        return f"failed after {spent}: {lines[-1][:300]}", said[-_MOST_ERROR:]
    return f"done in {spent}", ""


def _ended(child: subprocess.Popen[bytes], budget_s: float) -> int | None:
    """Return a stage's exit status; None where its time was up. Nothing of it goes on."""
    try:
        return child.wait(timeout=max(1.0, budget_s))
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _written(setting: Setting, stage: str) -> int:
    """Write a stage's rows as they come; return 0, or 3 with the reason on standard error."""
    module, function, _ = STAGES[stage]
    try:
        rows = getattr(importlib.import_module(f"bench.{module}"), function)(setting)
        _keep(setting, stage, rows)
    except Exception:  # noqa: BLE001 - a failed stage is told and ends no other
        text = traceback.format_exc()
        sys.stderr.write(text)
        (setting.work / f"{stage}.err").write_text(text, encoding="utf-8")
        return 3
    return 0


def _keep(setting: Setting, stage: str, rows: Iterable[Row]) -> None:
    with (setting.work / f"{stage}.jsonl").open("a", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row) + "\n")
            stream.flush()


if __name__ == "__main__":
    raise SystemExit(main())
