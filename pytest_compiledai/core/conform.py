"""Whether a value conforms to a schema's tree, and if not, where and why.

A tree is compiled once into closures; judging never raises for plain JSON data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from typing import Final
from typing import TypeAlias

from pytest_compiledai.core.formats import FORMATS
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import BooleanNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NullNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.core.node import same_scalar
from pytest_compiledai.core.pattern import compile_pattern

PROBLEM_CAP: Final = 20  # problems told of one value
_SHOWN_CHARACTERS: Final = 60
_SHOWN_OPTIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One way in which a value departs from its schema."""

    path: str  # `lines[0].price`; "" for the value itself
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path or 'the value'}: found {self.found}; expected {self.expected}"


# The way to a value, innermost last: a pair of the way around it and a key. Linked pairs cost
# 30 ns a level, ready texts would cost more on every value that is good.
Way: TypeAlias = "tuple[Way, str | int] | None"
Judge: TypeAlias = Callable[[Any, Way, list[Problem]], None]


def compile_judge(node: Node) -> Judge:
    """Return the function that appends a value's problems to a list."""
    return _COMPILERS[type(node)](node)


def judge_value(judge: Judge, value: Any) -> tuple[Problem, ...]:
    """Return the first problems of ``value``, at most ``PROBLEM_CAP``."""
    problems: list[Problem] = []
    judge(value, None, problems)
    return tuple(problems[:PROBLEM_CAP])


def render_path(way: Way) -> str:
    """Return a way as text: `lines[0].price`, and `["a b"]` for what is no plain word."""
    steps: list[str | int] = []
    while way is not None:
        way, step = way
        steps.append(step)
    text = ""
    for step in reversed(steps):
        if isinstance(step, int):
            text += f"[{step}]"
        elif str(step).isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{_quoted(str(step))}]"
    return text


def shown(value: Any) -> str:
    """Return a value for a message: scalars as JSON, cut; the rest by its kind and size."""
    if isinstance(value, dict):
        return f"an object of {len(value)} properties" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)} items" if value else "an empty list"
    if isinstance(value, str):
        return _quoted(value)
    if type(value) is int and abs(value) >= 10**_SHOWN_CHARACTERS:
        return "a very large integer"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return f"a {type(value).__name__}, which is not JSON"


def _quoted(text: str) -> str:
    if len(text) > _SHOWN_CHARACTERS:
        return f"{json.dumps(text[:_SHOWN_CHARACTERS])}... ({len(text)} characters)"
    return json.dumps(text, ensure_ascii=not text.isprintable())


def describe(node: Node) -> str:
    """Return what a node asks for, for a message: `an integer from 1 to 5`."""
    return _DESCRIPTIONS[type(node)](node)


def _say(out: list[Problem], way: Way, value: Any, expected: str) -> None:
    out.append(Problem(path=render_path(way), found=shown(value), expected=expected))


def _object(node: ObjectNode) -> Judge:
    rows = [
        (name, compile_judge(child), name in node.required, describe(child))
        for name, child in node.properties.items()
    ]
    names = frozenset(node.properties)
    additional = node.additional
    extra = None if isinstance(additional, bool) else compile_judge(additional)
    permitted = f"no property but {_listed(sorted(names))}" if names else "no property"

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if type(value) is not dict:
            _say(out, way, value, "an object")
            return
        for name, judge_child, needed, wanted in rows:
            if name in value:
                judge_child(value[name], (way, name), out)
            elif needed:
                path = render_path((way, name))
                out.append(Problem(path=path, found="nothing", expected=wanted))
        if additional is True or value.keys() <= names:
            return
        for name in [name for name in value if name not in names]:
            if len(out) >= PROBLEM_CAP:
                return
            if extra is None:
                path = render_path((way, name))
                out.append(Problem(path=path, found="a property", expected=permitted))
            else:
                extra(value[name], (way, name), out)

    return judge


def _array(node: ArrayNode) -> Judge:
    judge_item = compile_judge(node.items)
    low, high, unique = node.min_items, node.max_items, node.unique
    size = _sized(low, high, "item")

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if type(value) is not list:
            _say(out, way, value, "a list")
            return
        if len(value) < low or (high is not None and len(value) > high):
            _say(out, way, value, f"a list of {size}")
        for index, item in enumerate(value):
            if len(out) >= PROBLEM_CAP:
                return
            judge_item(item, (way, index), out)
        if unique:
            _tell_repeated(value, way, out)

    return judge


def _tell_repeated(items: list[Any], way: Way, out: list[Problem]) -> None:
    first: dict[Any, int] = {}
    for index, item in enumerate(items):
        try:
            earlier = first.setdefault(_identity(item), index)
        except RecursionError:
            _say(out, (way, index), item, "less nesting")
            return
        if earlier != index:
            expected = f"an item that differs from item {earlier}"
            _say(out, (way, index), item, expected)
        if len(out) >= PROBLEM_CAP:
            return


