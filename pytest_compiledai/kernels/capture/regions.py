"""From pieces of a graph to regions with canonical names, and to the calls of one step."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.fx import Node

from pytest_compiledai.kernels.capture import operators as known
from pytest_compiledai.kernels.capture.cutting import Piece
from pytest_compiledai.kernels.capture.cutting import is_view
from pytest_compiledai.kernels.capture.cutting import module_of
from pytest_compiledai.kernels.plan import Call
from pytest_compiledai.kernels.region import Op
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import Value

#: Keyword arguments that say where a tensor lies, which is the runtime's business.
_PLACES = frozenset(("device", "layout", "pin_memory", "memory_format"))
_PREFIX = {"activation": "x", "weight": "w", "state": "s"}


class Named:
    """What each placeholder of the graph is to the model: its name and its role."""

    def __init__(self, names: Mapping[Node, str], roles: Mapping[Node, str]) -> None:
        self.names = names
        self.roles = roles

    def name(self, node: Node) -> str:
        """Return the name that calls use."""
        return self.names.get(node, node.name)

    def role(self, node: Node) -> str:
        """Return the role of a value."""
        return self.roles.get(node, "activation")


class Maker:
    """Makes one region of one piece."""

    def __init__(self, piece: Piece, named: Named, states: Mapping[Node, Node]) -> None:
        self.piece = piece
        self.named = named
        self.states = states
        self.local: dict[Node, str] = {}
        self.inputs: list[tuple[Node, Value]] = []
        self.mutates: list[str] = []
        self.ops: list[Op] = []
        self.inside = set(piece.nodes)

    def make(self, outputs: list[Node]) -> tuple[Region, Call]:
        """Return the region, and the call with the names of this place."""
        for node in self.piece.nodes:
            self._emit(node)
        for node in outputs:
            self._read(node)
        named = [(node, self.local[node]) for node in outputs]
        region = Region(
            name=name_of(self.piece),
            family=family_of(self.piece),
            inputs=tuple(value for _, value in self.inputs),
            outputs=tuple(value_of(node, name, "activation") for node, name in named),
            ops=tuple(self.ops),
            mutates=tuple(dict.fromkeys(self.mutates)),
            flops=sum(known.flops_of(node) for node in self.piece.nodes),
            count=1,
            boundary=self.piece.boundary,
        )
        call = Call(
            region="",
            inputs=tuple(self.named.name(node) for node, _ in self.inputs),
            outputs=tuple(node.name for node in outputs),
        )
        return region, call

    def _emit(self, node: Node) -> None:
        args = tuple(self._argument(value) for value in node.args)
        kwargs = {k: self._argument(v) for k, v in node.kwargs.items() if k not in _PLACES}
        writes = node in self.states
        if writes:
            self.local[node] = self._read(self.states[node])
            self.mutates.append(self.local[node])
        else:
            self.local[node] = f"t{len(self.ops)}"
        meta = node.meta.get("val")
        tensor = meta if isinstance(meta, torch.Tensor) else None
        self.ops.append(
            Op(
                target=known.target_of(node),
                args=args,
                kwargs=kwargs,
                out="" if writes else self.local[node],
                shape=tuple(int(n) for n in tensor.shape) if tensor is not None else (),
                dtype=dtype_name(tensor.dtype) if tensor is not None else "",
                contract=known.contract_of(node) or "opaque",
                reduces=known.reduced(node),
            )
        )

    def _read(self, node: Node) -> str:
        """Return the local name of a node; a view from outside is made again in here."""
        if node in self.local:
            return self.local[node]
        if self.states.get(node, node) is not node:
            self.local[node] = self._read(self.states[node])
        elif is_view(node):
            self._emit(node)
        else:
            role = self.named.role(node)
            number = sum(value.role == role for _, value in self.inputs)
            name = f"{_PREFIX[role]}{number}"
            self.inputs.append((node, value_of(node, name, role)))
            self.local[node] = name
        return self.local[node]

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Node):
            return {"t": self._read(value)}
        if isinstance(value, (list, tuple)):
            return [self._argument(item) for item in value]
        if isinstance(value, torch.dtype):
            return {"dtype": dtype_name(value)}
        if isinstance(value, float) and math.isinf(value):
            return {"f": "inf" if value > 0 else "-inf"}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"an argument of type {type(value).__name__}")


def gather(made: list[tuple[Region, Call]]) -> tuple[tuple[Region, ...], tuple[Call, ...]]:
    """Return one region a signature, with names of their own, and the calls that use them."""
    counts = Counter(region.signature for region, _ in made)
    names: dict[str, str] = {}
    regions: list[Region] = []
    for region, _ in made:
        if region.signature not in names:
            name = _free(region.name, set(names.values()))
            names[region.signature] = name
            regions.append(replace(region, name=name, count=counts[region.signature]))
    calls = tuple(replace(call, region=names[region.signature]) for region, call in made)
    return tuple(regions), calls


def family_of(piece: Piece) -> str:  # noqa: PLR0911 - one case a family
    """Return what a piece is to the template families."""
    if piece.boundary:
        return "framework"
    names = [known.name_of(node) for node in piece.nodes]
    linears = names.count("linear")
    if "decode_attention" in names:
        return "attention"
    if "embedding" in names:
        return "embedding"
    if "argmax" in names:
        return "sampler"
    if "index_copy_" in names and linears:
        return "qkv"
    if linears == 2 and "silu" in names:  # noqa: PLR2004 - gate and up
        return "gate_up"
    if linears:
        return "gemv"
    if {"cos", "sin"} <= set(names):
        return "rope"
    return "reduction" if any(map(known.is_row_sum, piece.nodes)) else "elementwise"


def name_of(piece: Piece) -> str:
    """Return a name for a piece's region: its products' modules, else its last module or op."""
    heavy = [node for node in piece.nodes if known.is_heavy(node)]
    told = [_last(module_of(node)) for node in heavy if not known.is_closed(node)]
    told = [name for name in told if name]
    if piece.boundary or not told or any(map(known.is_closed, piece.nodes)):
        subject = (heavy or piece.nodes)[-1]
        closed = known.is_closed(subject) or piece.boundary
        name = known.name_of(subject) if closed else ""
        return _plain(name or _last(module_of(piece.nodes[-1])) or known.name_of(piece.nodes[-1]))
    unique = list(dict.fromkeys(told))
    ends = {name.rpartition("_")[2] for name in unique}
    if len(unique) > 1 and len(ends) == 1:
        unique = [name.rpartition("_")[0] for name in unique[:-1]] + [unique[-1]]
    return _plain("_".join(unique))


def value_of(node: Node, name: str, role: str) -> Value:
    """Return a node's tensor as a value. Raises ``TypeError`` for what is no tensor."""
    tensor = node.meta.get("val")
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{node.name} is no tensor")
    return Value(
        name=name,
        shape=tuple(int(size) for size in tensor.shape),
        dtype=dtype_name(tensor.dtype),
        strides=tuple(int(stride) for stride in tensor.stride()),
        role=role,
    )


def dtype_name(dtype: torch.dtype) -> str:
    """Return a dtype as plans write it."""
    return str(dtype).removeprefix("torch.")


def outputs_of(piece: Piece, results: frozenset[Node], states: Mapping[Node, Node]) -> list[Node]:
    """Return the nodes of a piece that others read or that the step returns, in order."""
    inside = set(piece.nodes)
    return [
        node
        for node in piece.nodes
        if node not in states and (node in results or any(u not in inside for u in _users(node)))
    ]


def _users(node: Node) -> Iterator[Node]:
    """Yield the readers of a node, seen through views."""
    for user in node.users:
        if is_view(user):
            yield from _users(user)
        else:
            yield user


def _free(name: str, taken: set[str]) -> str:
    if name not in taken and name != "whole":
        return name
    return next(f"{name}_{n}" for n in range(2, 10_000) if f"{name}_{n}" not in taken)


def _last(path: str) -> str:
    part = path.rpartition(".")[2]
    return "" if part.isdigit() else part


def _plain(name: str) -> str:
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return text[:48] if re.match(r"[a-z]", text) else f"region_{text}"[:48].strip("_")
