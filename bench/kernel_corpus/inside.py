"""Behind the wall: a program with host code, torch for its tensors, Triton's interpreter.

What a program asks of a device is answered as far as an answer has no influence on numbers;
streams and graphs are refused, and a program that cannot do without them does not run here.
"""

from __future__ import annotations

import functools
import importlib
import linecache
import os
import re
import sys
import types
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.kernels.inside import message
from pytest_compiledai.kernels.inside import work
from pytest_compiledai.sandbox.inside.zygote import main

_NAME = "corpus_program"
_DEVICE = re.compile(r"""(["'])cuda(?::\d+)?\1""")
_LOADED = (
    "math",
    "os",
    "dataclasses",
    "typing",
    "functools",
    "contextlib",
    "collections",
    "itertools",
)


class Refused(RuntimeError):
    """What is not to be had without a device."""


def prepare(_: list[str]) -> None:
    """Load everything that a program may import, mend the interpreter, stand in for the device."""
    os.environ.update({"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"})
    try:
        import torch

        from pytest_compiledai.kernels.inside import bfloat
        from pytest_compiledai.kernels.inside import masks
        from pytest_compiledai.kernels.inside import memory
        from pytest_compiledai.kernels.inside import program  # noqa: F401 - loaded ahead
        from pytest_compiledai.kernels.inside import selftest

        for name in (
            *_LOADED,
            "torch.nn.functional",
            "torch._dynamo",
            "torch.utils.cpp_extension",
            "triton.language.extra",
        ):
            importlib.import_module(name)
        torch.set_num_threads(1)
        memory.watch()
        masks.mend()
        bfloat.mend()
        selftest.prove()
        _stand_in(torch)
        _tune_nothing()
        _watch_launches(torch)
        _warm(torch)
    except Exception as error:
        raise OSError(f"the interpreter beside torch: {type(error).__name__} {error}") from error


def _warm(torch: Any) -> None:
    """Have torch load now what it would look for in files at the first call."""
    one = torch.ones(4, 4, dtype=torch.bfloat16)
    (one @ one).float().sum().item()
    torch.nn.Linear(2, 2)
    torch.randn(2).to(torch.float8_e4m3fn).float()


def _stand_in(torch: Any) -> None:
    def same(self: Any, *_: Any, **__: Any) -> Any:
        return self

    def nothing(*_: Any, **__: Any) -> None:
        return None

    def refuse(*_: Any, **__: Any) -> Any:
        raise Refused("streams and graphs need a device")

    torch.Tensor.cuda = torch.nn.Module.cuda = same
    torch.Tensor.is_cuda = property(lambda _: True)
    facts = types.SimpleNamespace(
        multi_processor_count=132,
        name="H100",
        major=9,
        minor=0,
        total_memory=80 << 30,
        shared_memory_per_block_optin=232448,
        max_threads_per_multi_processor=2048,
        warp_size=32,
    )
    answers = {
        "is_available": lambda: True,
        "current_device": lambda: 0,
        "device_count": lambda: 1,
        "get_device_capability": lambda *_: (9, 0),
        "get_device_properties": lambda *_: facts,
        "get_device_name": lambda *_: "H100",
        "synchronize": nothing,
        "Stream": refuse,
        "CUDAGraph": refuse,
        "graph": refuse,
        "stream": refuse,
        "current_stream": refuse,
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, answer)


def _tune_nothing() -> None:
    """Have tuning take its first setting, and say what the real one says of a conflict."""
    import triton

    class Tuned:
        def __init__(self, fn: Any, settings: Sequence[Any]) -> None:
            self.fn, self.settings = fn, settings

        def __getitem__(self, grid: Any) -> Any:
            return functools.partial(self.run, grid=grid)

        def run(self, *arguments: Any, grid: Any, **named: Any) -> Any:
            named.pop("warmup", None)
            chosen = self.settings[0].all_kwargs() if self.settings else {}
            if clash := sorted(set(chosen) & set(named)):
                raise ValueError(f"Conflicting meta-parameters: {', '.join(clash)}")
            return self.fn[grid](*arguments, **named, **chosen)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.fn, name)

    def autotune(configs: Sequence[Any], *_: Any, **__: Any) -> Any:
        return lambda fn: Tuned(fn, configs)

    triton.autotune = autotune


