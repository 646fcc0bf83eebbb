"""Norm, three projections, norms of heads, rotation and the cache, as the framework's models write it."""

import torch


def reference(tensors, numbers):
    size, at = tensors["cos"].shape[0], int(tensors["position"][0])
    row = _norm(tensors["x"], tensors["gain"], numbers["eps"])
    q, k, v = (
        torch.nn.functional.linear(row[None], tensors[name])[0].view(-1, size)
        for name in ("wq", "wk", "wv")
    )
    q = _norm(q, tensors["q_gain"], numbers["q_eps"])
    k = _norm(k, tensors["k_gain"], numbers["k_eps"])
    keys, values = tensors["k"].clone(), tensors["v"].clone()
    keys[:, at], values[:, at] = _turned(k, tensors), v
    return {"out": _turned(q, tensors), "k": keys, "v": values}


def _norm(x, gain, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return gain * (wide * scale).to(x.dtype)


def _turned(x, tensors):
    first, second = x.chunk(2, dim=-1)
    return x * tensors["cos"] + torch.cat((-second, first), dim=-1) * tensors["sin"]
