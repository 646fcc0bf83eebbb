"""A linear layer on one row, added to the residual."""

import torch


def reference(tensors, numbers):
    product = torch.nn.functional.linear(tensors["x"][None], tensors["weight"])[0]
    return {"out": tensors["residual"] + product}
