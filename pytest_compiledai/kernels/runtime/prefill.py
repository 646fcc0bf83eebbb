"""The prompt through the framework, whose cache is then copied into the static buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.runtime.step import Step


def prefill(model: Any, step: Step, prompt: torch.Tensor) -> None:
    """Write the keys and values of ``prompt``, (1, length), and choose the first token.

    ``model`` is transformers' own, with the attention it was made with.
    """
    import torch
    from transformers import DynamicCache

    length = prompt.shape[1]
    with torch.no_grad():
        cache: Any = DynamicCache(config=model.config)
        out = model(prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)
    for layer, (keys, values) in zip(cache.layers, step.cache(), strict=True):
        keys[:, :, :length].copy_(layer.keys)
        values[:, :, :length].copy_(layer.values)
    step.begin(out.logits, length)
