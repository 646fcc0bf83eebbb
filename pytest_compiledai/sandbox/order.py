"""Checks a program before it goes to a worker, and writes the order to load it."""

from __future__ import annotations

import base64
import json
import sys

from pytest_compiledai.core.calls import Limits
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.errors import SandboxError

#: The kinds of ``inside.capability``, which this side does not import.
CAPABILITY_KINDS = ("call", "clock", "random")


def load_order(program: Program, limits: Limits) -> bytes:
    """Return the body of a LOAD frame; raises ``SandboxError`` for an unknown grant."""
    for name, facts in sorted(program.capabilities.items()):
        if facts.get("kind") not in CAPABILITY_KINDS:
            raise _unknown(program, f"capability {name} of kind {facts.get('kind')!r}")
    for name in program.modules:
        if name.partition(".")[0] not in sys.stdlib_module_names:
            raise _unknown(program, f"granted module {name!r}")
    order = {
        "source": base64.b64encode(program.source).decode(),
        "function": program.function,
        "modules": list(program.modules),
        "capabilities": {name: dict(facts) for name, facts in program.capabilities.items()},
        "files": {
            name: base64.b64encode(data).decode() for name, data in sorted(program.files.items())
        },
        "answer_bytes": limits.answer_bytes,
        "output_bytes": limits.output_bytes,
    }
    return json.dumps(order).encode()


def _unknown(program: Program, found: str) -> SandboxError:
    return SandboxError(
        where=program.function,
        found=found,
        expected="a module of the standard library, or a capability of kind "
        + ", ".join(CAPABILITY_KINDS),
    )
