"""Low-rank training: a checkpoint's matrices stand still, and a small product beside each learns.

Source: E. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR (2022). Vectors and
embeddings are trained whole, because actions are tokens of their own. Once trained, the products
are added to the matrices, so that an artifact is the same three files; gates judge it like any.
"""

from __future__ import annotations

from typing import Any


def attach(model: Any, rank: int) -> None:
    """Freeze every linear layer of ``model``, its head apart, and put a product beside each."""
    import torch
    from torch.nn.utils import parametrize

    class Product(torch.nn.Module):
        """A matrix plus a product that begins as zero."""

        def __init__(self, rows: int, columns: int) -> None:
            super().__init__()
            self.down = torch.nn.Parameter(torch.randn(rank, columns) / columns**0.5)
            self.up = torch.nn.Parameter(torch.zeros(rows, rank))

        def forward(self, matrix: Any) -> Any:
            """Return the matrix that is used."""
            return matrix + self.up @ self.down

    for layer in _layers(model):
        layer.weight.requires_grad_(requires_grad=False)
        product = Product(*layer.weight.shape)
        parametrize.register_parametrization(layer, "weight", product)


def merge(model: Any) -> None:
    """Add every product to its matrix; a model without products stays as it is."""
    from torch.nn.utils import parametrize

    for layer in _layers(model):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def _layers(model: Any) -> list[Any]:
    import torch

    return [part for part in model.base_model.modules() if isinstance(part, torch.nn.Linear)]
