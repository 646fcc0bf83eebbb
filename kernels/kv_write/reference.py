"""The static cache's update at one position."""


def reference(tensors, numbers):
    at = int(tensors["position"][0])
    k, v = tensors["k"].clone(), tensors["v"].clone()
    k[:, at], v[:, at] = tensors["key"], tensors["value"]
    return {"k": k, "v": v}
