"""A plain fast decoding step: static cache, joined weights, position as a tensor, nothing of ours.

The kind of step that small inference programs write by hand for torch.compile; it reads the
weights of transformers' Llama and Qwen3 and says their tokens.
"""

from __future__ import annotations

from typing import Any


class Simple:
    """One model as flat tensors."""

    def __init__(self, model: Any, prompt: Any, length: int) -> None:
        """Join weights, and take the prompt through the framework."""
        import torch
        from transformers import DynamicCache

        known = model.config
        self._heads = known.num_attention_heads
        self._groups = known.num_key_value_heads
        self._size = model.model.layers[0].self_attn.head_dim
        self._eps = known.rms_norm_eps
        cache = DynamicCache(config=known)
        out = model(prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)
        given = prompt.shape[1]
        self.token = out.logits.argmax(-1).clone()
        self.position = self.token.new_full((1, 1), given)
        self._embedding = model.model.embed_tokens.weight.detach()
        self._norm = model.model.norm.weight.detach()
        self._head = model.lm_head.weight.detach()
        every = torch.arange(length, device=prompt.device)
        cos, sin = model.model.rotary_emb(self._embedding[:1], every[None])
        self._cos, self._sin = cos[0], sin[0]
        self._places = every
        self._layers = []
        for layer, held in zip(model.model.layers, cache.layers, strict=True):
            own = layer.self_attn
            shape = (1, self._groups, length, self._size)
            keys, values = held.keys.new_zeros(shape), held.values.new_zeros(shape)
            keys[:, :, :given], values[:, :, :given] = held.keys, held.values
            joined = [own.q_proj.weight, own.k_proj.weight, own.v_proj.weight]
            norms = (own.q_norm.weight, own.k_norm.weight) if hasattr(own, "q_norm") else None
            self._layers.append(
                {
                    "before": layer.input_layernorm.weight,
                    "qkv": torch.cat(joined),
                    "norms": norms,
                    "out": own.o_proj.weight,
                    "after": layer.post_attention_layernorm.weight,
                    "gated": torch.cat([layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight]),
                    "down": layer.mlp.down_proj.weight,
                    "keys": keys,
                    "values": values,
                }
            )
        self._stay()

    def _stay(self) -> None:
        """Say that no tensor moves: a compiled graph would copy each of them in every step."""
        import torch

        held = [self._embedding, self._norm, self._head, self._cos, self._sin, self._places]
        for layer in self._layers:
            for one in layer.values():
                held += one if isinstance(one, tuple) else [one]
        for one in held:
            if one is not None:
                torch._dynamo.mark_static_address(one)

    def step(self, token: Any, position: Any) -> Any:
        """Return the next token."""
        from torch.nn import functional

        place = position[0]
        row = functional.embedding(token[0], self._embedding)
        angles = self._cos[place], self._sin[place]
        seen = place, (self._places <= place)[None, None, None]
        for layer in self._layers:
            row = row + self._attended(layer, self._normed(row, layer["before"]), angles, seen)
            gate, up = functional.linear(self._normed(row, layer["after"]), layer["gated"]).chunk(
                2, -1
            )
            row = row + functional.linear(functional.silu(gate) * up, layer["down"])
        logits = functional.linear(self._normed(row, self._norm), self._head)
        return logits.argmax(-1)[None]

    def _attended(self, layer: Any, row: Any, angles: Any, seen: Any) -> Any:
        from torch.nn import functional

        place, mask = seen
        heads, groups, size = self._heads, self._groups, self._size
        joined = functional.linear(row, layer["qkv"]).view(-1, size)
        query, key, value = joined.split([heads, groups, groups])
        if layer["norms"]:
            query, key = (
                self._normed(one, gain)
                for one, gain in zip((query, key), layer["norms"], strict=True)
            )
        query, key = _turned(query, *angles), _turned(key, *angles)
        layer["keys"].index_copy_(2, place, key[None, :, None])
        layer["values"].index_copy_(2, place, value[None, :, None])
        found = functional.scaled_dot_product_attention(
            query.view(1, groups, heads // groups, size),
            layer["keys"],
            layer["values"],
            attn_mask=mask,
        )
        return functional.linear(found.reshape(1, -1), layer["out"])

    def _normed(self, row: Any, gain: Any) -> Any:
        import torch

        wide = row.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self._eps)
        return gain * (wide * scale).to(row.dtype)


def _turned(row: Any, cos: Any, sin: Any) -> Any:
    import torch

    first, second = row.chunk(2, -1)
    return row * cos + torch.cat((-second, first), -1) * sin
