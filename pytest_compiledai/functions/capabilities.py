"""What generated code may touch beyond pure computation: asked for in a spec, granted in settings.

A closed list: ``module:<standard library name>`` may be imported; ``clock``, ``random`` and
``call:<name>`` are handed in as keyword-only parameters, and replayed inside gates.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json

CAPABILITY = re.compile(
    r"clock|random|module:[A-Za-z_][A-Za-z0-9_.]{0,99}|call:[a-z_][a-z0-9_]{0,63}"
)

#: Parameters that are there already.
_TAKEN = frozenset({"data", "clock", "random"})

Table = Mapping[str, Any]  # canonical JSON of a call's input -> its recorded output


def check_capability(word: str, place: Place) -> None:
    """Raise ``SpecError`` for a word outside the closed list, or that takes a parameter's name."""
    kind, _, name = word.partition(":")
    foreign = kind == "module" and name.partition(".")[0] not in sys.stdlib_module_names
    if not CAPABILITY.fullmatch(word) or foreign or (kind == "call" and _is_taken(name)):
        raise SpecError(
            where=place,
            found=f"the capability {word!r}",
            expected="clock, random, module:<standard library name> or call:<name>",
        )


def _is_taken(name: str) -> bool:
    return name in _TAKEN or keyword.iskeyword(name)


def granted_modules(capabilities: Sequence[str]) -> tuple[str, ...]:
    """Return the modules granted beyond the policy's own list."""
    return tuple(
        word.removeprefix("module:") for word in capabilities if word.startswith("module:")
    )


def call_names(capabilities: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the callables handed in."""
    return tuple(word.removeprefix("call:") for word in capabilities if word.startswith("call:"))


def handed_in(
    capabilities: Sequence[str], tables: Mapping[str, Table]
) -> dict[str, Mapping[str, Any]]:
    """Return the keyword arguments that the sandbox makes, by parameter name."""
    made: dict[str, Mapping[str, Any]] = {
        word: {"kind": word} for word in capabilities if word in ("clock", "random")
    }
    for name in call_names(capabilities):
        made[name] = {"kind": "call", "table": dict(tables[name])}
    return made


def read_table(data: bytes, path: str) -> dict[str, Any]:
    """Return the recorded calls of one capability: JSONL of {"input", "output"}.

    Raises ``SpecError`` with the line of what cannot be read.
    """
    table: dict[str, Any] = {}
    for number, line in enumerate(_lines(data, path), start=1):
        place = Place(path=path, line=number)
        try:
            row = read_json(line)
        except StrictJSONError as error:
            raise SpecError(where=place, found=str(error), expected="a JSON object") from error
        if not isinstance(row, dict) or set(row) != {"input", "output"}:
            raise SpecError(
                where=place,
                found=json.dumps(row, ensure_ascii=False)[:80],
                expected='an object with the keys "input" and "output"',
            )
        key = canonical_json(row["input"]).decode("ascii")
        if key in table:
            raise SpecError(
                where=place, found=f"a second answer to {key[:80]}", expected="each input once"
            )
        table[key] = row["output"]
    return table


def _lines(data: bytes, path: str) -> list[str]:
    """Return the lines; only a line feed ends one, for JSON text may hold any other separator."""
    try:
        return data.decode("utf-8").removesuffix("\n").split("\n") if data else []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(
            where=Place(path=path, line=line),
            found=f"bytes that are not UTF-8 ({error.reason})",
            expected="UTF-8 text",
        ) from None
