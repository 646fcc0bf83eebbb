"""One decode step as a module: token and position in, next token and logits out, state inside.

Keys and values lie in static buffers of each layer's attention; the framework's own cache, masks
and repeated heads never enter the graph, because attention and mask are ours.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

NAME = "compiledai"


@torch.library.custom_op("compiledai::decode_attention", mutates_args=())
def decode_attention(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    position: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Attend one query to the positions up to and with ``position``; heads share keys in groups."""
    from pytest_compiledai.kernels.reference import attend

    return attend(query, keys, values, position, scale)


@decode_attention.register_fake
def _(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    position: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    del keys, values, position, scale
    return torch.empty_like(query, memory_format=torch.contiguous_format)


def attention(  # noqa: PLR0917 - the form that transformers calls
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    position_ids: torch.Tensor | None = None,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """Write the step's key and value into the layer's buffers, then attend; transformers' form."""
    del attention_mask, rest
    assert position_ids is not None
    position = position_ids[0]
    module.compiledai_keys.index_copy_(2, position, key)
    module.compiledai_values.index_copy_(2, position, value)
    out = decode_attention(
        query, module.compiledai_keys, module.compiledai_values, position, float(scaling)
    )
    return out.transpose(1, 2), None


class Step(nn.Module):
    """One token of greedy decoding at batch 1."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, token: torch.Tensor, position: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next token and its logits; both inputs are of shape (1, 1), int64."""
        hidden = self.model.model(
            input_ids=token, position_ids=position, use_cache=False
        ).last_hidden_state
        logits = self.model.lm_head(hidden)
        return logits.argmax(-1), logits


def decoder(config: Mapping[str, Any], *, dtype: str, context: int, device: str) -> Any:
    """Return the model of a configuration with empty buffers for ``context`` positions."""
    from transformers import AttentionInterface
    from transformers import AttentionMaskInterface
    from transformers import AutoModelForCausalLM

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, lambda *_, **__: None)
    known = made_config(config)
    known._attn_implementation = NAME  # noqa: SLF001 - the only way to name one in a configuration
    kind = getattr(torch, dtype)
    with torch.device(device):
        model: Any = AutoModelForCausalLM.from_config(known, dtype=kind)  # type: ignore[no-untyped-call]
        for layer in model.model.layers:
            shape = (1, known.num_key_value_heads, context, layer.self_attn.head_dim)
            for name in ("compiledai_keys", "compiledai_values"):
                empty = torch.zeros(shape, dtype=kind)
                layer.self_attn.register_buffer(name, empty, persistent=False)
    return model.eval()


def made_config(config: Mapping[str, Any]) -> Any:
    """Return transformers' configuration of a mapping with its ``model_type``."""
    from transformers import AutoConfig

    stated = copy.deepcopy(dict(config))
    return AutoConfig.for_model(stated.pop("model_type"), **stated)


def example(device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs of a step: a token and its position."""
    return tuple(torch.zeros((1, 1), dtype=torch.int64, device=device) for _ in range(2))  # type: ignore[return-value]
