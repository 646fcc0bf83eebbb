"""The declared subset of JSON Schema 2020-12: parsing one into a tree, or refusing it at its line.

What is not understood is an error, never ignored: a schema here promises what it says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from types import MappingProxyType
from typing import Any
from typing import Final

from pytest_compiledai.core.bounds import integer_node
from pytest_compiledai.core.bounds import number_node
from pytest_compiledai.core.conform import Judge
from pytest_compiledai.core.conform import Problem
from pytest_compiledai.core.conform import compile_judge
from pytest_compiledai.core.conform import judge_value
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.formats import FORMATS
from pytest_compiledai.core.keywords import ANNOTATIONS
from pytest_compiledai.core.keywords import APPLIES
from pytest_compiledai.core.keywords import DIALECT
from pytest_compiledai.core.keywords import INSTEAD
from pytest_compiledai.core.keywords import KEYWORDS
from pytest_compiledai.core.keywords import ROOT_ONLY
from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import BooleanNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NullNode
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.core.node import same_scalar
from pytest_compiledai.core.pattern import PatternError
from pytest_compiledai.core.pattern import compile_pattern
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.words import shown

__all__ = ["Problem", "Schema"]

DEPTH_CAP: Final = 64  # schemas inside one another, references followed
NODE_CAP: Final = 2_000  # schemas in all, references written out

Way = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A schema of an object: its data as written, its tree, and its judge."""

    data: Mapping[str, Any]
    node: ObjectNode
    closed: bool = False  # whether objects without `additionalProperties` refuse other properties
    _judge: Judge = field(repr=False, compare=False)

    @classmethod
    def parse(cls, data: Any, place: Callable[..., Place], *, closed: bool = False) -> Schema:
        """Return the schema; ``place`` gives the place of a way of keys inside it.

        ``closed`` reads an omitted `additionalProperties` as false, as outputs do. Raises
        ``SpecError`` at the first thing that is not understood or contradicts another.
        """
        node = _Parser(data, place, closed=closed).root()
        return cls(data=data, node=node, closed=closed, _judge=compile_judge(node))

    def problems(self, value: Any) -> tuple[Problem, ...]:
        """Return how ``value`` departs from the schema, at most 20 problems; never raises."""
        return judge_value(self._judge, value)