def _identity(value: Any) -> Any:
    """Return a hashable that is equal for equal JSON: true is not 1, but 1.0 is."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", *map(_identity, value))
    if isinstance(value, dict):
        return ("object", frozenset((key, _identity(item)) for key, item in value.items()))
    return value


def _string(node: StringNode) -> Judge:
    low, high = node.min_length, node.max_length
    size = f"a string of {_sized(low, high, 'character')}"
    pattern = None if node.pattern is None else compile_pattern(node.pattern)
    check = None if node.format is None else FORMATS[node.format]

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if type(value) is not str:
            _say(out, way, value, describe(node))
            return
        if len(value) < low or (high is not None and len(value) > high):
            _say(out, way, value, size)
        if not value.isascii() and _has_surrogate(value):
            _say(out, way, value, "text without half surrogate pairs")
        if pattern is not None and not pattern.search(value):
            _say(out, way, value, f"a string that matches {node.pattern}")
        if check is not None and not check(value):
            _say(out, way, value, f"a string of format {node.format}")

    return judge


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _integer(node: IntegerNode) -> Judge:
    low, high, step = node.minimum, node.maximum, node.multiple_of
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if (
            type(value) is not int
            or (low is not None and value < low)
            or (high is not None and value > high)
            or (step is not None and value % step)
        ):
            _say(out, way, value, wanted)

    return judge


def _number(node: NumberNode) -> Judge:
    low, high = node.minimum, node.maximum
    above, below = node.exclusive_minimum, node.exclusive_maximum
    step = None if node.multiple_of is None else _decimal(node.multiple_of)
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if (
            not (type(value) is int or (type(value) is float and math.isfinite(value)))
            or (low is not None and value < low)
            or (high is not None and value > high)
            or (above is not None and value <= above)
            or (below is not None and value >= below)
            or (step is not None and _decimal(value) % step)
        ):
            _say(out, way, value, wanted)

    return judge


def _decimal(value: float) -> Fraction:
    """Return a number as the decimal it is written as: 19.99 is a multiple of 0.01."""
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _boolean(node: BooleanNode) -> Judge:
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if type(value) is not bool:
            _say(out, way, value, wanted)

    return judge


def _null(node: NullNode) -> Judge:
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if value is not None:
            _say(out, way, value, wanted)

    return judge


def _enum(node: EnumNode) -> Judge:
    values = node.values
    texts = frozenset(value for value in values if isinstance(value, str))
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if type(value) is str and value in texts:
            return
        if not any(same_scalar(stated, value) for stated in values):
            _say(out, way, value, wanted)

    return judge


def _union(node: UnionNode) -> Judge:
    judges = [(_TYPES.get(type(option)), compile_judge(option)) for option in node.options]
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        nearest: list[Problem] = []
        alike = 0
        for types, judge_option in judges:
            problems: list[Problem] = []
            judge_option(value, way, problems)
            if not problems:
                return
            if types is not None and type(value) in types:
                nearest, alike = problems, alike + 1
        # Where one option alone has the value's type, its own problems say more.
        if alike == 1:
            out += nearest
        else:
            _say(out, way, value, wanted)

    return judge


def _sized(low: int, high: int | None, noun: str) -> str:
    if high is None:
        return f"at least {low} {noun}{'' if low == 1 else 's'}"
    plural = "" if high == 1 else "s"
    return f"{high} {noun}{plural}" if low == high else f"{low} to {high} {noun}{plural}"


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_OPTIONS
    text = ", ".join(names[:_SHOWN_OPTIONS])
    return f"{text} and {more} more" if more > 0 else text


def _describe_string(node: StringNode) -> str:
    if node.pattern is not None:
        return f"a string that matches {node.pattern}"
    return "a string" if node.format is None else f"a string of format {node.format}"


def _describe_number(node: IntegerNode | NumberNode) -> str:
    words = ["an integer" if isinstance(node, IntegerNode) else "a finite number"]
    if isinstance(node, NumberNode) and node.exclusive_minimum is not None:
        words.append(f"above {node.exclusive_minimum}")
    if isinstance(node, NumberNode) and node.exclusive_maximum is not None:
        words.append(f"below {node.exclusive_maximum}")
    if node.minimum is not None:
        words.append(f"from {node.minimum}")
    if node.maximum is not None:
        words.append(f"up to {node.maximum}")
    if node.multiple_of is not None:
        words.append(f"in steps of {node.multiple_of}")
    return " ".join(words)


def _describe_enum(node: EnumNode) -> str:
    texts = _listed([shown(value) for value in node.values])
    return texts if len(node.values) == 1 else f"one of {texts}"


_DESCRIPTIONS: Final[dict[type, Callable[[Any], str]]] = {
    ObjectNode: lambda _: "an object",
    ArrayNode: lambda _: "a list",
    StringNode: _describe_string,
    IntegerNode: _describe_number,
    NumberNode: _describe_number,
    BooleanNode: lambda _: "true or false",
    NullNode: lambda _: "null",
    EnumNode: _describe_enum,
    UnionNode: lambda node: " or ".join(describe(option) for option in node.options),
}
_COMPILERS: Final[dict[type, Callable[[Any], Judge]]] = {
    ObjectNode: _object,
    ArrayNode: _array,
    StringNode: _string,
    IntegerNode: _integer,
    NumberNode: _number,
    BooleanNode: _boolean,
    NullNode: _null,
    EnumNode: _enum,
    UnionNode: _union,
}
#: Python types whose values an option could hold; enums and unions are judged as a whole.
_TYPES: Final[dict[type, tuple[type, ...]]] = {
    ObjectNode: (dict,),
    ArrayNode: (list,),
    StringNode: (str,),
    IntegerNode: (int,),
    NumberNode: (int, float),
}
