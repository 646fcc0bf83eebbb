"""The lock as production reads it: its tables as texts, and what is wrong with one of them.

Only what is asked for is parsed, and nothing of it is believed before its digest fits. This text
becomes a part of ``compiled/__init__.py``, so it needs the standard library alone and its names
have underscores.
"""

# ruff: noqa: PTH100, PTH119, PTH120

from __future__ import annotations

import os as _os
import re as _re
from collections.abc import Iterator as _Iterator

from pytest_compiledai.core.tensors import _WEIGHTS_FILE
from pytest_compiledai.runtime.errors import IntegrityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as _Any

# From here on this text is spliced into compiled/__init__.py.
_LOCK = "compiledai.lock"
_FIRST_LINE = "lock-version = 1"
_ALWAYS = ("security", "syntax", "execution")  # gates that no spec can switch off
_KEYS = {"kind", "spec", "target", "files", "proposer", "attempts", "basis", "source", "gates"}
_KEYS |= {"off", "capabilities", "evidence", "entry"}
_NAME = _re.compile(r"[a-z][a-z0-9_]{0,63}")
_DOTTED = _re.compile(rf"{_NAME.pattern}(?:\.{_NAME.pattern})?")  # `model.region`: no function
_DIGEST = _re.compile(r"[0-9a-f]{64}")
_STRING = _re.compile(r'"(?:[^"\\]|\\.)*+"')
_MOST_DOTS = 3  # outside strings in one line of a table; the writer needs none
_HEADER = _re.compile(rf'^\[artifact\."({_DOTTED.pattern})"\]$', _re.MULTILINE)
_STRAY = _re.compile(
    rf'^(?:\[(?!artifact\."{_DOTTED.pattern}"\]$)|<{{7}}|={{7}}|>{{7}})', _re.MULTILINE
)
_folder = _os.path.dirname(_os.path.abspath(__file__))
_shown = _os.path.basename(_folder)


def _message(where: str, found: str, expected: str, following: str) -> str:
    return f"{where}: found {found}; expected {expected}; next: {following}"


def _restore() -> str:
    return f"`git checkout -- {_LOCK} {_shown}/`, or deploy both again from one revision"


def _split(data: bytes) -> dict[str, str]:
    """Return name -> text of its table. Raises ``IntegrityError``."""
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise IntegrityError(_message(_LOCK, "no UTF-8", "text", _restore())) from None
    stray = _STRAY.search(text)
    if stray:
        line = text.count("\n", 0, stray.start()) + 1
        found = "a conflict marker or an unknown table"
        raise IntegrityError(_message(f"{_LOCK}:{line}", found, "a merged lock", _restore()))
    head, *parts = _HEADER.split(text)
    if [line for line in head.split("\n") if line and line[0] != "#"] != [_FIRST_LINE]:
        found = ascii(head)[:80]
        upgrade = "compile with the version of pytest-compiledai that wrote this file"
        raise IntegrityError(_message(f"{_LOCK}:1", found, f"`{_FIRST_LINE}`", upgrade))
    tables = dict(zip(parts[::2], parts[1::2], strict=True))
    if len(tables) * 2 != len(parts):
        raise IntegrityError(_message(_LOCK, "a table twice", "one an artifact", _restore()))
    return tables


def _parsed(name: str, text: str) -> dict[str, _Any]:
    """Return the table of ``name``. Raises ``IntegrityError`` for no TOML."""
    import tomllib

    # The parser takes quadratic time over the parts of a dotted key.
    dots = max(_STRING.sub("", line).count(".") for line in text.split("\n"))
    try:
        return tomllib.loads(text if dots <= _MOST_DOTS else "a key of many dotted parts")
    except (ValueError, RecursionError) as error:
        found = f"no TOML: {str(error)[:200]}"
        raise IntegrityError(_message(f"{_LOCK}, `{name}`", found, "TOML", _restore())) from None


def _faults(name: str, table: dict[str, _Any]) -> _Iterator[str]:
    """Yield what is wrong with the table of ``name``; each look relies on those before it."""
    import hashlib
    import json

    if set(table) != _KEYS:
        yield f"other keys: {', '.join(sorted(set(table) ^ _KEYS))[:200]}"
    rest = {key: value for key, value in table.items() if key != "entry"}
    # What TOML has and JSON has not, a date for one, becomes text, which changes the digest.
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), default=repr)
    if hashlib.sha256(text.encode("ascii")).hexdigest() != table["entry"]:
        yield "a half-merged or hand-edited table"
    files, gates = table["files"], table["gates"]
    if not isinstance(files, dict) or not files or not all(map(_is_digest, files.values())):
        yield "files without SHA-256 digests"
    if not all(_is_own(path, name) for path in files):
        yield "a path outside the artifact"
    if not isinstance(gates, list) or not isinstance(table["capabilities"], list):
        yield "no list of gates or capabilities"
    missing = set(_ALWAYS) - {str(gate).partition("@")[0] for gate in gates}
    if missing:
        yield f"no gate {', '.join(sorted(missing))}"
    if table["kind"] == "function" and f"{name}.py" not in files:
        yield f"no file `{name}.py`"
    if table["kind"] == "function" and set(files) - {f"{name}.py", f"{name}/{_WEIGHTS_FILE}"}:
        yield "a file that no function has"


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_own(path: str, name: str) -> bool:
    parts = path.split("/")
    plain = not any(part in {"", ".", ".."} for part in parts)
    return (
        plain
        and not _re.search(r"[\x00-\x1f\\:]", path)
        and (path == f"{name}.py" or (len(parts) > 1 and parts[0] == name))
    )
