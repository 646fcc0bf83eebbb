"""What is known of an operator: whether it costs, reduces or multiplies, and what it promises."""

from __future__ import annotations

from math import prod
from typing import Any
from typing import Final

import torch
from torch.fx import Node

#: They only look at memory in another way, so each reader takes its own.
VIEWS: Final = frozenset(
    (
        *("view", "reshape", "transpose", "permute", "unsqueeze", "squeeze", "expand", "slice"),
        *("select", "t", "flatten", "unflatten", "narrow", "movedim", "view_as", "expand_as"),
        *("broadcast_to", "swapaxes", "contiguous"),
    )
)
#: They make a tensor of nothing but numbers.
CONSTANTS: Final = frozenset(("arange", "zeros", "ones", "full", "scalar_tensor", "empty"))
#: They give back their first argument when a model only answers.
NOTHING: Final = frozenset(("detach", "alias", "lift_fresh_copy", "dropout", "feature_dropout"))
_EXACT = frozenset(
    (
        *("cat", "stack", "clone", "embedding", "gather", "index_select", "index", "where"),
        *("eq", "ne", "lt", "le", "gt", "ge", "neg", "abs", "relu", "argmax", "argmin", "amax"),
        *("amin", "split", "chunk", "unbind", "split_with_sizes", "masked_fill", "clamp", "tril"),
        *("triu", "topk", "index_copy_", "copy_", "index_put_", "logical_and", "logical_not"),
        *("getitem", "repeat", "repeat_interleave", "roll", "max", "min", "floor", "round"),
    )
)
_ROUNDED = frozenset(
    ("add", "sub", "mul", "div", "sqrt", "to", "_to_copy", "reciprocal", "rsub", "addcmul")
)
_SUMS = frozenset(
    (
        *("mean", "sum", "var", "softmax", "_softmax", "log_softmax", "layer_norm", "rms_norm"),
        *("native_layer_norm", "cumsum", "norm", "linalg_vector_norm", "prod", "group_norm"),
        *("avg_pool2d", "adaptive_avg_pool2d", "logsumexp", "batch_norm"),
    )
)
_PRODUCTS = frozenset(
    ("linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "conv1d", "conv2d", "einsum")
)
#: They are regions of their own: nothing is fused with them from outside.
_CLOSED = frozenset(("decode_attention", "scaled_dot_product_attention"))
_LOOKUPS = frozenset(("embedding",))
#: Compare a whole row away, as a sum does.
_COMPARED = frozenset(("argmax", "argmin", "amax", "amin", "max", "min", "topk"))
_ROW = frozenset(("softmax", "_softmax", "log_softmax", "argmax", "argmin", "topk", "logsumexp"))


def name_of(node: Node) -> str:
    """Return an operator's name without space and overload, for example `linear`."""
    return target_of(node).split(".")[1]


def target_of(node: Node) -> str:
    """Return an operator as plans write it, for example `aten.linear.default`."""
    if isinstance(node.target, torch._ops.OpOverload):  # noqa: SLF001 - the class has no public name
        return str(node.target).replace("::", ".")
    name = getattr(node.target, "__name__", str(node.target))
    return f"operator.{name}"


def contract_of(node: Node) -> str:
    """Return what an operator's numbers promise; "" where nothing is known of it."""
    name = name_of(node)
    if name in _CLOSED:
        return "opaque"
    if name in VIEWS or name in CONSTANTS or name in _EXACT:
        return "exact"
    if name in _ROUNDED:
        return "rounded"
    if name in _SUMS or name in _PRODUCTS:
        return "sum"
    tags = getattr(node.target, "tags", ())
    return "function" if torch.Tag.pointwise in tags else ""


def is_heavy(node: Node) -> bool:
    """Return whether an operator reads a weight, or as much, once: a product or a lookup."""
    return name_of(node) in _PRODUCTS | _CLOSED | _LOOKUPS


def is_closed(node: Node) -> bool:
    """Return whether an operator is a region of its own."""
    return name_of(node) in _CLOSED


def reduced(node: Node) -> tuple[int, ...]:
    """Return the axes of the first tensor that an operator sums or compares away."""
    name = name_of(node)
    first = shape_of(node.args[0]) if node.args else ()
    if name in _PRODUCTS:
        return (len(first) - 1,) if first else ()
    if name not in _SUMS | _COMPARED or not first:
        return ()
    if name in {"layer_norm", "rms_norm", "native_layer_norm"}:
        return tuple(range(len(first) - len(list(node.args[1])), len(first)))  # type: ignore[arg-type]
    given = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    if name == "topk":
        given = node.args[2] if len(node.args) > 2 else -1  # noqa: PLR2004 - topk(x, k, dim)
    axes = given if isinstance(given, (list, tuple)) else [given]
    if any(not isinstance(axis, int) for axis in axes):
        return tuple(range(len(first)))
    return tuple(sorted(int(axis) % len(first) for axis in axes))  # type: ignore[arg-type]


def is_row_sum(node: Node) -> bool:
    """Return whether an operator needs whole rows of what it reads, and multiplies nothing."""
    return name_of(node) in _SUMS | _COMPARED


def flops_of(node: Node) -> int:
    """Return the floating-point operations of one call; lookups and copies have none."""
    name, out = name_of(node), prod(shape_of(node))
    first = shape_of(node.args[0]) if node.args else ()
    if name in {"linear", "matmul", "mm", "bmm"}:
        return 2 * out * (first[-1] if first else 1)
    if name in {"addmm", "baddbmm"}:
        return 2 * out * shape_of(node.args[1])[-1]
    if name in {"conv1d", "conv2d"}:
        return 2 * out * prod(shape_of(node.args[1])[1:])
    if name in _CLOSED:
        keys = shape_of(node.args[1])
        return 4 * prod(first) * keys[-2]
    if contract_of(node) in {"exact", ""}:
        return 0
    return max(out, prod(first))


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the sizes of a node's tensor; () for anything else."""
    meta = value.meta.get("val") if isinstance(value, Node) else None
    return tuple(int(size) for size in meta.shape) if isinstance(meta, torch.Tensor) else ()
