"""From a reply to the artifact's text: this kind's facts, handed to the template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.syntax import ExpectedSignature
from pytest_compiledai.gates.syntax import Parameter

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec


class Unassembled(Exception):
    def __init__(self, finding):
        self.finding = finding


def assemble(spec: FunctionSpec, reply: str, *, fenced: bool) -> bytes:
    text = reply
    if fenced:
        found = re.findall(r"```python\n(.*?)```", reply, re.S)
        if len(found) != 1:
            raise Unassembled(Finding(rule="security.reply", message="no code block"))
        text = found[0]
    return (
        "from __future__ import annotations\n" + spec.types.module + "\n\n" + text.strip() + "\n"
    ).encode()


def assembly_digest() -> str:
    return digest_of("x")


def library_text() -> str:
    return "(none)"


def signature_text(spec: FunctionSpec) -> str:
    return f"def {spec.name}(data: {spec.types.input_type}) -> {spec.types.output_type}:"


def expected_signature(spec: FunctionSpec) -> ExpectedSignature:
    return ExpectedSignature(
        positional=(Parameter(name="data", annotation=spec.types.input_type),),
        returns=spec.types.output_type,
    )
