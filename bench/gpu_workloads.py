"""Whole requests of the published sizes, prefill included, and steps at long contexts.

A request that would take longer than its share is measured at five positions of its answer and
summed up between them; such a row says `sampled`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from bench.gpu_decoding import each_model
from bench.gpu_decoding import kernels_of
from bench.gpu_setting import REDUCED_WORKLOADS
from bench.gpu_setting import WORKLOADS
from bench.gpu_setting import Row
from bench.gpu_setting import Setting

#: Milliseconds that were published for eager and for the published system, on another device.
PUBLISHED = {
    "qwen3-1.7b": ((2884, 11624, 92421, 230495, 387089), (439, 1828, 17682, 38862, 92133)),
    "qwen3-4b": ((3822, 15459, 124528, 295926, 498025), (847, 3536, 32232, 68706, 155997)),
    "llama-3.2-1b": ((1349, 5437, 43522, 105377, 169295), (296, 1185, 10638, 22733, 49651)),
}
_WHOLE_S = 6.0  # of a request that is run from end to end
_SAMPLES = 5
_STEPS = 32
_CONTEXTS = (2048, 8192, 32768)


def workloads(setting: Setting) -> Iterator[Row]:
    """Yield a row a request, then a row a long context, for every model."""
    yield from each_model(setting, lambda name: _Requests(setting, name).rows())


class _Requests:
    def __init__(self, setting: Setting, name: str) -> None:
        from pytest_compiledai.kernels.runtime.decoder import Decoder

        self.setting, self.name = setting, name
        self.plan = setting.plan(name)
        self.model = setting.model(name)
        early = _is_early(setting, name)
        kernels = kernels_of(setting, name, self.plan.regions, early=early)
        self.decoder = Decoder(self.model, self.plan, kernels, rooms=setting.rooms, early=early)
        self.facts: Row = {"model": name, "kernels": len(kernels), "early": early}

    def rows(self) -> Iterator[Row]:
        sizes = REDUCED_WORKLOADS if self.setting.reduced else WORKLOADS
        for number, (given, count) in enumerate(sizes):
            row = self._request(given, count)
            published = PUBLISHED.get(self.name)
            if published:
                row |= {
                    "published_ms": {"eager": published[0][number], "best": published[1][number]}
                }
            yield row
        for context in (20, 40) if self.setting.reduced else _CONTEXTS:
            us = self._at(context)
            floor = self.setting.floor_us(self.plan, context)
            row = {"what": "context", **self.facts, "context": context, "us": round(us, 1)}
            row |= {"tokens_s": round(1e6 / us, 1), "floor_share": round(floor / us, 3)}
            yield row

    def _request(self, given: int, count: int) -> Row:
        prompt = self.setting.prompt(self.name, given)
        prefill = min(self._timed(lambda: self.decoder.prefill(prompt)) for _ in range(2))
        steps = count - 1
        places = [given + steps * n // (_SAMPLES - 1) for n in range(_SAMPLES)]
        samples = [self._at(min(place, given + steps - 1)) for place in places]
        summed = sum((a + b) / 2 for a, b in itertools.pairwise(samples))
        decode = summed / (_SAMPLES - 1) * steps / 1e6
        how = "sampled"
        if decode < _WHOLE_S:
            self.decoder.prefill(prompt)
            self.decoder.decode(steps)  # records every bucket
            self.decoder.prefill(prompt)
            decode, how = self._timed(lambda: self.decoder.decode(steps)), "whole"
        floor = sum(self.setting.floor_us(self.plan, given + n) for n in range(0, steps, 16)) * 16
        row: Row = {"what": "request", **self.facts, "input": given, "output": count, "how": how}
        row |= {"prefill_ms": round(prefill * 1e3, 2), "ms": round((prefill + decode) * 1e3, 2)}
        row |= {"tokens_s": round(count / (prefill + decode), 1)}
        return row | {"decode_floor_share": round(floor / 1e6 / decode, 3)}

    def _at(self, position: int) -> float:
        """Return the microseconds of a step at a position, whatever lies in the cache before it."""
        steps = min(4 if self.setting.reduced else _STEPS, self.setting.context - position)
        found = []
        for _ in range(3):
            self.decoder.jump(position)
            found.append(self.setting._once(lambda: self.decoder.decode(steps)) / steps)
        return min(found)

    def _timed(self, work) -> float:
        """Return the seconds of a call on the host's clock, the device's end included."""
        import torch

        begun = time.perf_counter()
        work()
        if not self.setting.reduced:
            torch.cuda.synchronize()
        return time.perf_counter() - begun


def _is_early(setting: Setting, name: str) -> bool:
    """Return whether early launch said the framework's tokens and was the faster one."""
    rows = {r["step"]: r for r in setting.rows("decode") if r.get("model") == name and "step" in r}
    early, plain = rows.get("early launch", {}), rows.get(f"kernels: {'the rest'}", {})
    same = "equal" in early and early["equal"] == plain.get("equal")
    return bool(same and early["us"] < plain["us"])
