"""Tokens a second of the decode runtime, one step of it after the other, beside the floor.

What counts comes first, for every model: all kernels, and those that start early. Then each step
adds to the one before. Greedy tokens are compared with the framework's own (`equal`), after its
very tokens as well (`forced`). Tokens of a graph, and of kernels that start early, have to be those
of the same kernels called one after the other (`same`), to the last: another one is a race.
"""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable
from collections.abc import Iterator

from bench.gpu_candidates import chosen
from bench.gpu_checking import called
from bench.gpu_checking import equal
from bench.gpu_checking import forced
from bench.gpu_setting import Row
from bench.gpu_setting import Setting

#: Tokens of the prompt and after it, and after it where every operator is called from Python; the
#: first comes of the prompt, the others are whole recordings.
PROMPT, TOKENS, FEW = 128, 257, 33
#: Tokens that are put in one by one.
FORCED = 64
#: Families of regions, in the order in which their kernels are added.
GROUPS = (
    ("products", ("qkv", "gemv", "gate_up")),
    ("attention", ("attention",)),
    ("the rest", ()),
)


def decode(setting: Setting) -> Iterator[Row]:
    """Yield a row a step of the ablation: the last ones for every model, then the others."""
    for last in (True, False):
        yield from each_model(setting, lambda name: _Model(setting, name).rows(last=last))  # noqa: B023


def each_model(setting: Setting, rows: Callable[[str], Iterator[Row]]) -> Iterator[Row]:
    """Yield the rows of every model, one for a model that fails, and free its memory after it."""
    for name in setting.models:
        try:
            yield from rows(name)
        except Exception as error:  # noqa: BLE001 - whatever a device raises
            row = {"what": "failed", "model": name, "why": f"{type(error).__name__}: {error}"[:300]}
            yield row | {"trace": traceback.format_exc()[-2000:]}
        freed()


def sizes(setting: Setting) -> tuple[int, int]:
    """Return the tokens of prompt and answer."""
    return (6, 24) if setting.reduced else (PROMPT, TOKENS)


def kernels_of(setting: Setting, name: str, regions, *, early: bool = False):
    """Return the chosen kernels of these regions, one a bucket, ready on the device."""
    from pytest_compiledai.kernels.runtime.kernel import fitted
    from pytest_compiledai.kernels.runtime.step import Buckets

    suffix = ".cpp" if setting.reduced else ".py"
    texts, found = chosen(setting, name), {}
    for region in regions:
        if region.name in texts:
            facts = {"dtype": setting.dtype, "context": setting.context}
            ready = {
                text: _ready(fitted(region, text, suffix, **facts), setting, early=early)
                for text in dict.fromkeys(texts[region.name].values())
                if text
            }
            ends = {end: ready.get(text) for end, text in texts[region.name].items()}
            found[region.name] = Buckets(kernels=ends)
    return found


def _ready(kernel, setting: Setting, *, early: bool):
    """Return the kernel ready to run; one that cannot start early starts when it may."""
    from pytest_compiledai.kernels.runtime.kernel import launched

    try:
        return launched(kernel, setting.device, early=early)
    except ValueError:
        if not early:
            raise
        return launched(kernel, setting.device)


