"""Greedy tokens of the decode runtime beside the framework's on this processor.

    python -m bench.decoding [--tokens N] [--layers N] [--hidden N] [--json FILE]

A Llama and a Qwen3 in random weights and float32, by the framework's operators over static buffers
and by the first C++ kernel of a family for every region that has one. The aim is 256 equal tokens;
microseconds a token are the median of three runs in one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROMPT = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Decode and print a line a model and path; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args(arguments)
    rows = []
    print(f"{'model':8}{'path':26}{'kernels':>8}{'equal':>7}{'logits off':>12}{'us/token':>11}")
    for kind in ("qwen3", "llama"):
        for row in measured(kind, told.tokens, told.layers, told.hidden):
            rows.append(row)
            print(
                f"{row['model']:8}{row['path']:26}{row['kernels']:8}{row['equal']:7}"
                f"{row['logits_off']:12.2g}{row['us']:11.1f}",
                flush=True,
            )
    if told.json:
        told.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def measured(kind: str, tokens: int, layers: int, hidden: int) -> Iterator[dict[str, Any]]:
    """Yield a row a path, the framework's own loop first."""
    import torch
    from transformers import AutoModelForCausalLM

    from pytest_compiledai.kernels.capture.main import capture
    from pytest_compiledai.kernels.capture.step import made_config
    from pytest_compiledai.kernels.runtime.decoder import Decoder

    torch.set_num_threads(1)
    torch.manual_seed(1)
    context = PROMPT + tokens
    config = configuration(kind, layers, hidden)
    known = made_config(config)
    known._attn_implementation = "sdpa"
    model = AutoModelForCausalLM.from_config(known, dtype=torch.float32).eval()
    prompt = torch.randint(0, config["vocab_size"], (1, PROMPT))
    facts = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    facts |= {"attention_mask": torch.ones_like(prompt), "max_new_tokens": tokens}
    begun = time.perf_counter()
    with torch.no_grad():
        right = model.generate(prompt, **facts)
        logits = model(right[:, :-1], logits_to_keep=1).logits.flatten()
    us = (time.perf_counter() - begun) / tokens * 1e6
    row = {"model": kind, "kernels": 0, "equal": tokens, "logits_off": 0.0}
    yield row | {"path": "framework's own loop", "us": us}
    expected = right[0, PROMPT:].tolist()
    order = {"config": config, "dtype": "float32", "context": context, "made_from": kind}
    plan = capture(order)
    for path, kernels in (("static buffers", {}), ("kernels", kernels_of(plan, context))):
        decoder = Decoder(model, plan, kernels, rooms=(64, 128, context))
        found = decoder.generate(prompt[0].tolist(), tokens)
        assert decoder.step.logits is not None
        off = float((decoder.step.logits.flatten() - logits).abs().max())
        pairs = enumerate(zip(found, expected, strict=True))
        equal = next((at for at, (one, other) in pairs if one != other), tokens)
        row = {"model": kind, "path": path, "kernels": len(kernels), "equal": equal}
        yield row | {"logits_off": off, "us": _us(decoder, prompt[0].tolist(), tokens)}


def configuration(kind: str, layers: int, hidden: int) -> dict[str, Any]:
    """Return a small model whose tokens differ from step to step."""
    return {
        "model_type": kind,
        "hidden_size": hidden,
        "intermediate_size": 3 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": hidden // 8,
        "vocab_size": 2048,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": kind == "llama",
        "initializer_range": 0.1,
    }


def kernels_of(plan: Any, context: int) -> dict[str, Any]:
    """Return the first C++ kernel of a family for every region that has one."""
    import torch

    from pytest_compiledai.kernels.matching import proposals
    from pytest_compiledai.kernels.runtime.kernel import fitted
    from pytest_compiledai.kernels.runtime.kernel import launched

    found = {}
    for region in plan.regions:
        for one in proposals(region, ["cpu"], 1):
            kernel = fitted(region, one.source, ".cpp", dtype="float32", context=context)
            found[region.name] = launched(kernel, torch.device("cpu"))
    return found


def _us(decoder: Any, prompt: list[int], tokens: int) -> float:
    found = []
    for _ in range(3):
        decoder.prefill(prompt)
        begun = time.perf_counter()
        decoder.decode(tokens - 1)
        found.append((time.perf_counter() - begun) / (tokens - 1) * 1e6)
    return sorted(found)[1]


if __name__ == "__main__":
    raise SystemExit(main())
