"""Decodes by Triton's kernels over the driver without a device, in a process of its own.

Prints, for the launches as they were judged and for those that start early, the tokens, the
framework's own, and what the driver was told.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers

from pytest_compiledai.kernels.capture.main import capture
from pytest_compiledai.kernels.capture.step import made_config
from pytest_compiledai.kernels.matching import space
from pytest_compiledai.kernels.runtime import kernel as kernels
from pytest_compiledai.kernels.runtime.advancing import advancing
from pytest_compiledai.kernels.runtime.decoder import Decoder
from pytest_compiledai.kernels.runtime.kernel import RegionKernel
from pytest_compiledai.kernels.runtime.kernel import fitted
from pytest_compiledai.kernels.runtime.launching import TritonLaunches
from pytest_compiledai.kernels.runtime.replay import Direct
from pytest_compiledai.kernels.runtime.replay import Replay
from tests.unit.kernels.device import emulated
from tests.unit.kernels.device.fake import Fake
from tests.unit.kernels.device.fake import activated

CONTEXT, PROMPT, COUNT = 32, [3, 27, 12, 50, 9], 2
CONFIG = {
    "model_type": "qwen3",
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 64,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
    "initializer_range": 0.3,
}


def main() -> None:
    """Print what a model says by one candidate of every region, for each way to launch."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.cuda.get_device_capability = lambda _=None: (9, 0)
    with tempfile.TemporaryDirectory() as folder:
        fake = activated(Path(folder))
        model, plan = _made()
        ready = [_kernels(plan, turn, early=bool(turn)) for turn in (0, 1)]
        ends = [_end(early=bool(turn)) for turn in (0, 1)]
        told = [_said(fake, model, plan, *one) for one in zip(ready, ends, strict=True)]
    sys.stdout.write(json.dumps(told))


def _made() -> tuple[Any, Any]:
    facts = {"config": CONFIG, "dtype": "float32", "context": CONTEXT, "made_from": ""}
    torch.manual_seed(5)
    known = made_config(CONFIG)
    known._attn_implementation = "sdpa"
    model = transformers.AutoModelForCausalLM.from_config(known, dtype=torch.float32).eval()
    return model, capture(facts)


def _kernels(plan: Any, turn: int, *, early: bool) -> dict[str, RegionKernel]:
    """Return a compiled kernel for each region, of another variant in each turn.

    The last of a variant has the largest blocks, so that few programs are interpreted.
    """
    found = {}
    for region in plan.regions:
        variants: dict[str, str] = {}
        for one in space(region, ["sm_90"])[1]:
            variants[str(one.parameters["variant"])] = one.source
        if variants:
            text = [*variants.values()][turn % len(variants)]
            fit = fitted(region, text, ".py", dtype="float32", context=CONTEXT)
            launcher = kernels._launcher(fit, torch.device("cuda"), early=early)
            launcher.compile(fit.kinds)
            found[region.name] = RegionKernel(fit, torch.device("cpu"), launcher)
    return found


def _end(*, early: bool) -> TritonLaunches:
    found = advancing(early=early)
    found.compile(dict.fromkeys(("chosen", "token", "position", "said"), torch.int64))
    return found


def _said(
    fake: Fake, model: Any, plan: Any, ready: dict[str, RegionKernel], end: TritonLaunches
) -> dict[str, Any]:
    decoder = Decoder(model, plan, ready, rooms=(16, CONTEXT), replay=Replay(Direct()))
    decoder.step._advance = end
    ids = torch.tensor([PROMPT])
    facts = {"max_new_tokens": COUNT, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    wanted = model.generate(ids, attention_mask=torch.ones_like(ids), **facts)[0, ids.shape[1] :]
    fake.launches, fake.does = [], emulated.emulate
    tokens = decoder.generate(PROMPT, COUNT)
    return {
        "tokens": tokens,
        "wanted": wanted.tolist(),
        "regions": sorted(ready),
        "kernels": [told.kernel for told in fake.launches],
        "attributes": sorted({told.attributes for told in fake.launches}),
    }


if __name__ == "__main__":
    main()
