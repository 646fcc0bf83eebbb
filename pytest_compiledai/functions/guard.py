"""The text of a guard: functions that abstain on an input which does not match its schema.

The text agrees with ``core.schema`` on every JSON value. It names the first mismatch by a way
without numbers (`input.lines[].price`), so that reasons stay few and equal inputs get equal ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Final

from pytest_compiledai.core.node import ArrayNode
from pytest_compiledai.core.node import BooleanNode
from pytest_compiledai.core.node import EnumNode
from pytest_compiledai.core.node import IntegerNode
from pytest_compiledai.core.node import Node
from pytest_compiledai.core.node import NullNode
from pytest_compiledai.core.node import NumberNode
from pytest_compiledai.core.node import ObjectNode
from pytest_compiledai.core.node import Scalar
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.node import UnionNode
from pytest_compiledai.core.words import describe
from pytest_compiledai.core.words import listed
from pytest_compiledai.core.words import sized
from pytest_compiledai.functions.quoting import literal
from pytest_compiledai.functions.quoting import raw_literal
from pytest_compiledai.gates.policy.ambiguity import is_explosive

#: Names that begin so are the guard's; a candidate may define none.
PREFIXES: Final = ("_guard", "_GUARD")
ROOT: Final = "_guard_input"  # the function that the first line of a unit's function calls

_AND: Final = "\0and "  # where a line may be broken; no literal holds the character
_LINE: Final = 100  # columns
_NAME: Final = 48  # characters of a function's name, before its number
_ANY_CHARACTER: Final = r"[^\n\r\u2028\u2029]"
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[.$]|[^\\\[.$]+", re.DOTALL)


class UnguardablePattern(ValueError):
    """A pattern of the input schema that Python's engine may take exponential time to match."""


def guard_text(node: ObjectNode) -> str:
    """Return the guard of an input schema, its root last; ends with a line feed.

    Raises ``UnguardablePattern``.
    """
    writer = _Writer()
    writer.check(node, ROOT, "input")
    constants = "".join(
        f"{name} = re.compile({raw_literal(text)}, re.ASCII)\n"
        for text, name in writer.patterns.items()
    )
    return "\n\n".join([*([constants] if constants else []), *writer.blocks])


def portable(pattern: str) -> str:
    """Return a schema's pattern as Python's engine means it: `$` is the very end."""
    swapped = {".": _ANY_CHARACTER, "$": r"\Z"}
    return "".join(swapped.get(part, part) for part in _TOKEN.findall(pattern))


@dataclass(slots=True)
class _Writer:
    """Writes one function an object or list, innermost first."""

    blocks: list[str] = field(default_factory=list)
    patterns: dict[str, str] = field(default_factory=dict)  # pattern as written here -> constant
    taken: set[str] = field(default_factory=set)

    def check(self, node: Node, wanted: str, way: str) -> str:
        """Write the function that abstains unless its value fits ``node``; return its name."""
        name = self.fresh(wanted)
        if isinstance(node, ObjectNode):
            lines = self.object(node, name, way)
        elif isinstance(node, ArrayNode):
            lines = self.array(node, name, way)
        else:
            lines = [_that(self.fits(node, "value", name, way), way, expected(node))]
        self.blocks.append(f"def {name}(value: object) -> None:\n{_indented(lines)}")
        return name

    def fresh(self, wanted: str) -> str:
        """Return a name that no other function has, as near to ``wanted`` as may be."""
        stem = re.sub(r"[^a-z0-9]+", "_", wanted.lower())[:_NAME].rstrip("_")
        stem = stem if stem.startswith("_") else f"_{stem}"
        name, number = stem, 2
        while name in self.taken:
            name, number = f"{stem}_{number}", number + 1
        self.taken.add(name)
        return name

    def object(self, node: ObjectNode, name: str, way: str) -> list[str]:
        """Return the body that checks an object."""
        lines = _typed("dict", way, "an object")
        names = sorted(node.properties)
        if node.additional is False:
            holds = f"value.keys() <= {_set(names)}" if names else "not value"
            permitted = f"no property but {listed(names)}" if names else "no property"
            lines.append(_that(holds, way, permitted))
        for key, child in node.properties.items():
            lines.append(self.property(key, child, name, way, needed=key in node.required))
        if not isinstance(node.additional, bool):
            other = self.check(node.additional, f"{name}_other", f"{way}[...]")
            lines.append(
                f"_guard_others({other}, value, frozenset({_set(names) if names else ''}))"
            )
        return lines

    def property(self, key: str, child: Node, name: str, way: str, *, needed: bool) -> str:
        """Return the line that checks one property."""
        inner, inside, quoted = f"{name}_{key}", _step(way, key), literal(key)
        if isinstance(child, ObjectNode | ArrayNode):
            check = self.check(child, inner, inside)
            # A missing one is None here, which is no object and no list.
            return (
                f"{check}(value.get({quoted}))"
                if needed
                else f"_guard_given({check}, value, {quoted})"
            )
        fits = self.fits(child, f"value[{quoted}]", inner, inside)
        both = f"({fits})" if " or " in fits else fits
        holds = f"{quoted} in value{_AND}{both}" if needed else f"{quoted} not in value or {fits}"
        return _that(holds, inside, expected(child))

    def array(self, node: ArrayNode, name: str, way: str) -> list[str]:
        """Return the body that checks a list."""
        lines = _typed("list", way, "a list")
        if node.min_items or node.max_items is not None:
            size = _within("len(value)", node.min_items or None, node.max_items)
            lines.append(_that(size, way, sized(node.min_items, node.max_items, "item")))
        if isinstance(node.items, ObjectNode | ArrayNode):
            each = f"{self.check(node.items, f'{name}_item', f'{way}[]')}(item)"
        else:
            fits = self.fits(node.items, "item", f"{name}_item", f"{way}[]")
            each = _that(fits, f"{way}[]", expected(node.items))
        lines.append(f"for item in value:\n{_indented([each])}".rstrip("\n"))
        if node.unique:
            lines.append(_that("_guard_unique(value)", way, "items that differ"))
        return lines

    def fits(self, node: Node, value: str, name: str, way: str) -> str:
        """Return the expression that says whether ``value`` fits ``node``."""
        if isinstance(node, ObjectNode | ArrayNode):
            return f"_guard_fits({self.check(node, name, way)}, {value})"
        if isinstance(node, UnionNode):
            return " or ".join(
                self.fits(option, value, f"{name}_{number}", way)
                for number, option in enumerate(node.options, start=1)
            )
        if isinstance(node, StringNode):
            return self.string(node, value)
        return _FITS[type(node)](node, value)

    def string(self, node: StringNode, value: str) -> str:
        """Return the expression for a text."""
        bounds = [value]
        if node.min_length or node.max_length is not None:
            bounds.append(str(node.min_length))
        if node.max_length is not None:
            bounds.append(str(node.max_length))
        parts = [f"_guard_text({', '.join(bounds)})"]
        if node.pattern is not None:
            parts.append(f"{self.pattern(node.pattern)}.search({value}) is not None")
        if node.format is not None:
            parts.append(f"_guard_is_{node.format.replace('-', '_')}({value})")
        return _AND.join(parts)

    def pattern(self, pattern: str) -> str:
        """Return the name of a pattern's constant."""
        text = portable(pattern)
        if is_explosive(text):
            raise UnguardablePattern(pattern)
        return self.patterns.setdefault(text, f"_GUARD_PATTERN_{len(self.patterns) + 1}")


