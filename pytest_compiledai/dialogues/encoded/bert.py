"""A frozen sentence encoder of BERT's form: tensors and JSON of an installed package, no code.

The forward pass is written out: what a library adds round it takes a third of the time of a turn.
Source: J. Devlin et al., "BERT", NAACL 2019; the vector of a text is the mean of the last layer,
as N. Reimers and I. Gurevych, "Sentence-BERT", EMNLP 2019, have it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.encoder import folder_of

#: Tokens of a text that are looked at.
CONTEXT: Final = 256
_BESIDE: Final = ("config.json", "tokenizer.json")
#: What of each layer is multiplied, and what is normed, by the names of the file.
_LINEAR: Final = ("attention.output.dense", "intermediate.dense", "output.dense")
_NORMS: Final = ("attention.output.LayerNorm", "output.LayerNorm")


def found(encoder: Mapping[str, str]) -> tuple[Path, str]:
    """Return the folder of an encoder, and the digest of what lies beside its weights.

    Raises ``LookupError`` where the package is missing or holds other weights.
    """
    folder = folder_of(encoder["package"], encoder["sha256"])
    beside = "".join(digest((folder / name).read_bytes()) for name in _BESIDE)
    return folder, digest(beside.encode("ascii"))


class Encoder:
    """Texts as vectors of length 1."""

    def __init__(self, folder: Path) -> None:
        """Open the files. Raises ``ValueError`` for an encoder of another form."""
        import safetensors.torch
        import tokenizers
        import torch

        torch.set_num_threads(1)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        form = [config.get(key) for key in ("model_type", "hidden_act")]
        if form != ["bert", "gelu"]:
            raise ValueError(f"found an encoder of the form {form}; expected ['bert', 'gelu']")
        self.heads = int(config["num_attention_heads"])
        self.epsilon = float(config["layer_norm_eps"])
        self.width = int(config["hidden_size"])
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(CONTEXT)
        self.tensors = safetensors.torch.load_file(folder / "model.safetensors")
        self.layers = [self._layer(number) for number in range(config["num_hidden_layers"])]
        self.first = self._pair("embeddings.LayerNorm")

    def _layer(self, number: int) -> tuple[Any, ...]:
        import torch

        names = [f"encoder.layer.{number}.attention.self.{x}" for x in ("query", "key", "value")]
        weight, bias = (
            torch.cat([self.tensors.pop(f"{name}.{part}") for name in names])
            for part in ("weight", "bias")
        )
        linear = [self._pair(f"encoder.layer.{number}.{name}") for name in _LINEAR]
        norms = [self._pair(f"encoder.layer.{number}.{name}") for name in _NORMS]
        # Few rows times a matrix that lies the other way round take half the time.
        turned = [(w.t().contiguous(), b) for w, b in ((weight, bias), *linear)]
        return (*turned, *norms)

    def _pair(self, name: str) -> tuple[Any, Any]:
        return self.tensors.pop(f"{name}.weight"), self.tensors.pop(f"{name}.bias")

    def vectors(self, texts: Sequence[str]) -> Any:
        """Return a tensor of one row a text; each is encoded by itself: padding changes bits."""
        import torch

        with torch.inference_mode():
            return torch.stack([self._vector(self.tokenizer.encode(text).ids) for text in texts])

    def _vector(self, ids: Sequence[int]) -> Any:
        import torch

        tensors, count, per = self.tensors, len(ids), self.width // self.heads
        x = tensors["embeddings.word_embeddings.weight"][torch.tensor(ids)]
        x = x + tensors["embeddings.position_embeddings.weight"][:count]
        x = x + tensors["embeddings.token_type_embeddings.weight"][0]
        x = self._normed(x, self.first)
        for joined, out, wide, narrow, first, second in self.layers:
            parts = _linear(x, joined).view(count, 3, self.heads, per).permute(1, 2, 0, 3)
            heard = torch.nn.functional.scaled_dot_product_attention(*parts)
            x = self._normed(x + _linear(heard.transpose(0, 1).flatten(1), out), first)
            wider = torch.nn.functional.gelu(_linear(x, wide))
            x = self._normed(x + _linear(wider, narrow), second)
        return torch.nn.functional.normalize(x.mean(0), dim=0)

    def _normed(self, x: Any, pair: tuple[Any, Any]) -> Any:
        import torch

        return torch.nn.functional.layer_norm(x, (self.width,), *pair, self.epsilon)


def _linear(x: Any, pair: tuple[Any, Any]) -> Any:
    """Return ``x`` times a matrix plus a row."""
    import torch

    return torch.addmm(pair[1], x, pair[0])
