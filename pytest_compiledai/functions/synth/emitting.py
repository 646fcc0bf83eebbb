"""A program's text: values found by name, put into the typed output of a unit."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.synth.parts.fields import Field
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.types import TypedDicts

MOST_OPTIONAL = 6  # optional fields that one function fills
_AS = {
    "integer": "as_integer",
    "number": "as_number",
    "string": "as_text",
    "boolean": "as_switch",
    "numbers": "as_numbers",
    "integers": "as_integers",
    "strings": "as_texts",
}


def knowledge_text(name: str, knowledge: Knowledge) -> str:
    """Return the constant that holds what is known of a function."""
    fields = "".join(f"        {_field(item)},\n" for item in knowledge.fields)
    rows: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for word, places in knowledge.cues.items():
        rows.setdefault(places, []).append(word)
    cues = "".join(
        f"            {places!r}: (\n{_lines(words, 16)}            ),\n"
        for places, words in sorted(rows.items())
    )
    known = _words(sorted(knowledge.known), 8)
    topic = _words(sorted(knowledge.topic), 8)
    told = _words(sorted(knowledge.told), 8)
    return (
        f"{name} = Knowledge(\n    (\n{fields}    ),\n"
        f"    cued(\n        {{\n{cues}        }}\n    ),\n"
        f"    frozenset(\n{known}    ),\n"
        f"    frozenset(\n{topic}    ),\n    frozenset(\n{told}    ),\n)\n"
    )


def _field(item: Field) -> str:
    default = Field(item.name, item.kind, item.required)
    shown = [repr(item.name), repr(item.kind), repr(item.required)]
    for key, value in item._asdict().items():
        if value != getattr(default, key):
            shown.append(f"{key}={_literal(value)}")
    return f"Field({', '.join(shown)})"


def _literal(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"frozenset({sorted(value)!r})"
    return repr(value)


def _words(words: list[str], margin: int) -> str:
    space = " " * margin
    return f"{space}(\n{_lines(words, margin)}{space}).split()\n"


def _lines(words: list[str], margin: int) -> str:
    lines = textwrap.wrap(" ".join(words), 88, break_on_hyphens=False, break_long_words=False)
    space = " " * margin
    return "".join(f"{space}{(line + ' ')!r}\n" for line in lines) or f"{space}''\n"


@dataclass(slots=True)
class Builder:
    """Writes the functions that put values into typed objects."""

    types: TypedDicts
    prefix: str = "make"  # of the names of the functions
    blocks: list[str] = field(default_factory=list)
    imports: set[Import] = field(default_factory=set)
    _annotations: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._annotations = dict(_annotations(self.types.text))

    def annotation(self, type_name: str, key: str) -> str:
        """Return the type of a key of a TypedDict, `NotRequired` taken off."""
        text = self._annotations[type_name][key]
        inner = text.removeprefix("NotRequired[")
        return inner[:-1] if inner != text else text

    def options(self, annotation: str) -> list[str]:
        """Return the types of a union, written out or under a name of its own."""
        if " | " in annotation:
            return annotation.split(" | ")
        for node in parse(self.types.text).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == annotation:
                inner = ast.unparse(node.value).removeprefix("Union[").removesuffix("]")
                return inner.split(", ")
        return [annotation]

    def object(self, schema: Mapping[str, Any], type_name: str, way: tuple[str, ...]) -> str:
        """Write the function that makes one object; return its name."""
        function = "_".join((self.prefix, *way))
        function = "".join(c if c.isalnum() else "_" for c in function)
        required = schema.get("required", [])
        properties = schema["properties"]
        needed = [
            f"        {name!r}: {self.value(properties[name], type_name, (*way, name))},\n"
            for name in properties
            if name in required
        ]
        optional = [name for name in properties if name not in required]
        body = f"    made: {type_name} = {{\n{''.join(needed)}    }}\n"
        for number, start in enumerate(range(0, len(optional), MOST_OPTIONAL), start=1):
            names = optional[start : start + MOST_OPTIONAL]
            helper = f"{function}_more{number}"
            self.filler(helper, names, properties, type_name, way)
            body += f"    {helper}(made, found)\n"
        self.blocks.append(
            f"def {function}(found: Mapping[str, Value]) -> {type_name}:\n{body}    return made\n"
        )
        return function

    def filler(
        self,
        helper: str,
        names: list[str],
        properties: Mapping[str, Any],
        type_name: str,
        way: tuple[str, ...],
    ) -> None:
        """Write the function that adds optional keys where a value was found."""
        lines = ""
        for name in names:
            path = ".".join((*way, name))
            if properties[name].get("type") == "object":
                test = f"any(key.startswith({path + '.'!r}) for key in found)"
            else:
                test = f"{path!r} in found"
            value = self.value(properties[name], type_name, (*way, name))
            lines += f"    if {test}:\n        made[{name!r}] = {value}\n"
        self.blocks.append(
            f"def {helper}(made: {type_name}, found: Mapping[str, Value]) -> None:\n{lines}"
        )

    def value(self, data: Mapping[str, Any], type_name: str, way: tuple[str, ...]) -> str:
        """Return the expression of one value."""
        annotation = self.annotation(type_name, way[-1])
        path = ".".join(way)
        stated = [data["const"]] if "const" in data else data.get("enum", [])
        if len(stated) == 1:
            return repr(stated[0])
        if data.get("type") == "object":
            return f"{self.object(data, annotation, way)}(found)"
        if stated:
            return f"{self.table(stated, annotation, way)}[as_text(found, {path!r})]"
        if data.get("type") == "array":
            return self.items(data["items"], annotation, way)
        return f"{_AS[data['type']]}(found, {path!r})"

    def items(self, data: Mapping[str, Any], annotation: str, way: tuple[str, ...]) -> str:
        """Return the expression of a list."""
        path = ".".join(way)
        if "enum" in data:
            table = self.table(data["enum"], annotation[5:-1], way)
            return f"[{table}[word] for word in as_texts(found, {path!r})]"
        return f"{_AS[data['type'] + 's']}(found, {path!r})"

    def table(self, values: list[Any], annotation: str, way: tuple[str, ...]) -> str:
        """Write the constant that gives an option's text the type of its closed set."""
        parts = "_".join((self.prefix, *way, "options"))
        name = "".join(c if c.isalnum() else "_" for c in parts).upper()
        entries = "".join(f"    {str(value)!r}: {value!r},\n" for value in values)
        if "Literal[" in annotation:
            self.imports.add(Import(module="typing", member="Literal"))
        self.blocks.insert(0, f"{name}: dict[str, {annotation}] = {{\n{entries}}}\n")
        return name


def _annotations(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each TypedDict of a module with the types of its keys."""
    for node in parse(text).body:
        if isinstance(node, ast.ClassDef):
            yield (
                node.name,
                {
                    item.target.id: ast.unparse(item.annotation)
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                },
            )
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            (target,) = node.targets
            keys = node.value.args[1]
            if isinstance(target, ast.Name) and isinstance(keys, ast.Dict):
                yield (
                    target.id,
                    {
                        str(key.value): ast.unparse(value)
                        for key, value in zip(keys.keys, keys.values, strict=True)
                        if isinstance(key, ast.Constant)
                    },
                )
