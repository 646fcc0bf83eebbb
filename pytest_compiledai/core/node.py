"""The typed tree of a schema, for whoever makes values, types or text from one.

Keywords have been checked and normalised: references are inlined, bounds of integers are whole and
inclusive, a `type` list is a union.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from types import MappingProxyType
from typing import TypeAlias

Scalar: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNode:
    """An object; ``additional`` says what properties beyond the named ones may hold."""

    properties: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({}))
    required: tuple[str, ...] = ()  # in the order of ``properties``
    additional: Node | bool = False  # True: any JSON value; False: none


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayNode:
    """A list of items of one shape."""

    items: Node
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StringNode:
    """A text without half surrogate pairs; lengths count code points."""

    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None  # judged by ``core.pattern.Pattern``
    format: str | None = None  # a name of ``core.formats.FORMATS``


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerNode:
    """A whole number, an ``int`` that is not a ``bool``."""

    minimum: int | None = None  # inclusive, as is the maximum
    maximum: int | None = None
    multiple_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberNode:
    """A finite number, ``int`` or ``float`` but not ``bool``."""

    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    multiple_of: float | None = None  # read as the decimal it is written as


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanNode:
    """True or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NullNode:
    """Null only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumNode:
    """One of a closed set of scalars (`enum`, `const`)."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionNode:
    """A value that fits at least one option (`anyOf`, or a list of types)."""

    options: tuple[Node, ...]


Node: TypeAlias = (
    ObjectNode
    | ArrayNode
    | StringNode
    | IntegerNode
    | NumberNode
    | BooleanNode
    | NullNode
    | EnumNode
    | UnionNode
)


def same_scalar(stated: Scalar, value: object) -> bool:
    """Return whether ``value`` is the scalar a schema states.

    Types count: 1 is neither true nor 1.0. Only a stated float also accepts an equal whole number,
    since JSON writers drop a fraction of zero.
    """
    if type(stated) is float:
        return type(value) in (int, float) and stated == value
    return type(stated) is type(value) and stated == value