def freed() -> None:
    """Give back the memory of what is not held any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class _Model:
    def __init__(self, setting: Setting, name: str) -> None:
        self.setting, self.name = setting, name
        self.plan = setting.plan(name)
        self.model = setting.model(name)
        self.prompt = setting.prompt(name, sizes(setting)[0])
        self.expected: list[int] = []
        self.calls: list[int] = []  # tokens of all kernels, called one after the other

    def rows(self, *, last: bool) -> Iterator[Row]:
        """Yield the framework's row and those with all kernels, or those of the other steps."""
        known = [row for row in self.setting.rows("decode") if row.get("model") == self.name]
        self.expected = next((row["tokens"] for row in known if "tokens" in row), [])
        if not self.expected:
            yield self._framework() | {"tokens": self.expected}
        for label, facts in [*self._steps()][-2:] if last else [*self._steps()][:-2]:
            try:
                yield self._step(label, **facts)
            except Exception as error:  # noqa: BLE001 - the next step may well run
                row = self._row(label) | {"failed": f"{type(error).__name__}: {error}"[:300]}
                yield row | {"trace": traceback.format_exc()[-2000:]}
            freed()

    def _steps(self) -> Iterator[tuple[str, dict[str, object]]]:
        yield "static buffers", {"joined": False, "graphs": False}
        yield "joined weights", {"graphs": False}
        yield "graph of one step", {"many": 1}
        yield "graph of many steps", {"many": self.many}
        regions: list[object] = []
        for label, families in GROUPS:
            rest = [one for one in self.plan.regions if one not in regions]
            regions = regions + [one for one in rest if not families or one.family in families]
            yield f"kernels: {label}", {"many": self.many, "regions": tuple(regions)}
        yield "early launch", {"many": self.many, "regions": tuple(regions), "early": True}

    @property
    def many(self) -> int:
        return 4 if self.setting.reduced else 16

    def _framework(self) -> Row:
        """Return the framework's own loop with its growing cache."""
        import torch

        count = sizes(self.setting)[1]
        ids = torch.tensor([self.prompt], device=self.setting.device)
        facts = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        facts |= {"attention_mask": torch.ones_like(ids)}
        spent = []
        with torch.no_grad():
            for tokens in (2, 1, count):  # the first one warms up
                begun = time.perf_counter()
                told = self.model.generate(ids, max_new_tokens=tokens, **facts)[0, ids.shape[1] :]
                self.expected = told.tolist()
                spent.append(time.perf_counter() - begun)
        us = (spent[2] - spent[1]) / (count - 1) * 1e6
        return self._row("framework's own loop", us)

    def _step(self, label: str, **facts) -> Row:
        from pytest_compiledai.kernels.runtime.decoder import Decoder
        from pytest_compiledai.kernels.runtime.replay import Direct
        from pytest_compiledai.kernels.runtime.replay import Graphs
        from pytest_compiledai.kernels.runtime.replay import Replay

        graphs = facts.pop("graphs", True) and not self.setting.reduced
        replay = Replay(Graphs() if graphs else Direct(), many=facts.pop("many", 1))
        regions, early = facts.pop("regions", ()), facts.pop("early", False)
        kernels = kernels_of(self.setting, self.name, regions, early=early)
        facts |= {"rooms": self.setting.rooms, "replay": replay, "early": early}
        decoder = Decoder(self.model, self.plan, kernels, **facts)
        count = sizes(self.setting)[1] if graphs or self.setting.reduced else FEW
        found = decoder.generate(self.prompt, count)
        us = self._decoded(decoder, count - 1)
        row = self._row(label, us) | {
            "kernels": len(kernels),
            "of": count,
            "equal": equal(found, self.expected[:count]),
        }
        if regions:
            self.calls = called(decoder, self.prompt, count) if not early else self.calls
            row["same"] = equal(found, self.calls) if self.calls else 0
            row |= forced(decoder, self.model, self.prompt, self.expected[: FORCED + 1])
        return row

    def _decoded(self, decoder, count: int) -> float:
        """Return the median microseconds of a step, from the same position each time."""
        found = []
        for _ in range(max(1, self.setting.rounds // 3)):
            decoder.prefill(self.prompt)
            found.append(self.setting._once(lambda: decoder.decode(count)) / count)
        return sorted(found)[len(found) // 2]

    def _row(self, label: str, us: float = 0.0) -> Row:
        row: Row = {"what": "decode", "model": self.name, "step": label}
        prompt, count = sizes(self.setting)
        floor = self.setting.floor_us(self.plan, prompt + count // 2)
        if us:
            row |= {"us": round(us, 1), "tokens_s": round(1e6 / us, 1)}
            row |= {"floor_share": round(floor / us, 3)} if floor else {}
        return row
