"""Greedy choice; a NaN counts as the largest, as it does in the framework."""

import torch


def reference(tensors, numbers):
    logits = tensors["logits"]
    top = torch.max(logits)
    same = torch.isnan(logits) if torch.isnan(top) else logits == top
    return {"token": torch.nonzero(same)[0].to(torch.int32)}
