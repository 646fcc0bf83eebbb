"""Whether a value conforms to a schema's tree, and if not, where and why.

A tree is compiled once into closures; judging never raises for plain JSON data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import TypeAlias

from pytest_compiledai.core.bounds import decimal
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
from pytest_compiledai.core.words import describe
from pytest_compiledai.core.words import listed
from pytest_compiledai.core.words import quoted
from pytest_compiledai.core.words import shown
from pytest_compiledai.core.words import sized

PROBLEM_CAP: Final = 20  # problems told of one value
_DEPTH_CAP: Final = 100  # levels of an item that is compared with others


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
            text += f"[{quoted(str(step))}]"
    return text


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
    permitted = f"no property but {listed(sorted(names))}" if names else "no property"

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
    size = sized(low, high, "item")

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
        except _TooDeepError:
            _say(out, (way, index), item, f"at most {_DEPTH_CAP} levels")
            return
        if earlier != index:
            expected = f"an item that differs from item {earlier}"
            _say(out, (way, index), item, expected)
        if len(out) >= PROBLEM_CAP:
            return


class _TooDeepError(Exception):
    """A value nests deeper than any value of a schema has reason to."""


def _identity(value: Any, depth: int = 0) -> Any:
    """Return a hashable that is equal for equal JSON: true is not 1, but 1.0 is."""
    # Counted here: tools that raise the interpreter's own limit turn its error into a crash.
    if depth > _DEPTH_CAP:
        raise _TooDeepError
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", *[_identity(item, depth + 1) for item in value])
    if isinstance(value, dict):
        pairs = [(key, _identity(item, depth + 1)) for key, item in value.items()]
        return ("object", frozenset(pairs))
    return value


def _string(node: StringNode) -> Judge:
    low, high = node.min_length, node.max_length
    size = f"a string of {sized(low, high, 'character')}"
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
    step = None if node.multiple_of is None else decimal(node.multiple_of)
    wanted = describe(node)

    def judge(value: Any, way: Way, out: list[Problem]) -> None:
        if (
            not (type(value) is int or (type(value) is float and math.isfinite(value)))
            or (low is not None and value < low)
            or (high is not None and value > high)
            or (above is not None and value <= above)
            or (below is not None and value >= below)
            or (step is not None and decimal(value) % step)
        ):
            _say(out, way, value, wanted)

    return judge


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
