"""Each chosen kernel once over buffers of its exact size, under compute-sanitizer where it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from bench.gpu_candidates import Asked
from bench.gpu_candidates import call_of
from bench.gpu_candidates import chosen
from bench.gpu_preparing import fit
from bench.gpu_setting import ROOT
from bench.gpu_setting import Row
from bench.gpu_setting import Setting

TOOLS = ("memcheck", "racecheck", "initcheck")
_LIMIT_S = 60


def sanitizer(setting: Setting) -> Iterator[Row]:
    """Yield a row a tool and model; without the program the kernels run all the same."""
    program = shutil.which("compute-sanitizer")
    if setting.part or program is None:
        for name in setting.models:
            yield from _ran(setting, name)
        if not setting.part:
            yield {"what": "sanitizer", "tool": "none", "said": "no compute-sanitizer here"}
        return
    for tool in TOOLS:
        for name in setting.models:  # smaller ones first: a run takes most of a minute
            yield {
                "what": "sanitizer",
                "tool": tool,
                "model": name,
                "said": _said(setting, program, tool, name),
            }


def _ran(setting: Setting, name: str) -> Iterator[Row]:
    """Run every chosen kernel of a model once; each buffer is an allocation of its own size."""
    from types import SimpleNamespace

    from pytest_compiledai.kernels.runtime.kernel import launched

    texts, plan = chosen(setting, name), setting.plan(name)
    for region in plan.regions:
        for text in dict.fromkeys(filter(None, texts.get(region.name, {}).values())):
            kernel = launched(fit(setting, region, SimpleNamespace(source=text)), setting.device)
            (held, *_) = Asked(setting, name, region).drawn(0.25, most=1)
            kernel.at(call_of(region), held).run({})
            yield {"what": "ran", "model": name, "region": region.name}


def _said(setting: Setting, program: str, tool: str, name: str) -> str:
    """Return the last line that counts of a run under the tool."""
    argv = [program, "--tool", tool, "--error-exitcode", "9", sys.executable, "-m", "bench.gpu"]
    argv += ["--stage", "sanitizer", "--part", tool, "--work", str(setting.work)]
    argv += ["--models", name, "--rounds", "1"]
    # An allocator that keeps memory would hide an access beside a buffer.
    environment = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    try:
        ran = subprocess.run(
            argv,
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {_LIMIT_S} s"
    lines = [line for line in (ran.stdout + ran.stderr).splitlines() if "SUMMARY" in line]
    return f"{lines[-1].strip('= ') if lines else 'no summary'}; exit {ran.returncode}"
