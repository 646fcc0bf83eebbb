"""Rotary embedding as the framework's models write it."""

import torch


def reference(tensors, numbers):
    x = tensors["x"]
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return {"out": x * tensors["cos"] + turned * tensors["sin"]}
