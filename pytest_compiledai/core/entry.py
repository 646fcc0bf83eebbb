"""One artifact's table in ``compiledai.lock``: its values, its digest, its text."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
from typing import Any

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.paths import belongs_to
from pytest_compiledai.core.paths import may_name
from pytest_compiledai.core.paths import path_fault
from pytest_compiledai.core.paths import portable_fault
from pytest_compiledai.core.place import Place

#: The order of keys in the text. `merge=union` works on lines, and git melts up to three common
#: lines between two conflicting ones into the conflict, but splits the conflict at a longer common
#: run. The digests differ in every table, so they stand between groups of at most three keys that
#: two new tables may well share; in another order two added tables come out interleaved.
KEYS = (
    "kind",
    "spec",
    "target",
    "files",
    "proposer",
    "attempts",
    "basis",
    "source",
    "gates",
    "off",
    "capabilities",
    "evidence",
    "entry",
)

#: What every artifact is made for.
TARGET = "python>=3.11"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_GATE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSIONED = re.compile(r"[a-z][a-z0-9_]{0,63}@[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")
_CAPABILITY = re.compile(r"clock|random|module:[A-Za-z_][\w.]{0,99}|call:[A-Za-z_]\w{0,63}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,300}")
_BEYOND = re.compile(r"[^\x20-\x7e]")
_PLANE = 0xFFFF
_SHOWN = 80  # characters of a wrong value in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was frozen, what it was made from, and what it was judged by."""

    name: str
    kind: str
    spec: str  # POSIX path, relative to the project's root
    files: Mapping[str, str]  # POSIX path below the out folder -> SHA-256
    source: str  # SHA-256
    evidence: str  # SHA-256
    proposer: str  # a model's name, or `file:<path>`
    attempts: int
    target: str
    gates: tuple[str, ...]  # `gate@version`, in gate order
    off: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    basis: str = "modelled"  # or `measured`

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON of the table without its ``entry`` key."""
        return digest_of(self.table())

    def table(self) -> dict[str, Any]:
        """Return the table as JSON values, without its ``entry`` key."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["name"]
        values["files"] = dict(self.files)
        for key in ("gates", "off", "capabilities"):
            values[key] = list(values[key])
        return values

    def render(self) -> str:
        """Return the table as TOML: one line a key, LF, no time, host or cost in it.

        ``files`` is one inline table, hence one line: when two branches change the same artifact,
        a union merge then yields that key twice, which is an error, and never a mix of files.
        """
        values = self.table() | {"entry": self.digest}
        lines = [f"{key} = {_toml(values[key])}" for key in KEYS]
        return "\n".join([f'[artifact."{self.name}"]', *lines, ""])


def read_entry(name: str, table: object, place: Place) -> Entry:
    """Return the entry in ``table``. Raises ``LockError`` for anything that is not as written."""
    if not may_name(name, table.get("kind") if isinstance(table, dict) else None):
        free = "a name of the form [a-z][a-z0-9_]{0,63}, no keyword, device or word of the loader"
        raise _fault(place, name, f"the name {_shown(name)}", free)
    if not isinstance(table, dict):
        raise _fault(place, name, _shown(table), f"a table of the keys {', '.join(KEYS)}")
    for key in sorted(set(KEYS) ^ set(table)):
        found = f"no key `{key}`" if key in KEYS else f"the unknown key `{key[:80]}`"
        raise _fault(place, name, f"{found} in the table of `{name}`", f"keys {', '.join(KEYS)}")
    for key, (expected, holds) in _RULES.items():
        if not holds(table[key]):
            raise _fault(place, name, f"`{key}` = {_shown(table[key])}", expected)
    _check_paths(name, table, place)
    rest = {key: value for key, value in table.items() if key != "entry"}
    if table["entry"] != digest_of(rest):
        raise _fault(
            place,
            name,
            f"a half-merged or hand-edited table of `{name}`",
            f"the digest {digest_of(rest)} in its `entry`",
        )
    tuples = {key: tuple(rest[key]) for key in ("gates", "off", "capabilities")}
    return Entry(name=name, **(rest | tuples))


def _check_paths(name: str, table: Mapping[str, Any], place: Place) -> None:
    fault = path_fault(table["spec"])
    if fault:
        raise _fault(place, name, f"{fault} in `spec`", "a path relative to the project's root")
    seen: set[str] = set()
    for path in sorted(table["files"]):
        fault = portable_fault(path)
        if not fault and not belongs_to(path, name):
            owner = path.split("/")[0].removesuffix(".py")
            fault = f"`{path}`, which only an artifact `{owner}` may claim,"
        folded = unicodedata.normalize("NFKC", path).casefold()
        if not fault and folded in seen:
            fault = f"two paths that differ only in case, `{path}` the second,"
        if fault:
            raise _fault(place, name, f"{fault} in `files`", f"`{name}.py` or paths in `{name}/`")
        seen.add(folded)


def _fault(place: Place, name: str, found: str, expected: str) -> LockError:
    return LockError(
        where=place,
        found=found,
        expected=expected,
        next=f"`git checkout -- {place.path}`, or compile `{name[:64]}` again: "
        f"`pytest --compile-update specs/ -k {name[:64]}`",
    )


def _texts(value: object, pattern: re.Pattern[str]) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(item, str) and pattern.fullmatch(item) for item in value)
        and len(set(value)) == len(value)
    )


def _text(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _digests(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_digest, value.values()))


def _is_digest(value: object) -> bool:
    return _text(value, _DIGEST)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_RULES: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "kind": ("the name of a kind", lambda value: _text(value, _KIND)),
    "spec": ("a line of text", lambda value: _text(value, _LINE)),
    "target": ("a line of text", lambda value: _text(value, _LINE)),
    "files": ("a table of paths and SHA-256 digests, 64 hex digits each", _digests),
    "proposer": ("a line of text", lambda value: _text(value, _LINE)),
    "attempts": ("a number from 0", _is_count),
    "basis": ("`measured` or `modelled`", lambda value: value in ("measured", "modelled")),
    "source": ("a SHA-256 digest, 64 hex digits", _is_digest),
    "gates": (
        "a list of `gate@version`, none twice, at least one",
        lambda value: bool(value) and _texts(value, _VERSIONED),
    ),
    "off": ("a list of gates, none twice", lambda value: _texts(value, _GATE)),
    "capabilities": (
        "a list of `clock`, `random`, `module:<name>`, `call:<name>`, none twice",
        lambda value: _texts(value, _CAPABILITY),
    ),
    "evidence": ("a SHA-256 digest, 64 hex digits", _is_digest),
    "entry": ("a SHA-256 digest, 64 hex digits", _is_digest),
}


def _toml(value: Any) -> str:
    """Return ``value`` as TOML in ASCII.

    JSON's escapes are TOML's too, but for U+007F, which JSON leaves alone, and for characters
    beyond U+FFFF, which JSON writes as a pair of surrogates.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(value[key])}" for key in sorted(value)) + "}"
    return _BEYOND.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code <= _PLANE else f"\\U{code:08x}"


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
