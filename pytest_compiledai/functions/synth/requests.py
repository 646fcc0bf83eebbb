"""Programs that fill an output from one text: a function call from a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from pytest_compiledai.functions.synth.parts.several import chosen
from pytest_compiledai.functions.synth.parts.several import read_several
from pytest_compiledai.functions.synth.parts_library import with_parts

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec


def text_field(spec: FunctionSpec) -> str | None:
    """Return the one input field that holds free text, None where there is none or several."""
    properties = spec.input.data.get("properties", {})
    texts = [name for name, data in properties.items() if data.get("type") == "string"]
    return texts[0] if len(texts) == len(properties) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The form of an output that is read from a request."""

    form: str  # one object; one of several, `choice`; a list of one kind, `list`
    key: str  # the property that holds the choice or the list
    objects: tuple[Mapping[str, Any], ...]


def shape_of(schema: Mapping[str, Any]) -> Shape | None:
    """Return the form of an output, None where requests are not read for it."""
    properties = schema.get("properties", {})
    shape = Shape(form="one", key="", objects=(schema,))
    if len(properties) == 1:
        ((key, data),) = properties.items()
        if "anyOf" in data:
            shape = Shape(form="choice", key=key, objects=tuple(data["anyOf"]))
        elif data.get("type") == "array" and data["items"].get("type") == "object":
            shape = Shape(form="list", key=key, objects=(data["items"],))
    return shape if all(is_readable(one) for one in shape.objects) else None


def program(spec: FunctionSpec) -> str | None:
    """Return the text of a program that reads requests, None where the unit is of another kind."""
    source, shape = text_field(spec), shape_of(spec.output.data)
    if source is None or shape is None:
        return None
    builder = Builder(spec.types)
    output = spec.types.output_type
    body = {"one": _one, "choice": _choice, "list": _list}[shape.form](builder, shape, output)
    builder.imports.add(Import(module="collections.abc", member="Mapping"))
    constants = [
        knowledge_text(f"KNOWLEDGE{number}", item)
        for number, item in enumerate(_knowledge(spec, shape), start=1)
    ]
    head = f"def {spec.name}(data: {spec.types.input_type}) -> {output}:\n"
    text = "\n\n".join([*constants, *builder.blocks, head + body.replace("SOURCE", repr(source))])
    return with_parts(text, tuple(sorted(builder.imports)))


_REFUSE = "    if isinstance(found, Refusal):\n        raise Abstain(found.reason)\n"


def _one(builder: Builder, shape: Shape, output: str) -> str:
    make = builder.object(shape.objects[0], output, ())
    return f"    found = read(data[SOURCE], KNOWLEDGE1)\n{_REFUSE}    return {make}(found)\n"


def _choice(builder: Builder, shape: Shape, output: str) -> str:
    names = builder.options(builder.annotation(output, shape.key))
    offered = ", ".join(f"KNOWLEDGE{n}" for n in range(1, len(names) + 1))
    made = ""
    for number, (data, name) in enumerate(zip(shape.objects, names, strict=True)):
        builder.prefix = f"make{number + 1}"
        make = builder.object(data, name, ())
        made += f"    if index == {number}:\n        return {{{shape.key!r}: {make}(values)}}\n"
    return (
        f"    found = chosen(data[SOURCE], ({offered},))\n{_REFUSE}"
        f'    index, values = found\n{made}    raise Abstain("no such function")\n'
    )


def _list(builder: Builder, shape: Shape, output: str) -> str:
    name = builder.annotation(output, shape.key).removeprefix("list[")[:-1]
    make = builder.object(shape.objects[0], name, ())
    return (
        f"    found = read_several(data[SOURCE], KNOWLEDGE1)\n{_REFUSE}"
        f"    return {{{shape.key!r}: [{make}(values) for values in found]}}\n"
    )


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
    source, shape = text_field(spec), shape_of(spec.output.data)
    if source is None or shape is None:
        return None
    known = _knowledge(spec, shape)
    if shape.form == "one":
        values = read(data[source], known[0])
        return None if isinstance(values, Refusal) else nested(shape.objects[0], values, ())
    if shape.form == "choice":
        found = chosen(data[source], known)
        if isinstance(found, Refusal):
            return None
        return {shape.key: nested(shape.objects[found[0]], found[1], ())}
    calls = read_several(data[source], known[0])
    if isinstance(calls, Refusal):
        return None
    return {shape.key: [nested(shape.objects[0], values, ()) for values in calls]}


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


def _knowledge(spec: FunctionSpec, shape: Shape) -> tuple[Knowledge, ...]:
    return tuple(
        knowledge_of(
            next((str(v["const"]) for v in one["properties"].values() if "const" in v), spec.name),
            str(one.get("description", "")) or spec.description,
            one,
        )
        for one in shape.objects
    )
