"""The Python types of a schema, as text: one TypedDict for every object in it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_compiledai.core.hidden import HIDDEN
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
from pytest_compiledai.core.schema import Schema

_INLINE: Final = 48  # characters of a type within a line; a longer one is defined on its own
_NAME_CAP: Final = 40  # characters of a nested type's name, before its number
#: Names that types use; a field of that name would hide them in a class body.
_USED: Final = frozenset(
    {
        "Literal",
        "NotRequired",
        "TypedDict",
        "Union",
        "bool",
        "dict",
        "float",
        "int",
        "list",
        "object",
        "str",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedDicts:
    """Type definitions without their import line, since a template puts it at the head."""

    text: str  # ends with a line feed; definitions stand before their use
    imports: tuple[str, ...]  # the names needed from ``typing``, sorted
    input_type: str
    output_type: str

    @property
    def module(self) -> str:
        """The definitions as a module of their own."""
        return f"from typing import {', '.join(self.imports)}\n\n\n{self.text}"


def typed_dict_module(name: str, input: Schema, output: Schema) -> TypedDicts:  # noqa: A002 - the words of a spec
    """Return the types of a unit's input and output, named after the unit."""
    input_type, output_type = f"{_camel(name)}Input", f"{_camel(name)}Output"
    writer = _Writer(taken={input_type, output_type})
    writer.root(input.node, input_type)
    writer.root(output.node, output_type)
    return TypedDicts(
        text="\n\n\n".join(writer.blocks) + "\n",
        imports=tuple(sorted(writer.imports)),
        input_type=input_type,
        output_type=output_type,
    )


class _Writer:
    """Writes definitions innermost first, each under a name of its own."""

    def __init__(self, *, taken: set[str]) -> None:
        self.taken = taken
        self.blocks: list[str] = []
        self.imports: set[str] = set()

    def root(self, node: ObjectNode, name: str) -> None:
        """Write the type of a whole schema under exactly ``name``."""
        if (text := self.mapping(node, name)) is not None:
            self.blocks.append(f"{name} = {text}")
        else:
            self.typed_dict(node, name)

    def fresh(self, wanted: str) -> str:
        """Return a name no other definition has, as near to ``wanted`` as may be."""
        stem = wanted[:_NAME_CAP]
        name, number = stem, 2
        while name in self.taken:
            name, number = f"{stem}{number}", number + 1
        self.taken.add(name)
        return name

    def type(self, node: Node, name: str) -> str:
        """Return a node's type; what needs a definition gets one, named after ``name``."""
        if isinstance(node, ObjectNode):
            return self.mapping(node, name) or self.typed_dict(node, self.fresh(name))
        if isinstance(node, ArrayNode):
            return f"list[{self.type(node.items, f'{name}Item')}]"
        if isinstance(node, EnumNode):
            return self.literal(node, name)
        if isinstance(node, UnionNode):
            return self.union(node, name)
        return _SIMPLE[type(node)]

    def mapping(self, node: ObjectNode, name: str) -> str | None:
        """Return the type of an object without named properties; None where a TypedDict fits."""
        if node.properties or node.additional is False:
            return None
        if node.additional is True:
            return "dict[str, object]"
        return f"dict[str, {self.type(node.additional, f'{name}Value')}]"

    def literal(self, node: EnumNode, name: str) -> str:
        """Return the type of a closed set; a long one becomes an alias."""
        texts = [_literal(value) for value in node.values if not isinstance(value, float | None)]
        parts = []
        if texts:
            self.imports.add("Literal")
            text = f"Literal[{', '.join(texts)}]"
            parts.append(text if len(text) <= _INLINE else self.alias("Literal", texts, name))
        if any(isinstance(value, float) for value in node.values):
            parts.append("float")  # a Literal cannot hold one
        if None in node.values:
            parts.append("None")
        return " | ".join(parts)

    def union(self, node: UnionNode, name: str) -> str:
        """Return the type of a union, null last; a long one becomes an alias."""
        parts: dict[str, None] = {}
        for number, option in enumerate(node.options, start=1):
            named = f"{name}{number}" if len(_named(node)) > 1 else name
            parts |= dict.fromkeys(self.type(option, named).split(" | "))
        if "None" in parts:
            del parts["None"]
            parts["None"] = None
        text = " | ".join(parts)
        return text if len(text) <= _INLINE else self.alias("Union", list(parts), name)

    def alias(self, form: str, parts: list[str], name: str) -> str:
        """Write `Name = Form[...]`, one part a line, and return the name."""
        self.imports.add(form)
        fresh = self.fresh(name)
        lines = "".join(f"    {part},\n" for part in parts)
        self.blocks.append(f"{fresh} = {form}[\n{lines}]")
        return fresh

    def typed_dict(self, node: ObjectNode, name: str) -> str:
        """Write an object's TypedDict and return its name."""
        self.imports.add("TypedDict")
        fields: dict[str, str] = {}
        for key, child in node.properties.items():
            text = self.type(child, name + (_camel(key) or "Field"))
            if key not in node.required:
                self.imports.add("NotRequired")
                text = f"NotRequired[{text}]"
            fields[key] = text
        plain = all(_is_plain(key) and key not in self.taken for key in fields)
        self.blocks.append((_class if plain else _call)(name, fields))
        return name


def _class(name: str, fields: Mapping[str, str]) -> str:
    body = "\n".join(f"    {key}: {text}" for key, text in fields.items()) or "    pass"
    return f"class {name}(TypedDict):\n{body}"


def _call(name: str, fields: Mapping[str, str]) -> str:
    """Return the form for keys that cannot be names in a class body."""
    body = "".join(f"        {_literal(key)}: {text},\n" for key, text in fields.items())
    return f'{name} = TypedDict(\n    "{name}",\n    {{\n{body}    }},\n)'


def _is_plain(key: str) -> bool:
    """Return whether ``key`` stays itself as a field of a class."""
    # Python normalises names beyond ASCII and rewrites those that begin with two underscores.
    word = key.isascii() and key.isidentifier() and not keyword.iskeyword(key)
    return word and not key.startswith("__") and key not in _USED


def _named(node: UnionNode) -> list[Node]:
    """Return the options that may need a definition of their own."""
    return [one for one in node.options if isinstance(one, ObjectNode | ArrayNode | EnumNode)]


def _camel(name: str) -> str:
    words = re.split(r"[^A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words)


def _literal(value: Any) -> str:
    """Return a string, integer or boolean as Python text, in the formatter's choice of quotes."""
    if not isinstance(value, str):
        return repr(value)
    quote = "'" if value.count('"') > value.count("'") else '"'
    return f"{quote}{''.join(_escaped(character, quote) for character in value)}{quote}"


def _escaped(character: str, quote: str) -> str:
    if character in {"\\", quote}:
        return f"\\{character}"
    if character.isprintable() and not HIDDEN.match(character):
        return character
    # What a reader cannot see is written as its code.
    return ascii(character)[1:-1]


_SIMPLE: Final[Mapping[type, str]] = {
    BooleanNode: "bool",
    IntegerNode: "int",
    NullNode: "None",
    NumberNode: "float",
    StringNode: "str",
}