def _watch_launches(torch: Any) -> None:
    """Hold each launch to the memory of the tensors it is given."""
    from triton.runtime import interpreter

    from pytest_compiledai.kernels.inside.memory import WATCH

    call = interpreter.GridExecutor.__call__
    builder = interpreter.interpreter_builder
    place = builder.set_grid_idx

    def watched(self: Any, *arguments: Any, **named: Any) -> Any:
        given = [one for one in (*arguments, *named.values()) if isinstance(one, torch.Tensor)]
        WATCH.begin(_regions(given))
        WATCH.launch()
        WATCH.program = -1
        return call(self, *arguments, **named)

    def placed(*at: int) -> None:
        WATCH.program += 1
        place(*at)

    interpreter.GridExecutor.__call__ = watched
    builder.set_grid_idx = placed


class Region:
    """The memory of one or more tensors, as the watch knows a buffer."""

    def __init__(self, name: str, storage: Any, item: int) -> None:
        self.name, self.address, self.item, self.writable = name, storage.data_ptr(), item, True
        self.count = storage.nbytes() // item

    def forget(self) -> None:
        """Start a launch."""
        import numpy as np

        self.writers = np.full(self.count, -1, dtype=np.int32)
        self.readers = np.full(self.count, -1, dtype=np.int32)


def _regions(tensors: Sequence[Any]) -> list[Any]:
    found: dict[int, Region] = {}
    for number, tensor in enumerate(tensors):
        storage = tensor.untyped_storage()
        item = tensor.element_size()
        known = found.get(storage.data_ptr())
        if known is None or item < known.item:
            found[storage.data_ptr()] = Region(f"argument {number}", storage, item)
    return list(found.values())


class Program:
    """One program of the corpus, its object kept from call to call."""

    def __init__(self, order: Mapping[str, Any], *_: Any) -> None:
        source = _DEVICE.sub(r"\1cpu\1", order["source"])
        module = types.ModuleType(_NAME)
        module.__file__ = f"<{_NAME}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[module.__file__] = (len(source), None, lines, module.__file__)
        sys.modules[_NAME] = module
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
        self._module = module
        self._model: Any = None
        self._given: list[Any] = []

    def call(self, body: bytes) -> bytes:
        """Set weights and inputs, at the addresses they had before, and return the outputs."""
        import torch

        head, data = message.unpack(body)
        tensors, at = {}, 0
        for fact in head["tensors"]:
            kind = getattr(torch, fact["dtype"])
            count = torch.Size(fact["shape"]).numel()
            part = data[at : at + count * kind.itemsize]
            tensors[fact["name"]] = torch.frombuffer(bytearray(part), dtype=kind).reshape(
                fact["shape"]
            )
            at += count * kind.itemsize
        inputs = [one for name, one in tensors.items() if name.isdigit()]
        with torch.no_grad():
            if head["first"]:
                self._model = self._module.Model(*head["sizes"])
                self._given = inputs
            else:
                for held, new in zip(self._given, inputs, strict=True):
                    held.copy_(new)
            self._set({name: one for name, one in tensors.items() if not name.isdigit()})
            found = self._model(*self._given)
        outputs = found if isinstance(found, (tuple, list)) else [found]
        blobs = [
            one.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
            for one in outputs
        ]
        return message.pack({"sizes": list(map(len, blobs))}, blobs)

    def _set(self, weights: Mapping[str, Any]) -> None:
        """Set the first set of weights that the program has, of the dtypes it has them in."""
        own = {**dict(self._model.named_parameters()), **dict(self._model.named_buffers())}
        sets: dict[str, dict[str, Any]] = {}
        for name, weight in weights.items():
            number, _, plain = name.partition(":")
            sets.setdefault(number, {})[plain] = weight
        for number, chosen in sets.items():
            if all(name in own and own[name].dtype == one.dtype for name, one in chosen.items()):
                for name, one in chosen.items():
                    own[name].copy_(one)
                return
            if number == max(sets):
                raise Refused("weights of another form than the problem's")


live = functools.partial(work.live, make=Program)

if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [], prepare, live)