class _Parser:
    """Reads one schema, its `$defs` at hand."""

    def __init__(self, data: Any, place: Callable[..., Place], *, closed: bool) -> None:
        self.data = data
        self.place = place
        self.closed = closed
        self.count = 0
        self.following: tuple[str, ...] = ()  # names of the references being written out

    def fault(self, way: Way, *, found: str, expected: str) -> SpecError:
        """Return the error at a way of keys inside the schema."""
        return SpecError(where=self.place(*way), found=found, expected=expected)

    def fault_below(self, way: Way, keyword: str, *, found: str, expected: str) -> SpecError:
        """Return the error at a keyword of the schema at ``way``."""
        return self.fault((*way, keyword), found=found, expected=expected)

    def root(self) -> ObjectNode:
        """Return the tree of the whole schema, which must be an object's."""
        node = self.node(self.data, (), 0)
        definitions = self.data.get("$defs", {})
        if not isinstance(definitions, Mapping):
            raise self.fault(("$defs",), found=shown(definitions), expected="a mapping of schemas")
        for name in definitions:
            self.reference(f"#/$defs/{name}", ("$defs", name), 0)
        if not isinstance(node, ObjectNode):
            found = "a schema that is not an object's"
            raise self.fault((), found=found, expected="`type: object` at the root")
        return node

    def node(self, data: Any, way: Way, depth: int) -> Node:
        """Return the tree of one schema."""
        self.check_shape(data, way, depth)
        if "$ref" in data:
            self.alone(data, "$ref", way)
            node = self.reference(data["$ref"], (*way, "$ref"), depth)
        elif "anyOf" in data:
            self.alone(data, "anyOf", way)
            node = self.any_of(data["anyOf"], (*way, "anyOf"), depth)
        elif "enum" in data or "const" in data:
            node = self.enum(data, way)
        elif "type" in data:
            node = self.typed(data, way, depth)
        else:
            expected = "one of `type`, `enum`, `const`, `anyOf`, `$ref`"
            raise self.fault(way, found="a schema that allows any value", expected=expected)
        self.check_samples(node, data, way)
        return node

    def check_shape(self, data: Any, way: Way, depth: int) -> None:
        """Raise unless ``data`` is a mapping of known keywords, within the caps."""
        if not isinstance(data, Mapping):
            raise self.fault(way, found=shown(data), expected="a schema, which is a mapping")
        self.count += 1
        if depth > DEPTH_CAP or self.count > NODE_CAP:
            found = "a schema too deep or too large"
            expected = f"at most {DEPTH_CAP} levels and {NODE_CAP} schemas, references written out"
            raise self.fault(way, found=found, expected=expected)
        for keyword in data:
            if keyword not in KEYWORDS or (keyword in ROOT_ONLY and way):
                expected = INSTEAD.get(keyword) or f"one of {', '.join(sorted(KEYWORDS))}"
                raise self.fault((*way, keyword), found=f"`{keyword}`", expected=expected)
        if data.get("$schema", DIALECT) != DIALECT:
            raise self.fault((*way, "$schema"), found=shown(data["$schema"]), expected=DIALECT)
        for keyword, kind in ANNOTATIONS.items():
            if keyword in data and not isinstance(data[keyword], kind):
                expected = {str: "a text", list: "a list", bool: "true or false"}[kind]
                raise self.fault((*way, keyword), found=shown(data[keyword]), expected=expected)

    def alone(self, data: Mapping[str, Any], chosen: str, way: Way, *others: str) -> None:
        """Raise if a keyword stands beside ``chosen`` that would say more than an annotation."""
        for keyword in data:
            if keyword not in {chosen, "default", *others, *ANNOTATIONS, *ROOT_ONLY}:
                expected = f"only annotations beside `{chosen}`"
                raise self.fault((*way, keyword), found=f"`{keyword}`", expected=expected)

    def check_samples(self, node: Node, data: Mapping[str, Any], way: Way) -> None:
        """Raise unless `default` and `examples` conform to the schema they stand in."""
        samples = [((*way, "default"), data["default"])] if "default" in data else []
        samples += [
            ((*way, "examples", index), item) for index, item in enumerate(data.get("examples", []))
        ]
        for where, sample in samples:
            for problem in judge_value(compile_judge(node), sample):
                found = f"{problem.path}: {problem.found}" if problem.path else problem.found
                raise self.fault(where, found=found, expected=problem.expected)

    def reference(self, target: Any, way: Way, depth: int) -> Node:
        """Return the tree of a `$defs` entry, written out where it is used."""
        definitions = self.data.get("$defs", {})
        name = target.removeprefix("#/$defs/") if isinstance(target, str) else ""
        name = name.replace("~1", "/").replace("~0", "~")
        if not isinstance(definitions, Mapping) or name not in definitions or name == target:
            expected = "`#/$defs/NAME` of an entry under `$defs` at the root"
            raise self.fault(way, found=shown(target), expected=expected)
        if name in self.following:
            found = f"`{name}`, which refers to itself"
            raise self.fault(way, found=found, expected="a reference that ends")
        outer, self.following = self.following, (*self.following, name)
        node = self.node(definitions[name], ("$defs", name), depth + 1)
        self.following = outer
        return node

    def any_of(self, options: Any, way: Way, depth: int) -> Node:
        """Return the union of the options."""
        if not isinstance(options, list) or not options:
            raise self.fault(way, found=shown(options), expected="a list of schemas")
        nodes: list[Node] = []
        for index, option in enumerate(options):
            node = self.node(option, (*way, index), depth + 1)
            if node in nodes:
                found = f"the option of item {nodes.index(node)} again"
                raise self.fault((*way, index), found=found, expected="options that differ")
            nodes.append(node)
        return nodes[0] if len(nodes) == 1 else UnionNode(options=tuple(nodes))

    def enum(self, data: Mapping[str, Any], way: Way) -> Node:
        """Return the closed set that `enum` or `const` states."""
        keyword = "enum" if "enum" in data else "const"
        self.alone(data, keyword, way, "type")
        values = data["enum"] if keyword == "enum" else [data["const"]]
        where = (*way, keyword)
        if not isinstance(values, list) or not values:
            raise self.fault(where, found=shown(values), expected="a list of values")
        allowed = self.types(data, way) if "type" in data else ()
        for index, value in enumerate(values):
            here = (*where, index) if keyword == "enum" else where
            self.check_enum_value(value, values[:index], allowed, here)
        return EnumNode(values=tuple(values))

    def check_enum_value(
        self, value: Any, earlier: list[Any], allowed: tuple[str, ...], where: Way
    ) -> None:
        """Raise unless ``value`` is a new scalar of an allowed type."""
        if isinstance(value, list | dict) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            expected = "a string, a finite number, true, false or null"
            raise self.fault(where, found=shown(value), expected=expected)
        if any(same_scalar(other, value) or same_scalar(value, other) for other in earlier):
            raise self.fault(where, found=f"{shown(value)} twice", expected="each value once")
        if allowed and not any(_JSON_TYPES[name](value) for name in allowed):
            expected = f"a value of type {' or '.join(allowed)}"
            raise self.fault(where, found=shown(value), expected=expected)

    def types(self, data: Mapping[str, Any], way: Way) -> tuple[str, ...]:
        """Return the names under `type`."""
        stated = data["type"]
        names = stated if isinstance(stated, list) else [stated]
        for index, name in enumerate(names):
            where = (*way, "type", index) if isinstance(stated, list) else (*way, "type")
            if not isinstance(name, str) or name not in APPLIES:
                named = f"one of {', '.join(sorted(APPLIES))}"
                expected = '"null" in quotes' if name is None else named
                raise self.fault(where, found=shown(name), expected=expected)
            if name in names[:index]:
                raise self.fault(where, found=f"`{name}` twice", expected="each type once")
        if not names or {"integer", "number"} <= set(names):
            found = "no type" if not names else "`integer` beside `number`"
            expected = "a type" if not names else "`number` alone, which has the integers in it"
            raise self.fault((*way, "type"), found=found, expected=expected)
        return tuple(names)

    def typed(self, data: Mapping[str, Any], way: Way, depth: int) -> Node:
        """Return the node of `type`, a union where it lists several."""
        names = self.types(data, way)
        usable = set().union(*(APPLIES[name] for name in names))
        for keyword in data:
            if keyword not in {*usable, "type", "default", *ANNOTATIONS, *ROOT_ONLY}:
                kinds = sorted(name for name in APPLIES if keyword in APPLIES[name])
                expected = f"it beside type {' or '.join(kinds)}"
                raise self.fault((*way, keyword), found=f"`{keyword}`", expected=expected)
        nodes = tuple(self.single(name, data, way, depth) for name in names)
        return nodes[0] if len(nodes) == 1 else UnionNode(options=nodes)

    def single(self, name: str, data: Mapping[str, Any], way: Way, depth: int) -> Node:
        """Return the node of one type."""
        if name == "object":
            return self.object(data, way, depth)
        if name == "array":
            return self.array(data, way, depth)
        if name == "string":
            return self.string(data, way)
        if name == "integer":
            return integer_node(data, partial(self.fault_below, way))
        if name == "number":
            return number_node(data, partial(self.fault_below, way))
        return BooleanNode() if name == "boolean" else NullNode()

    def object(self, data: Mapping[str, Any], way: Way, depth: int) -> ObjectNode:
        """Return an object's node."""
        named = data.get("properties", {})
        if not isinstance(named, Mapping):
            where = (*way, "properties")
            raise self.fault(where, found=shown(named), expected="a mapping of schemas")
        additional = data.get("additionalProperties")
        if "properties" not in data and not isinstance(additional, Mapping):
            expected = "`properties`, or a schema under `additionalProperties`"
            raise self.fault(way, found="an object of anything", expected=expected)
        properties = {
            name: self.node(child, (*way, "properties", name), depth + 1)
            for name, child in named.items()
        }
        return ObjectNode(
            properties=MappingProxyType(properties),
            required=self.required(data.get("required", []), properties, (*way, "required")),
            additional=self.additional(data, (*way, "additionalProperties"), depth),
        )

    def required(self, names: Any, properties: Mapping[str, Node], way: Way) -> tuple[str, ...]:
        """Return the required names in the order of the properties."""
        if not isinstance(names, list):
            raise self.fault(way, found=shown(names), expected="a list of property names")
        for index, name in enumerate(names):
            if not isinstance(name, str) or name not in properties:
                expected = f"one of {', '.join(properties) or 'the properties'}"
                raise self.fault((*way, index), found=shown(name), expected=expected)
            if name in names[:index]:
                raise self.fault((*way, index), found=f"`{name}` twice", expected="each once")
        return tuple(name for name in properties if name in names)

    def additional(self, data: Mapping[str, Any], way: Way, depth: int) -> Node | bool:
        """Return what other properties may hold."""
        stated = data.get("additionalProperties", not self.closed)
        return stated if isinstance(stated, bool) else self.node(stated, way, depth + 1)

    def array(self, data: Mapping[str, Any], way: Way, depth: int) -> ArrayNode:
        """Return a list's node."""
        if "items" not in data:
            raise self.fault(way, found="a list of anything", expected="`items`")
        low, high = self.sizes(data, way, "minItems", "maxItems")
        unique = data.get("uniqueItems", False)
        if not isinstance(unique, bool):
            where = (*way, "uniqueItems")
            raise self.fault(where, found=shown(unique), expected="true or false")
        items = self.node(data["items"], (*way, "items"), depth + 1)
        return ArrayNode(items=items, min_items=low, max_items=high, unique=unique)

    def string(self, data: Mapping[str, Any], way: Way) -> StringNode:
        """Return a string's node."""
        low, high = self.sizes(data, way, "minLength", "maxLength")
        pattern, name = data.get("pattern"), data.get("format")
        if "pattern" in data:
            self.check_pattern(pattern, (*way, "pattern"))
        if "format" in data and (not isinstance(name, str) or name not in FORMATS):
            expected = f"one of {', '.join(FORMATS)}"
            raise self.fault((*way, "format"), found=shown(name), expected=expected)
        return StringNode(min_length=low, max_length=high, pattern=pattern, format=name)

    def check_pattern(self, pattern: Any, way: Way) -> None:
        """Raise unless ``pattern`` is an expression that is understood alike everywhere."""
        if not isinstance(pattern, str):
            raise self.fault(way, found=shown(pattern), expected="a regular expression")
        try:
            compile_pattern(pattern)
        except PatternError as error:
            expected = "characters, classes, groups, alternatives, repeats, `^` and `$`"
            raise self.fault(way, found=str(error), expected=expected) from None

    def sizes(
        self, data: Mapping[str, Any], way: Way, least: str, most: str
    ) -> tuple[int, int | None]:
        """Return the bounds of a length."""
        for keyword in (least, most):
            size = data.get(keyword, 0)
            if type(size) is not int or size < 0:
                where = (*way, keyword)
                raise self.fault(where, found=shown(size), expected="a whole number from 0")
        low, high = data.get(least, 0), data.get(most)
        if high is not None and low > high:
            found = f"`{least}: {low}` above `{most}: {high}`"
            raise self.fault((*way, least), found=found, expected="bounds that leave a value")
        return low, high


_JSON_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "array": lambda _: False,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int,
    "null": lambda value: value is None,
    "number": lambda value: type(value) in (int, float),
    "object": lambda _: False,
    "string": lambda value: type(value) is str,
}
