"""What every stage of ``bench.gpu`` shares: device, models, plans, clock and the floor of a step.

In the reduced form, on a machine without a CUDA device, the models are tiny and in float32, and a
recording is the call itself; everything else is the code that a device runs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any
from typing import NamedTuple

from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.region import WIDTHS

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "fixtures" / "models"
Row = dict[str, Any]
Work = Callable[[], Any]

_TINY = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 128,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
}
TINY = {
    "tiny-qwen3": _TINY | {"model_type": "qwen3", "tie_word_embeddings": False},
    "tiny-llama": _TINY | {"model_type": "llama", "tie_word_embeddings": True},
}
#: Input and output tokens as published, and the same shape for a machine without a device.
WORKLOADS = ((128, 128), (2048, 512), (8192, 4096), (12288, 8192), (20480, 16384))
REDUCED_WORKLOADS = ((4, 4), (8, 4), (8, 8), (12, 16), (16, 24))
CONTEXT = 36_864
REDUCED_CONTEXT = 48


class Timing(NamedTuple):
    """Microseconds of one call: the median of rounds, the least and the most."""

    us: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One run of the script."""

    work: Path  # a folder of this run: plans, choices, rows
    models: tuple[str, ...]
    most: int  # candidates a region
    rounds: int
    part: str = ""  # `2/8`: the share of this child
    ahead: bool = False  # full-size models without a device, for what needs none

    @cached_property
    def device(self) -> Any:
        """The device that is measured."""
        import torch

        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def reduced(self) -> bool:
        """Whether there is no device, so that figures mean nothing."""
        return bool(self.device.type == "cpu") and not self.ahead

    @property
    def dtype(self) -> str:
        """The dtype of weights and cache."""
        return "float32" if self.reduced else "bfloat16"

    @property
    def context(self) -> int:
        """Positions of the static cache."""
        return REDUCED_CONTEXT if self.reduced else CONTEXT

    @property
    def rooms(self) -> tuple[int, ...]:
        """The ends of the buckets."""
        from pytest_compiledai.kernels.runtime.replay import buckets

        return buckets(self.context, smallest=16 if self.reduced else 512)

    @property
    def language(self) -> str:
        """The language of kernels for the device."""
        return "cpp" if self.reduced else "triton"

    @property
    def cache_bytes(self) -> int:
        """The device's last cache: inputs that are rotated exceed it."""
        import torch

        if self.reduced:
            return 1 << 16
        return int(torch.cuda.get_device_properties(0).L2_cache_size)

    def config(self, name: str) -> Mapping[str, Any]:
        """Return a model's configuration."""
        if name in TINY:
            return TINY[name]
        found: Mapping[str, Any] = json.loads((MODELS / f"{name}.json").read_text("utf-8"))
        return found

    def plan(self, name: str) -> Plan:
        """Return a model's plan, captured by the first stage that asks for it."""
        path = self.work / f"{name}.plan"
        if not path.is_file():
            path.write_bytes(self._captured(name))
        return read_plan(path.read_bytes())

    def _captured(self, name: str) -> bytes:
        from pytest_compiledai.kernels.capture.main import capture

        order = {
            "config": self.config(name),
            "dtype": self.dtype,
            "context": self.context,
            "made_from": name,
        }
        return capture(order).render()

    def model(self, name: str) -> Any:
        """Return transformers' model in random weights, the same ones each time."""
        import torch
        from transformers import AutoModelForCausalLM

        from pytest_compiledai.kernels.capture.step import made_config

        torch.manual_seed(0)
        known = made_config(self.config(name))
        known._attn_implementation = "sdpa"
        with torch.device(self.device):
            kind = getattr(torch, self.dtype)
            return AutoModelForCausalLM.from_config(known, dtype=kind).eval()

    def prompt(self, name: str, length: int) -> list[int]:
        """Return a prompt of random tokens."""
        import random

        vocabulary = int(self.config(name)["vocab_size"])
        return [random.Random(f"{name}{n}").randrange(vocabulary) for n in range(length)]

    def rows(self, stage: str) -> list[Row]:
        """Return what a stage of this run has said so far."""
        path = self.work / f"{stage}.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines]

    @property
    def bandwidth(self) -> float:
        """Bytes a second of a copy as the first stage measured it; 0 where it did not."""
        return self._bandwidth("copy")

    @property
    def most_bandwidth(self) -> float:
        """Bytes a second of the fastest access that was measured; reading alone may be faster."""
        return self._bandwidth("copy", "read", "write")

    def _bandwidth(self, *kinds: str) -> float:
        found = [row["gb_s"] for row in self.rows("machine") if row["what"] in kinds]
        return max(found, default=0.0) * 1e9

    def floor_us(self, plan: Plan, position: int) -> float:
        """Return the microseconds that the bytes of a step take at the measured bandwidth."""
        if not self.bandwidth:
            return 0.0
        return step_bytes(plan, position) / self.bandwidth * 1e6

    def timed(self, work: Work, *, calls: int = 1) -> Timing:
        """Return the time of one of ``calls`` that ``work`` does, over this run's rounds."""
        found = sorted(self._once(work) / calls for _ in range(self.rounds))
        return Timing(statistics.median(found), found[0], found[-1])

    def _once(self, work: Work) -> float:
        import torch

        if self.reduced:
            begun = time.perf_counter_ns()
            work()
            return (time.perf_counter_ns() - begun) / 1e3
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        work()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e3

    def recorded(self, work: Work) -> Work:
        """Return the work as a graph that was replayed once."""
        from pytest_compiledai.kernels.runtime.replay import Direct
        from pytest_compiledai.kernels.runtime.replay import Graphs

        recorder = Direct() if self.reduced else Graphs()
        recorder.warm(work)
        found = recorder.record(work)
        found()
        return found

    def child(self, stage: str, *, part: str = "", models: Sequence[str] = ()) -> Any:
        """Start a stage, or a share of it, in a process of its own that ends with this one's."""
        argv = [sys.executable, "-W", "ignore", "-m", "bench.gpu", "--stage", stage]
        argv += ["--work", str(self.work), "--most", str(self.most), "--rounds", str(self.rounds)]
        argv += ["--part", part, "--models", ",".join(models or self.models)]
        argv += ["--prepare"] if self.ahead else []
        errors = (self.work / f"{stage}{part.replace('/', '-')}.err").open("w")
        return subprocess.Popen(
            argv,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=os.environ,
            # So that a stage ends with its shares, and none of them outlives the session.
            process_group=None if part else 0,
        )


def step_bytes(plan: Plan, position: int) -> int:
    """Return the bytes that one step has to read: weights once, keys and values up to there."""
    weights = {
        place: value.size
        for call in plan.calls
        for value, place in zip(plan.region(call.region).inputs, call.inputs, strict=True)
        if value.role == "weight" and plan.region(call.region).family != "embedding"
    }
    states = {
        place: value
        for call in plan.calls
        for value, place in zip(plan.region(call.region).inputs, call.inputs, strict=True)
        if value.role == "state"
    }
    row = sum(
        prod(value.shape) // value.shape[2] * WIDTHS[value.dtype] for value in states.values()
    )
    return sum(weights.values()) + row * (position + 1)


def shares(items: Sequence[Any], part: str) -> Iterator[Any]:
    """Yield every n-th of ``items`` for the part `i/n`; all of them for none."""
    first, _, count = part.partition("/")
    yield from items[int(first) :: int(count)] if count else items