def expected(node: Node) -> str:
    """Return what a node asks for, with its bounds."""
    text = describe(node)
    if isinstance(node, StringNode) and (node.min_length or node.max_length is not None):
        return f"{text} of {sized(node.min_length, node.max_length, 'character')}"
    return text


def _typed(kind: str, way: str, wanted: str) -> list[str]:
    refusal = f"raise Abstain({literal(f'{way}: expected {wanted}')})"
    return [f"if type(value) is not {kind}:\n    {refusal}"]


def _that(holds: str, way: str, wanted: str) -> str:
    reason = literal(f"{way}: expected {wanted}")
    line = f"_guard_that({holds}, {reason})".replace(_AND, " and ")
    if len(line) + 8 <= _LINE:
        return line
    short = holds.replace(_AND, " and ")
    long = holds.replace(_AND, "\n    and ")
    return f"_guard_that(\n    {short if len(short) + 13 <= _LINE else long},\n    {reason},\n)"


def _indented(lines: list[str]) -> str:
    text = "\n".join(lines)
    return "".join(f"    {line}\n" for line in text.split("\n"))


def _step(way: str, key: str) -> str:
    return f"{way}.{key}" if key.isidentifier() and key.isascii() else f"{way}[{literal(key)}]"


def _set(names: list[str]) -> str:
    return f"{{{', '.join(map(literal, names))}}}"


def _within(value: str, low: object, high: object) -> str:
    if low is None:
        return f"{value} <= {high}"
    return f"{low} <= {value}" if high is None else f"{low} <= {value} <= {high}"


def _integer(node: IntegerNode, value: str) -> str:
    given = {"low": node.minimum, "high": node.maximum, "step": node.multiple_of}
    bounds = "".join(f", {key}={bound}" for key, bound in given.items() if bound is not None)
    return f"_guard_integer({value}{bounds})" if bounds else f"type({value}) is int"


def _number(node: NumberNode, value: str) -> str:
    parts = [f"_guard_number({value})"]
    if node.minimum is not None or node.maximum is not None:
        parts.append(_within(value, node.minimum, node.maximum))
    if node.exclusive_minimum is not None:
        parts.append(f"{value} > {node.exclusive_minimum}")
    if node.exclusive_maximum is not None:
        parts.append(f"{value} < {node.exclusive_maximum}")
    if node.multiple_of is not None:
        parts.append(f"_guard_step({value}, {literal(repr(node.multiple_of))})")
    return _AND.join(parts)


def _enum(node: EnumNode, value: str) -> str:
    texts = [item for item in node.values if isinstance(item, str)]
    whole = [item for item in node.values if type(item) is int]
    parts = [_scalar(item, value) for item in node.values if item is None or type(item) is bool]
    if texts:
        parts.append(f"type({value}) is str{_AND}{value} in {_set(texts)}")
    if whole:
        parts.append(f"type({value}) is int and {value} in {{{', '.join(map(str, whole))}}}")
    parts += [_scalar(item, value) for item in node.values if type(item) is float]
    return " or ".join(parts)


def _scalar(stated: Scalar, value: str) -> str:
    if type(stated) is float:
        return f"type({value}) in (int, float) and {value} == {stated!r}"
    return f"{value} is {stated}"


_FITS: Final[Mapping[type, Callable[[Any, str], str]]] = {
    BooleanNode: lambda _, value: f"type({value}) is bool",
    EnumNode: _enum,
    IntegerNode: _integer,
    NullNode: lambda _, value: f"{value} is None",
    NumberNode: _number,
}
