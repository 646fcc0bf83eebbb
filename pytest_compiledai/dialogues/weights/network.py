"""A trained network in this process: read from safetensors and JSON, no network, no code.

Torch and transformers are imported here, when a network is opened and not before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.weights import tokens

_TOGETHER: Final = 64  # turns that are scored side by side


class Network:
    """The weights of one flow."""

    def __init__(self, files: Mapping[str, bytes], choices: Mapping[str, Sequence[str]]) -> None:
        """Open the artifact's files; ``choices`` are the nodes that may follow each node.

        Raises ``ValueError`` where they do not fit together.
        """
        import safetensors.torch
        import tokenizers
        import torch
        import transformers

        auto: Any = transformers.AutoModelForCausalLM
        settings = json.loads(files["config.json"])
        config = transformers.AutoConfig.for_model(**settings)
        self.encoder = tokens.Encoder(
            tokenizers.Tokenizer.from_str(files["tokenizer.json"].decode("utf-8"))
        )
        with torch.device("meta"):
            self.model = auto.from_config(config)
        self.model.to_empty(device="cpu")
        state = safetensors.torch.load(files["model.safetensors"])
        left = self.model.load_state_dict(state, strict=False)
        missing = [key for key in left.missing_keys if key != "lm_head.weight"]
        if missing or left.unexpected_keys:
            raise ValueError(f"found tensors other than those of the configuration: {missing[:3]}")
        self.model.tie_weights()
        _fill_buffers(self.model, config)
        self.model.eval()
        self.context = int(config.max_position_embeddings)
        self.choices = choices
        self.actions = {
            node: torch.tensor([self.encoder.unsure, *map(self.encoder.act, after)])
            for node, after in choices.items()
        }

    def shares(self, node: str, scores: Any) -> dict[str, float]:
        """Return the probability of each node that may follow ``node``, from a row of scores.

        Raises ``ValueError`` where a score is not a number.
        """
        import torch

        found = torch.softmax(scores[self.actions[node]].float(), -1).tolist()
        if not all(map(math.isfinite, found)):
            raise ValueError("found a score that is no number")
        return dict(zip(self.choices[node], found[1:], strict=True))

    def decide(self, node: str, heard: Sequence[int]) -> dict[str, float]:
        """Return the same after the tokens of a user's turn at ``node``."""
        return self.shares(node, self._scores([heard])[0])

    def scores(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return the same for many turns; each has ``node``, ``has`` and ``user``."""
        heard = [self.encoder.heard(row["node"], row["has"], row["user"]) for row in rows]
        order = sorted(range(len(rows)), key=lambda at: len(heard[at]))
        found: list[dict[str, float]] = [{}] * len(rows)
        for start in range(0, len(order), _TOGETHER):
            part = order[start : start + _TOGETHER]
            for at, row in zip(part, self._scores([heard[at] for at in part]), strict=True):
                found[at] = self.shares(rows[at]["node"], row)
        return found

    def _scores(self, heard: Sequence[Sequence[int]]) -> Any:
        """Return the scores of what follows each sequence, a row each."""
        import torch

        longest = max(map(len, heard))
        # What follows a token never changes it, so padding behind needs no mask.
        ids = [[*one, *[self.encoder.pad] * (longest - len(one))] for one in heard]
        with torch.inference_mode():
            hidden = self.model.base_model(torch.tensor(ids), use_cache=False)[0]
            last = hidden[range(len(heard)), [len(one) - 1 for one in heard]]
            return self.model.get_output_embeddings()(last)

    def say(self, node: str, drafts: Sequence[str], most: int = 80) -> str:
        """Return the agent's words at a node, one token after the other the likeliest.

        Each of ``drafts`` is checked in one pass: where every token of it is the likeliest, it is
        what decoding step by step would have given.
        """
        import torch

        for draft in drafts:
            ids = self.encoder.spoken(node, draft)
            with torch.inference_mode():
                following = self.model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
            if following[1:-1] == ids[2:]:
                return draft
        ids = self.encoder.spoken(node, "")[:2]
        while len(ids) < most:
            token = int(self._scores([ids])[0].argmax())
            if token == self.encoder.end:
                break
            ids.append(token)
        return str(self.encoder.tokenizer.decode(ids[2:])).strip()

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
