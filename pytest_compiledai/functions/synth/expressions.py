"""Expressions over an input: evaluated here while they are searched for, then written as Python."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import TypeAlias

from pytest_compiledai.functions.synth.parts import ops

#: What an expression gives where it cannot be evaluated; equal to no value.
NOTHING: Final = object()
_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    name: value for name, value in vars(ops).items() if callable(value) and name.islower()
}
_SIGNS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that every input gets."""

    value: Any


@dataclass(frozen=True, slots=True)
class Input:
    """A field of the input."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A step of ``parts.ops`` on what its arguments give; `sum`, `len` and signs too."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Texts one after another."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = "Constant | Input | Call | Concatenation"


def value_of(expression: Expression, data: Mapping[str, Any]) -> Any:
    """Return what an expression gives for an input; ``NOTHING`` where it cannot."""
    if isinstance(expression, Constant):
        return expression.value
    if isinstance(expression, Input):
        return data.get(expression.name, NOTHING)
    parts = expression.parts if isinstance(expression, Concatenation) else expression.arguments
    values = [value_of(part, data) for part in parts]
    if NOTHING in values:
        return NOTHING
    if isinstance(expression, Concatenation):
        return "".join(values)
    return _called(expression.function, values)


def _called(name: str, values: list[Any]) -> Any:
    try:
        if name in _SIGNS:
            return _SIGNS[name](*values)
        if name in ("sum", "len"):
            return sum(values[0]) if name == "sum" else len(values[0])
        return _FUNCTIONS[name](*values)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError):
        return NOTHING


def text_of(expression: Expression) -> str:
    """Return an expression as Python over `data`."""
    if isinstance(expression, Constant):
        return repr(expression.value)
    if isinstance(expression, Input):
        return f"data[{expression.name!r}]"
    if isinstance(expression, Concatenation):
        shown = "".join(f"            {text_of(part)},\n" for part in expression.parts)
        return f'"".join(\n        [\n{shown}        ]\n    )'
    arguments = [text_of(argument) for argument in expression.arguments]
    if expression.function in _SIGNS:
        return f"({f' {expression.function} '.join(arguments)})"
    return f"{expression.function}({', '.join(arguments)})"


def cost_of(expression: Expression) -> int:
    """Return how long an expression is; of those that fit all rows the shortest is taken."""
    if isinstance(expression, Constant):
        return 1 + len(expression.value) if isinstance(expression.value, str) else 1
    if isinstance(expression, Input):
        return 1
    parts = expression.parts if isinstance(expression, Concatenation) else expression.arguments
    return 2 + sum(cost_of(part) for part in parts)
