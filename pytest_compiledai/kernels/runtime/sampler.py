"""Chooses a token on the device, so that the choice can be recorded with the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def sampled(temperature: float, *, top_k: int = 0) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a sampler that draws from softmax(logits / temperature), of the ``top_k`` largest.

    It divides shares by exponential draws and takes the largest, which needs no sum carried over
    the vocabulary; draws come from torch's generator of the device. Raises ``ValueError`` unless
    the temperature is positive.
    """
    if not temperature > 0:
        raise ValueError(f"found the temperature {temperature}; expected a positive one")

    def draw(logits: torch.Tensor) -> torch.Tensor:
        import torch

        scores = logits[:, -1].float() / temperature
        if top_k:
            least = scores.topk(min(top_k, scores.shape[-1]), dim=-1).values[:, -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
        shares = torch.softmax(scores, -1)
        return (shares / torch.empty_like(shares).exponential_(1.0)).argmax(-1, keepdim=True)

    return draw
