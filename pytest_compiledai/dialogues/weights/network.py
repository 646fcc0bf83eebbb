"""A trained network in this process: read from safetensors and JSON, no network, no code.

Torch and transformers are imported here, when a network is opened and not before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_compiledai.dialogues.weights import tokens


class Network:
    """The weights of one flow."""

    def __init__(self, folder: Path, nodes: Sequence[str]) -> None:
        """Open the files in ``folder``. Raises ``ValueError`` where they do not fit together."""
        import safetensors.torch
        import tokenizers
        import torch
        import transformers

        auto: Any = transformers.AutoModelForCausalLM
        settings = json.loads((folder / "config.json").read_text("utf-8"))
        config = transformers.AutoConfig.for_model(**settings)
        self.encoder = tokens.Encoder(
            tokenizers.Tokenizer.from_str((folder / "tokenizer.json").read_text("utf-8"))
        )
        with torch.device("meta"):
            self.model = auto.from_config(config)
        self.model.to_empty(device="cpu")
        state = safetensors.torch.load_file(folder / "model.safetensors")
        left = self.model.load_state_dict(state, strict=False)
        missing = [key for key in left.missing_keys if key != "lm_head.weight"]
        if missing or left.unexpected_keys:
            raise ValueError(f"found tensors other than those of the configuration: {missing[:3]}")
        self.model.tie_weights()
        _fill_buffers(self.model, config)
        self.model.eval()
        self.context = int(config.max_position_embeddings)
        self.nodes = tuple(nodes)
        ids = [self.encoder.tokenizer.token_to_id(tokens.action(node)) for node in nodes]
        if None in ids:
            raise ValueError("found a vocabulary without some actions; expected one for each node")
        self.actions = torch.tensor(ids)

    def talk(self) -> Talk:
        """Return the memory of a new conversation, at the point where the agent has the word."""
        return Talk(self)

    def scores(self, conversations: Sequence[Sequence[Any]]) -> list[list[list[float]]]:
        """Return, for each agent turn, the probability of each node; ``turns`` as in data files.

        Raises ``ValueError`` where a score is not a number.
        """
        import torch

        found = []
        for turns in conversations:
            encoded = self.encoder.conversation(turns)
            with torch.inference_mode():
                scores = self.model(torch.tensor([encoded.ids])).logits[0]
                asked = scores[torch.tensor(encoded.actions) - 1].float()
                shares = torch.softmax(asked, -1)[:, self.actions]
            if not bool(torch.isfinite(scores).all()):
                raise ValueError("found a score that is no number")
            found.append(shares.tolist())
        return found

    def rank(self, texts: Sequence[str]) -> int:
        """Return the rank, from 1, of the first text among all as the words of a user."""
        import torch

        scores = []
        for text in texts:
            words = self.encoder.words(text)
            ids = torch.tensor([[self.encoder.user, *words]])
            with torch.inference_mode():
                shares = torch.log_softmax(self.model(ids).logits[0, :-1].float(), -1)
            scores.append(float(shares[range(len(words)), words].sum()))
        return 1 + sum(score > scores[0] for score in scores[1:])


def _fill_buffers(model: Any, config: Any) -> None:
    """Compute again what no file holds: a model made without memory has empty buffers."""
    for module in model.modules():
        if hasattr(module, "inv_freq"):
            fresh = type(module)(config)
            module.inv_freq = fresh.inv_freq
            module.original_inv_freq = fresh.inv_freq


class Talk:
    """One conversation's key-value cache; what is not kept is rolled back."""

    def __init__(self, network: Network) -> None:
        from transformers import DynamicCache

        self.network = network
        self.cache = DynamicCache(config=network.model.config)
        self.length = 0  # tokens that are kept

    def hear(self, ids: Sequence[int]) -> list[float]:
        """Feed tokens and return the probability of each node as the next action."""
        import torch

        shares = torch.softmax(self._feed(ids)[-1].float(), -1)
        found: list[float] = shares[self.network.actions].tolist()
        return found

    def say(self, action: int, drafts: Sequence[str], most: int = 80) -> str:
        """Take an action and return the words that follow it, one after the other the likeliest.

        Each of ``drafts`` is checked in one pass: where every token of it is the likeliest, it is
        what decoding step by step would have given.
        """
        kept = self.length
        words, end = self.network.encoder.words, self.network.encoder.end
        for draft in drafts:
            ids = [action, *words(draft), end]
            best = self._feed(ids).argmax(-1).tolist()
            if best[:-1] == ids[1:]:
                return draft
            self.rewind(kept)
        found: list[int] = []
        token = int(self._feed([action])[-1].argmax())
        while token != end and len(found) < most:
            found.append(token)
            token = int(self._feed([token])[-1].argmax())
        self._feed([end])
        return str(self.network.encoder.tokenizer.decode(found)).strip()

    def room(self, count: int) -> bool:
        """Return whether ``count`` more tokens fit."""
        return self.length + count <= self.network.context

    def rewind(self, length: int) -> None:
        """Forget what was fed after the first ``length`` tokens."""
        if length < self.length:
            self.cache.crop(length - self.length)  # negative: how many to drop
        self.length = length

    def _feed(self, ids: Sequence[int]) -> Any:
        import torch

        with torch.inference_mode():
            out = self.network.model(
                torch.tensor([ids]), past_key_values=self.cache, use_cache=True
            )
        self.length += len(ids)
        return out.logits[0]
