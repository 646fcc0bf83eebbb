"""Cosine and sine of a rotary embedding's angles, in float32 at least, as the framework does."""

import torch


def reference(tensors, numbers):
    freq = tensors["freq"]
    wide = torch.promote_types(freq.dtype, torch.float32)
    turn = tensors["position"].to(wide) * freq.to(wide)
    angle = torch.cat((turn, turn))
    scaled = [part * numbers["factor"] for part in (angle.cos(), angle.sin())]
    return {"cosine": scaled[0].to(freq.dtype), "sine": scaled[1].to(freq.dtype)}
