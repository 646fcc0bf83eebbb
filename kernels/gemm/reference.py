"""A linear layer without bias."""

import torch


def reference(tensors, numbers):
    return {"out": torch.nn.functional.linear(tensors["x"], tensors["weight"])}
