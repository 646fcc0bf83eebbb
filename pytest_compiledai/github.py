"""How a step speaks to GitHub Actions: workflow commands, outputs, the job's summary.

The runner reads every line of a step's output that begins with ``::`` or ``##[`` as a command, so
whatever quotes a model or a row is printed between ``commands_stopped``, or escaped.
The formats: GitHub's documentation, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]+")


def is_on(environ: Mapping[str, str]) -> bool:
    """Return whether this process is a step of a workflow."""
    return environ.get("GITHUB_ACTIONS") == "true"


def event(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what started this workflow; empty where nothing says so."""
    try:
        value = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def pull_request(environ: Mapping[str, str]) -> int:
    """Return the number of the pull request that this workflow runs for; 0 for none."""
    number = event(environ).get("pull_request", {}).get("number", 0)
    return number if type(number) is int and number > 0 else 0


def command(name: str, message: str, **properties: str | int) -> str:
    """Return one workflow command on one line, whatever its message and properties hold."""
    told = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name}{' ' if told else ''}{told}::{_message(message)}"


@contextmanager
def commands_stopped(environ: Mapping[str, str]) -> Iterator[None]:
    """Let the runner take what is printed meanwhile as text; nothing else can start it again."""
    if not is_on(environ):
        yield
        return
    token = secrets.token_hex(16)
    _say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        # On a line of its own, although what ran before may have left one open.
        _say(f"\n::{token}::")


def set_outputs(values: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Write the outputs of this step; a value cannot end early or add another output."""
    lines = []
    for name, value in values.items():
        end = f"end-{secrets.token_hex(16)}"
        lines += [f"{name}<<{end}", value, end]
    _append(environ.get("GITHUB_OUTPUT"), "".join(f"{line}\n" for line in lines))


def add_summary(text: str, environ: Mapping[str, str]) -> None:
    """Add Markdown to the job's summary; the caller keeps it below 1 MiB."""
    _append(environ.get("GITHUB_STEP_SUMMARY"), text)


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)


def _message(text: str) -> str:
    plain = _CONTROL.sub(" ", text)
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the runner reads standard output
