"""Everything that only a GPU can say, in ten minutes at most: ``python -m bench.gpu``.

    python -m bench.gpu [--stages NAME,...] [--models NAME,...] [--minutes N] [--json FILE]

Stages run one after the other, each in a process of its own with its share of the time; one that
fails or is out of time is told in the table with the rows that it had, and the next one begins.

    machine     bandwidth of copy, write, read; gaps between launches with and without dependence
    plans       the models' steps, cut into regions (no figure is taken)
    compile     candidates compiled by many processes at once (no figure is taken)
    candidates  every candidate of every region: error beside float64, time beside the framework
    decode      tokens a second step by step: framework, static buffers, graphs, kernels, early
    baselines   eager, torch.compile in its modes, each in our own graph, a plain fast step
    workloads   five published pairs of input and output, and long contexts
    sanitizer   each chosen kernel once under compute-sanitizer

Needs Python 3.11, torch with CUDA, transformers and triton, as found on the machine; nothing else
is installed and nothing fetched: run it in the root of the repository, whose tree is 10 MB.
A second call with `--stages machine,plans,baselines` spends its time on what torch.compile takes
long for. Compiled kernels lie in Triton's and Inductor's own caches: a second call on the same
machine is quicker.

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
from collections.abc import Sequence
from pathlib import Path

from bench.gpu_setting import MODELS
from bench.gpu_setting import TINY
from bench.gpu_setting import Row
from bench.gpu_setting import Setting
from bench.gpu_table import table

#: Stage -> module and function, and its share of the time.
STAGES = {
    "machine": ("gpu_machine", "machine", 4),
    "plans": ("gpu_preparing", "plans", 7),
    "compile": ("gpu_preparing", "compile_all", 10),
    "candidates": ("gpu_candidates", "candidates", 19),
    "decode": ("gpu_decoding", "decode", 18),
    "baselines": ("gpu_baselines", "baselines", 20),
    "workloads": ("gpu_workloads", "workloads", 14),
    "sanitizer": ("gpu_sanitizer", "sanitizer", 8),
}
#: Seconds that are kept for what comes after the last stage.
_SPARE_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages and print the table; a stage of its own only writes its rows."""
    told = _parsed(arguments)
    with tempfile.TemporaryDirectory() as folder:
        work = told.work or Path(folder)
        setting = _setting(told, work)
        if told.stage:
            return _written(setting, told.stage)
        stages = told.stages.split(",")
        states = {}
        end = time.monotonic() + told.minutes * 60 - _SPARE_S
        for number, stage in enumerate(stages):
            left = sum(STAGES[name][2] for name in stages[number:])
            budget_s = (end - time.monotonic()) * STAGES[stage][2] / left
            states[stage] = _run(setting, stage, budget_s)
            print(f"{stage:12}{states[stage]}", file=sys.stderr, flush=True)
        rows = {stage: setting.rows(stage) for stage in stages}
        print(table(rows, states))
        if told.json:
            text = json.dumps({"states": states, "rows": rows}, indent=1)
            told.json.write_text(text, encoding="utf-8")
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--models", default="")
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--most", type=int, default=12, help="candidates a region")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=Path, help="a folder that keeps plans and choices")
    parser.add_argument("--stage", default="", help=argparse.SUPPRESS)
    parser.add_argument("--part", default="", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _setting(told: argparse.Namespace, work: Path) -> Setting:
    work.mkdir(parents=True, exist_ok=True)
    setting = Setting(work=work, models=(), most=told.most, rounds=told.rounds, part=told.part)
    known = list(TINY) if setting.reduced else sorted(path.stem for path in MODELS.glob("*.json"))
    return Setting(
        work=work,
        models=tuple(told.models.split(",")) if told.models else tuple(known),
        most=min(told.most, 2) if setting.reduced else told.most,
        rounds=told.rounds or (2 if setting.reduced else 10),
        part=told.part,
    )


def _run(setting: Setting, stage: str, budget_s: float) -> str:
    """Run one stage and return how it ended."""
    begun = time.monotonic()
    (setting.work / f"{stage}.jsonl").unlink(missing_ok=True)
    if setting.reduced:
        import torch

        torch.set_num_threads(1)  # threads that wait for each other cost more than tiny models
        # One process: without a device there is none that a stage could spoil for the next one.
        code = _written(setting, stage)
        said = (setting.work / f"{stage}.err").read_text("utf-8") if code else ""
    else:
        child = setting.child(stage)
        try:
            code = child.wait(timeout=max(1.0, budget_s))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            code = None
        said = (setting.work / f"{stage}.err").read_text("utf-8", "replace")
    spent = f"{time.monotonic() - begun:.0f} s, {len(setting.rows(stage))} rows"
    if code is None:
        return f"out of time after {spent}"
    lines = said.strip().splitlines() or ["no word"]
    return f"done in {spent}" if code == 0 else f"failed after {spent}: {lines[-1][:300]}"


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


def _keep(setting: Setting, stage: str, rows: Sequence[Row]) -> None:
    with (setting.work / f"{stage}.jsonl").open("a", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row) + "\n")
            stream.flush()


if __name__ == "__main__":
    raise SystemExit(main())
