"""What is ours in an artifact gives no analyser anything to say."""

from __future__ import annotations

from pytest_compiledai.core.place import Place
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.source import Source
from pytest_compiledai.functions.library import Library
from pytest_compiledai.functions.template import Facts
from pytest_compiledai.functions.template import assemble
from pytest_compiledai.functions.template import signature
from pytest_compiledai.functions.types import typed_dict_module
from pytest_compiledai.gates import security
from pytest_compiledai.gates import syntax
from pytest_compiledai.gates.syntax import ExpectedSignature
from pytest_compiledai.gates.syntax import Parameter
from pytest_compiledai.gates.syntax import SyntaxSettings
from pytest_compiledai.gates.tools import ScanRequest
from pytest_compiledai.gates.tools import scan

EVERYTHING = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a.$"},
        "whole": {"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 2},
        "number": {"type": "number", "minimum": 1, "exclusiveMaximum": 5, "multipleOf": 0.5},
        "mixed": {"enum": ["a", 1, 2.5, True, None]},
        "flag": {"type": ["boolean", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 3},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"a b": {"type": "null"}},
                "additionalProperties": {"type": "integer"},
            },
        },
        "either": {
            "anyOf": [
                {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]},
                {"type": "array", "items": {"type": "number"}},
            ]
        },
        **{
            name: {"type": "string", "format": name}
            for name in ("date", "date-time", "email", "ipv4", "time", "uri", "uuid")
        },
    },
    "required": ["text", "lines", "either"],
    "additionalProperties": False,
}


def facts() -> Facts:
    place = Place(path="specs/x.yaml", line=1)
    schema = Schema.parse(EVERYTHING, lambda *_: place)
    return Facts(
        name="everything",
        description='Say "all" of it \\ at once.',
        types=typed_dict_module("everything", schema, schema),
        input=schema,
        capabilities=("clock", "random", "call:rates"),
    )


def candidate(unit: Facts) -> str:
    names = [name for name in Library.shipped().definitions if name[0] != "_"]
    uses = "".join(f"    {name},\n" for name in names)
    return (
        f"_ALL: tuple[object, ...] = (\n{uses})\n\n\n{signature(unit).text}\n"
        "    shown = [str(item) for item in (*_ALL, clock(), random.random(), rates(1))]\n"
        '    return {"text": data["text"], "lines": [], "either": [len(shown)]}\n'
    )


def test_static_gates_pass_the_library_and_a_guard_of_every_form() -> None:
    """An artifact with all that is ours passes the security and the syntax gate, mypy strict."""
    unit = facts()
    text = assemble(unit, candidate(unit)).text
    source = Source(data=text.encode(), path="everything.py")
    wanted = signature(unit)
    scans = scan([ScanRequest(source=source)])

    secure = security.judge(source, capabilities=frozenset(unit.capabilities), scans=scans)
    sound = syntax.judge(
        source,
        function=unit.name,
        signature=ExpectedSignature(
            positional=tuple(Parameter(name=n, annotation=a) for n, a in wanted.positional),
            keyword_only=tuple(Parameter(name=n, annotation=a) for n, a in wanted.keyword_only),
            returns=wanted.returns,
        ),
        settings=SyntaxSettings(complexity=10),
        scans=scans,
    )

    assert [item.message for item in (*secure.findings, *sound.findings)] == []
