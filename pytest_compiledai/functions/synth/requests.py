"""Programs that fill an output from one text: a function call from a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.synth.describing import knowledge_of
from pytest_compiledai.functions.synth.emitting import Builder
from pytest_compiledai.functions.synth.emitting import knowledge_text
from pytest_compiledai.functions.synth.parts.fields import Knowledge
from pytest_compiledai.functions.synth.parts.fields import Refusal
from pytest_compiledai.functions.synth.parts.fields import Value
from pytest_compiledai.functions.synth.parts.reading import read
from pytest_compiledai.functions.synth.parts_library import with_parts

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec


def text_field(spec: FunctionSpec) -> str | None:
    """Return the one input field that holds free text, None where there is none or several."""
    properties = spec.input.data.get("properties", {})
    texts = [name for name, data in properties.items() if data.get("type") == "string"]
    return texts[0] if len(texts) == len(properties) == 1 else None


def program(spec: FunctionSpec) -> str | None:
    """Return the text of a program that reads requests, None where the unit is of another kind."""
    source = text_field(spec)
    if source is None or not is_readable(spec.output.data):
        return None
    knowledge = _knowledge(spec)
    builder = Builder(spec.types)
    make = builder.object(spec.output.data, spec.types.output_type, ())
    builder.imports.add(Import(module="collections.abc", member="Mapping"))
    main = (
        f"def {spec.name}(data: {spec.types.input_type}) -> {spec.types.output_type}:\n"
        f"    found = read(data[{source!r}], KNOWLEDGE)\n"
        "    if isinstance(found, Refusal):\n        raise Abstain(found.reason)\n"
        f"    return {make}(found)\n"
    )
    own = "\n\n".join([knowledge_text("KNOWLEDGE", knowledge), *builder.blocks, main])
    return with_parts(own, tuple(sorted(builder.imports)))


def is_readable(schema: Mapping[str, Any]) -> bool:
    """Return whether every value of an output is of a form that requests are read for."""
    stated = schema.get("type")
    if "const" in schema or "enum" in schema:
        return all(isinstance(value, str) for value in schema.get("enum", [schema.get("const")]))
    if stated == "object":
        named = schema.get("properties", {})
        return bool(named) and all(is_readable(child) for child in named.values())
    if stated == "array":
        items = schema.get("items", {})
        plain = items.get("type") in ("string", "number", "integer") or "enum" in items
        return plain and is_readable(items)
    return stated in ("string", "number", "integer", "boolean")


def answer(spec: FunctionSpec, data: Mapping[str, Any]) -> Any:
    """Return what the program of a unit answers to one input; None where it abstains."""
    source = text_field(spec)
    if source is None:
        return None
    found = read(data[source], _knowledge(spec))
    return None if isinstance(found, Refusal) else nested(spec.output.data, found, ())


def nested(schema: Mapping[str, Any], found: Mapping[str, Value], way: tuple[str, ...]) -> Any:
    """Return values by name as the object that a schema describes."""
    made: dict[str, Any] = {}
    for name, data in schema["properties"].items():
        path = ".".join((*way, name))
        stated = [data["const"]] if "const" in data else data.get("enum", [])
        if len(stated) == 1 and name in schema.get("required", []):
            made[name] = stated[0]
        elif data.get("type") == "object":
            inner = nested(data, found, (*way, name))
            if inner or name in schema.get("required", []):
                made[name] = inner
        elif path in found:
            made[name] = found[path]
    return made


def _knowledge(spec: FunctionSpec) -> Knowledge:
    return knowledge_of(spec.name, spec.description, spec.output.data)
