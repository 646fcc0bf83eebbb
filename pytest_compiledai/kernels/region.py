"""A region of a model: what it reads, computes and writes, as facts that two programs can share.

Names inside a region are canonical (`x0`, `w0`, `s0`, `t0`), so that the same mathematics over the
same shapes is the same value wherever it stands in the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from math import prod
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import digest_of

ROLES: Final = ("activation", "weight", "state")
#: Bytes of an element, by dtype as messages and plans write it.
WIDTHS: Final[Mapping[str, int]] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One tensor that goes into a region or comes out of it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]  # elements
    role: str  # one of ROLES

    @property
    def size(self) -> int:
        """The bytes of its elements."""
        return prod(self.shape) * WIDTHS[self.dtype]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One operator: ATen's name or one of our own, and arguments as JSON.

    A tensor is `{"t": name}`, a dtype `{"dtype": name}`, an infinite number `{"f": text}`.
    """

    target: str  # `aten.mul.Tensor`, `compiledai.decode_attention`
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: str  # the name of its result; "" where it only writes into an argument
    shape: tuple[int, ...]
    dtype: str
    contract: str  # what its numbers promise, one of CONTRACTS
    reduces: tuple[int, ...] = ()  # axes of its first tensor that are summed or compared away


#: What an operator's numbers promise: `exact` copies or compares bits; `rounded` is one correctly
#: rounded step an element; `function` is a library function of some ulp; `sum` depends on the
#: order of addition; `opaque` is our own operator, whose reference says it.
CONTRACTS: Final = ("exact", "rounded", "function", "sum", "opaque")


@dataclass(frozen=True, kw_only=True)
class Region:
    """A stretch of one decode step that may become one or a few kernels."""

    name: str  # of its unit, after the model's: `qkv`, `attention`
    family: str  # what it is to the template families; `framework` where they have nothing
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    ops: tuple[Op, ...]
    mutates: tuple[str, ...]  # names of state inputs it writes into
    flops: int
    count: int  # of its places in one step
    boundary: str = ""  # why nothing may be fused across it; "" for none
    numbers: Mapping[str, float] = field(default_factory=dict)  # eps, scale

    @cached_property
    def signature(self) -> str:
        """The SHA-256 over operators, shapes, dtypes, strides, roles and numbers, not names."""
        facts = self.as_json()
        for key in ("name", "count"):
            del facts[key]
        return digest_of(facts)

    @property
    def bytes(self) -> int:
        """The bytes that must move at least once: weights and inputs read, outputs written.

        Of state, a step reads and writes at run time only the part that its position names; the
        whole of it counts here, which is the bound at the last position.
        """
        return sum(value.size for value in (*self.inputs, *self.outputs))

    def value(self, name: str) -> Value:
        """Return an input or output by name; raises ``KeyError``."""
        return {value.name: value for value in (*self.inputs, *self.outputs)}[name]

    def as_json(self) -> dict[str, Any]:
        """Return JSON values; ``region_from`` reads them."""
        return {
            "name": self.name,
            "family": self.family,
            "inputs": [_value_json(value) for value in self.inputs],
            "outputs": [_value_json(value) for value in self.outputs],
            "ops": [_op_json(op) for op in self.ops],
            "mutates": list(self.mutates),
            "flops": self.flops,
            "count": self.count,
            "boundary": self.boundary,
            "numbers": dict(sorted(self.numbers.items())),
        }


def region_from(data: Mapping[str, Any]) -> Region:
    """Return the region in ``data``.

    Raises ``ValueError``, ``KeyError`` or ``TypeError`` for anything ``as_json`` does not write.
    """
    region = Region(
        name=str(data["name"]),
        family=str(data["family"]),
        inputs=tuple(_value(item) for item in data["inputs"]),
        outputs=tuple(_value(item) for item in data["outputs"]),
        ops=tuple(_op(item) for item in data["ops"]),
        mutates=tuple(data["mutates"]),
        flops=int(data["flops"]),
        count=int(data["count"]),
        boundary=str(data["boundary"]),
        numbers=dict(data["numbers"]),
    )
    if fault := next(_faults(region), ""):
        raise ValueError(fault)
    if region.as_json() != data:
        raise ValueError(f"region {region.name} has keys or values that no capture writes")
    return region


def tensors_in(value: Any) -> Iterator[str]:
    """Yield the names of tensors in an argument, in order."""
    if isinstance(value, Mapping):
        if "t" in value:
            yield value["t"]
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def _faults(region: Region) -> Iterator[str]:
    for value in (*region.inputs, *region.outputs):
        if value.role not in ROLES or value.dtype not in WIDTHS:
            yield f"region {region.name}: {value.name} is {value.role} of {value.dtype}"
        if len(value.strides) != len(value.shape):
            yield f"region {region.name}: {value.name} has strides of another rank"
    yield from _order_faults(region)


def _order_faults(region: Region) -> Iterator[str]:
    known = {value.name for value in region.inputs}
    if len(known) != len(region.inputs):
        yield f"region {region.name} has one input twice"
    for op in region.ops:
        if op.contract not in CONTRACTS:
            yield f"region {region.name}: {op.target} promises {op.contract}"
        for name in tensors_in([*op.args, *op.kwargs.values()]):
            if name not in known:
                yield f"region {region.name}: {op.target} reads {name} before it is made"
        known.add(op.out)
    for name in [*(value.name for value in region.outputs), *region.mutates]:
        if name not in known:
            yield f"region {region.name}: nothing makes {name}"


def _value_json(value: Value) -> dict[str, Any]:
    return {
        "name": value.name,
        "shape": list(value.shape),
        "dtype": value.dtype,
        "strides": list(value.strides),
        "role": value.role,
    }


def _op_json(op: Op) -> dict[str, Any]:
    return {
        "target": op.target,
        "args": _plain(op.args),
        "kwargs": {key: _plain(value) for key, value in sorted(op.kwargs.items())},
        "out": op.out,
        "shape": list(op.shape),
        "dtype": op.dtype,
        "contract": op.contract,
        "reduces": list(op.reduces),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _value(data: Mapping[str, Any]) -> Value:
    return Value(
        name=str(data["name"]),
        shape=_numbers(data["shape"]),
        dtype=str(data["dtype"]),
        strides=_numbers(data["strides"]),
        role=str(data["role"]),
    )


def _op(data: Mapping[str, Any]) -> Op:
    return Op(
        target=str(data["target"]),
        args=tuple(data["args"]),
        kwargs=dict(data["kwargs"]),
        out=str(data["out"]),
        shape=_numbers(data["shape"]),
        dtype=str(data["dtype"]),
        contract=str(data["contract"]),
        reduces=_numbers(data["reduces"]),
    )


def _numbers(values: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
