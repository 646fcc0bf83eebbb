"""`compiledai try`: call a frozen function, through the loader that production uses; time it.

The answer is standard output; time and price stand beside it, on standard error. The time is CPU
time of calls in the sandbox's worker, measured as the latency gate does: what a caller's process
adds is not in it.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_compiledai.commands.cost import call_of
from pytest_compiledai.commands.cost import call_text
from pytest_compiledai.commands.diff import program_of
from pytest_compiledai.commands.revision import Revision
from pytest_compiledai.commands.units import spec_of
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.gates.latency import NS_PER_MS
from pytest_compiledai.gates.latency import measured
from pytest_compiledai.gates.latency import policy
from pytest_compiledai.sandbox.ladder import open_sandbox

OUT = "compiled"
#: The loader's messages: where, found, expected, next.
_MESSAGE = re.compile(r"([^\n]*?): found (.*); expected (.*); next: (.*)", re.DOTALL)


def attempt(root: Path, out_name: Path, name: str, text: str) -> int:
    """Print the function's answer to the JSON ``text``, its time and its price; 1: it abstains."""
    out = root / out_name
    loader = load_loader(out.resolve())
    value = read_json(text, where="try")
    try:
        answer = loader.load(name)(value)
    except loader.Abstain as refusal:
        print(f"abstains: {refusal}", file=sys.stderr)  # noqa: T201 - a command speaks
        _tell_time_and_price(root.resolve(), out_name, name, value)
        return 1
    except (loader.NotCompiled, loader.IntegrityError) as error:
        raise _told(f"{out.name}/{name}.py", str(error)) from error
    print(json.dumps(answer, ensure_ascii=False, indent=2))  # noqa: T201 - a command speaks
    _tell_time_and_price(root.resolve(), out_name, name, value)
    return 0


def _tell_time_and_price(root: Path, out: Path, name: str, value: Any) -> None:
    """Print the lines `time` and `price` to standard error; what is not known is said."""
    revision = Revision(root, out, "")
    try:
        entry = revision.entry(name)
        spec = spec_of(root, entry.spec, name)
        program = program_of(spec, revision, entry)
        time = _time(program, canonical_json(value))
        call = call_of(spec, entry, Project(root=root).recordings_of(entry.spec))
        lines = [f"time   {time}", f"price  0 tokens; reference: {call_text(call)}"]
    except (CompiledAIError, OSError) as error:
        lines = [f"time and price not known: {error}"]
    print("\n".join(lines), file=sys.stderr)  # noqa: T201 - a command speaks


def _time(program: Program, data: bytes) -> str:
    sandbox = open_sandbox("auto")
    try:
        best = measured(sandbox, program, [data])
    finally:
        sandbox.close()
    if isinstance(best, CompiledAIError):
        return f"not measured: {best.found}"
    return (
        f"p50 {best.p50_ns / NS_PER_MS:.4g} ms, p99 {best.p99_ns / NS_PER_MS:.4g} ms of CPU a call "
        f"(this input {best.calls} times, best of {policy().rounds} rounds, "
        f"sandbox {sandbox.name})"
    )


def load_loader(out: Path) -> ModuleType:
    """Return the project's own ``compiled`` package, which checks what it loads."""
    path = out / "__init__.py"
    if not path.is_file():
        raise ArtifactError(
            where=str(path.name),
            found=f"no {out.name}/__init__.py",
            expected="a folder of frozen artifacts",
            next="pytest --compile specs/",
        )
    spec = importlib.util.spec_from_file_location(OUT, path, submodule_search_locations=[str(out)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[OUT] = module
    spec.loader.exec_module(module)
    return sys.modules[OUT]


def _told(where: str, text: str) -> ArtifactError:
    """Return the error of which the loader, which is no part of this package, gave the text."""
    parts = _MESSAGE.fullmatch(text)
    if parts is not None:
        return ArtifactError(where=parts[1], found=parts[2], expected=parts[3], next=parts[4])
    return ArtifactError(
        where=where,
        found=text,
        expected="a frozen artifact that matches the lock",
        next="pytest --compile specs/",
    )


def read_json(text: str, *, where: str) -> Any:
    """Return the value of ``text``. Raises ``SettingsError`` when it is not JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        found = f"{error}"
        raise SettingsError(
            where=where,
            found=f"{found[:1].lower()}{found[1:]}",
            expected="JSON",
            next="""quote it for the shell: '{"field": "value"}'""",
        ) from error
