"""What the machine gives: bandwidth of memory, and what lies between two launches in a graph."""

from __future__ import annotations

from collections.abc import Iterator

from bench.gpu_setting import Row
from bench.gpu_setting import Setting

#: A kernel that does next to nothing, for a device and for this processor.
NOTHING = {
    "triton": """import triton
import triton.language as tl

LAUNCH = [{"kernel": "touch", "grid": [1], "args": ["x"], "num_warps": 1}]


@triton.jit
def touch(x):
    tl.store(x, tl.load(x) + 1.0)
""",
    "cpp": """/* launch {"LAUNCH": [{"kernel": "touch", "args": ["x"]}]} */
extern "C" void touch(float *x) { x[0] += 1.0f; }
""",
}
LAUNCHES = (1, 30, 100, 300)


def machine(setting: Setting) -> Iterator[Row]:
    """Yield bandwidths, then the gaps of launches."""
    yield _named(setting)
    yield from _bandwidth(setting)
    for early in (False, True):
        yield from _gaps(setting, early=early)


def _named(setting: Setting) -> Row:
    import torch
    import transformers
    import triton

    from pytest_compiledai.kernels.runtime.frozen import target_of

    row: Row = {"what": "device", "target": target_of(setting.device)}
    row |= {"torch": torch.__version__, "triton": triton.__version__}
    row |= {"transformers": transformers.__version__, "reduced": setting.reduced}
    if setting.reduced:
        return row | {"name": "cpu"}
    facts = torch.cuda.get_device_properties(0)
    row |= {"name": facts.name, "multiprocessors": facts.multi_processor_count}
    return row | {"cache_mb": facts.L2_cache_size >> 20, "memory_gb": facts.total_memory >> 30}


def _bandwidth(setting: Setting) -> Iterator[Row]:
    import torch

    size = 1 << (24 if setting.reduced else 32)  # bytes
    source = torch.randint(0, 255, (size,), dtype=torch.uint8, device=setting.device)
    target = torch.empty_like(source)
    floats = source.view(torch.int32)
    kinds = {
        "copy": (lambda: target.copy_(source), 2),
        "write": (lambda: target.fill_(7), 1),
        "read": (floats.sum, 1),
    }
    for what, (work, times) in kinds.items():
        work()
        timing = setting.timed(work)
        yield {"what": what, "gb_s": round(size * times / timing.us / 1e3, 1)}


def _gaps(setting: Setting, *, early: bool) -> Iterator[Row]:
    """Yield the time of graphs of almost empty kernels, each depending on the one before."""
    import torch

    launch = touch(setting, early=early)
    buffers = {"x": torch.zeros((4,), device=setting.device)}
    found: dict[int, float] = {}
    for count in LAUNCHES:

        def work(count: int = count) -> None:
            for _ in range(count):
                launch(buffers)

        found[count] = setting.timed(setting.recorded(work)).us
        yield {"what": "gap", "early": early, "kernels": count, "us": round(found[count], 2)}
    each = (found[LAUNCHES[-1]] - found[LAUNCHES[0]]) / (LAUNCHES[-1] - LAUNCHES[0])
    yield {"what": "gap", "early": early, "kernels": "each", "us": round(each, 3)}


def touch(setting: Setting, *, early: bool):
    """Return the launch of a kernel that only touches ``x``."""
    from pytest_compiledai.kernels.call import steps
    from pytest_compiledai.kernels.candidate import read
    from pytest_compiledai.kernels.contract import Contract
    from pytest_compiledai.kernels.contract import Tensor
    from pytest_compiledai.kernels.runtime import launching
    from pytest_compiledai.kernels.runtime.dependent import dependent

    contract = Contract(
        name="touch",
        family="touch",
        dims={},
        tensors=(Tensor(name="x", shape=("4",), dtype="float32", role="inout"),),
        reference=lambda tensors, _: tensors,
    )
    candidate = read(NOTHING[setting.language], setting.language, contract)
    todo = steps(candidate, contract, {})
    if setting.reduced:
        return launching.cpp(candidate, todo)
    source = dependent(candidate, {"x"}) if early else ""
    return launching.TritonLaunches(candidate, todo, source=source, early=early)
