"""The model itself, as its source gives it, and its inputs as arrays. In the worker's process."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any


class Original:
    """One model: ``module`` in evaluation mode, and what makes its inputs."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.inputs = job["inputs"]
        self.sizes = job["axes"]

    @cached_property
    def module(self) -> Any:
        """The module; parameters need no gradient."""
        source = self.job["source"]
        made = _built(source) if source["kind"] == "builder" else _pretrained(source)
        return made.eval().requires_grad_(requires_grad=False)

    def repeats(self) -> bool:
        """Return whether a builder gives the weights again that it gave first; a folder does."""
        import torch

        source = self.job["source"]
        if source["kind"] != "builder":
            return True
        first = self.module.state_dict()
        torch.manual_seed(0)  # as before the first
        again = _built(source).state_dict()
        return first.keys() == again.keys() and all(
            torch.equal(tensor, again[name]) or bool(tensor.isnan().any())
            for name, tensor in first.items()
        )

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(
            self.job["source"]["folder"], local_files_only=True, trust_remote_code=False
        )

    def arrays(self, row: Mapping[str, Any]) -> list[Any]:
        """Return a row's inputs in the spec's order; text is tokenized to the longest allowed."""
        import numpy as np

        given = self._tokens(row["text"]) if "text" in row else row["inputs"]
        return [np.array(given[each["name"]], dtype=each["dtype"]) for each in self.inputs]

    def _tokens(self, text: str) -> Mapping[str, Any]:
        longest = max((most for _, most in self.sizes.values()), default=512)
        found: Mapping[str, Any] = self._tokenizer(
            [text], truncation=True, max_length=longest, return_tensors="np"
        )
        return found

    def example(self) -> list[Any]:
        """Return tensors in the middle of what the axes allow, which no exporter specialises on."""
        import torch

        sizes = {name: max(least, min(most, 3)) for name, (least, most) in self.sizes.items()}
        kinds = {"float32": torch.float32, "float64": torch.float64}
        found = []
        for each in self.inputs:
            shape = [sizes.get(axis, axis) for axis in each["shape"]]
            kind = kinds.get(each["dtype"]) or getattr(torch, each["dtype"])
            found.append(torch.full(shape, max(0, each["low"])).to(kind))
        return found

    def axes(self) -> dict[str, Any]:
        """Return the sizes of named axes, and the names of each input's."""
        return {"sizes": self.sizes, "shapes": [each["shape"] for each in self.inputs]}


def _built(source: Mapping[str, Any]) -> Any:
    """Return what the user's function builds."""
    path = Path(source["builder"])
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, source["function"])()


def _pretrained(source: Mapping[str, Any]) -> Any:
    """Return a model of safetensors on this machine; nothing is downloaded, no code comes along."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(
        source["folder"],
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        dtype=torch.float32,
    )
    return _pooled(model, source["pool"], source["names"])


def _pooled(model: Any, pool: str, names: Sequence[str]) -> Any:
    """Return a module of positional inputs whose output is one tensor."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: torch.Tensor) -> Any:
            given = dict(zip(names, inputs, strict=True))
            states = self.model(**given).last_hidden_state
            if pool == "none":
                return states
            if pool == "cls":
                return torch.nn.functional.normalize(states[:, 0], dim=-1)
            mask = given["attention_mask"].unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=-1)

    return Pooled()
