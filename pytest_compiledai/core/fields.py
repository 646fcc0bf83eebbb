"""Typed access to the keys of a spec, with the place and the expectation in every error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.gate import ALWAYS_ON
from pytest_compiledai.core.paths import is_free
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.split import Shares

if TYPE_CHECKING:
    from pytest_compiledai.core.document import Document


def known_keys(document: Document, keys: Sequence[str], *, inside: tuple[str, ...] = ()) -> None:
    """Raise ``SpecError`` when the mapping at ``inside`` has a key that is not in ``keys``."""
    for key in _at(document, inside):
        if key not in keys:
            raise SpecError(
                where=document.place(*inside, key),
                found=f"the key `{key}`",
                expected=f"one of {', '.join(keys)}",
                next=_nearest(key, keys),
            )


def _nearest(key: str, keys: Sequence[str]) -> str:
    """Return what to write in the place of a key that is hardly misspelt; else that it is none."""
    near = difflib.get_close_matches(key, keys, n=1)
    return f"write `{near[0]}`" if near else "take it out, or see docs/spec.md"


def unit_name(document: Document) -> str:
    """Return the unit's name, which becomes a function, a module and a file."""
    name = text(document, "name")
    if not is_free(name):
        raise SpecError(
            where=document.place("name"),
            found=f"the name {name[:80]!r}",
            expected="1 to 64 of a-z, 0-9 and _, a letter first, no keyword or reserved name",
        )
    return name


def text(document: Document, key: str, default: str | None = None) -> str:
    """Return the string at ``key``."""
    value = document.data.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise _expected(document, (key,), value, "text")
    return value


def optional_text(document: Document, key: str) -> str | None:
    """Return the string at ``key``; None where the key is missing or null."""
    return None if document.data.get(key) is None else text(document, key)


def whole(document: Document, key: str, default: int | None, *, most: int) -> int | None:
    """Return the whole number from 1 to ``most`` at ``key``."""
    value = document.data.get(key, default)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= most:
        raise _expected(document, (key,), value, f"a whole number from 1 to {most}")
    return value


def choice(document: Document, key: str, choices: Sequence[str], default: str) -> str:
    """Return the word at ``key``, one of ``choices``."""
    value = document.data.get(key, default)
    if value not in choices:
        raise _expected(document, (key,), value, " or ".join(choices))
    return str(value)


def words(document: Document, key: str) -> tuple[str, ...]:
    """Return the list of strings at ``key``, sorted; empty where the key is missing."""
    value = document.data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _expected(document, (key,), value, "a list of words")
    if len(set(value)) != len(value):
        raise _expected(document, (key,), value, "each word once")
    return tuple(sorted(value))


def gate_blocks(
    document: Document, gates: Sequence[str]
) -> tuple[Mapping[str, Mapping[str, Any]], tuple[str, ...]]:
    """Return the settings of each gate and the names of those switched off.

    Raises ``SpecError`` for an unknown gate, and for ``off`` where a gate cannot be switched off.
    """
    known_keys(document, gates, inside=("gates",))
    blocks: dict[str, Mapping[str, Any]] = {}
    off: list[str] = []
    for gate, block in _at(document, ("gates",)).items():
        if block == "off":
            if gate in ALWAYS_ON:
                raise _expected(document, ("gates", gate), block, "a gate that can be switched off")
            off.append(gate)
        elif isinstance(block, Mapping):
            blocks[gate] = block
        else:
            raise _expected(document, ("gates", gate), block, "a mapping of settings, or off")
    return blocks, tuple(gate for gate in gates if gate in off)


def mapping(document: Document, key: str) -> Mapping[str, Any]:
    """Return the mapping at ``key``, empty where it is missing."""
    value = document.data.get(key, {})
    if not isinstance(value, Mapping):
        raise SpecError(where=document.place(key), found=repr(value)[:80], expected="a mapping")
    return value


def schema(document: Document, key: str, *, closed: bool = False) -> Schema:
    """Return the schema at ``key``."""
    if key not in document.data:
        raise SpecError(
            where=document.place(), found=f"no `{key}`", expected="a JSON Schema of type object"
        )
    return Schema.parse(document.data[key], document.at(key), closed=closed)


def shares(document: Document, blocks: Mapping[str, Mapping[str, Any]]) -> Shares:
    """Return the shares of the splits that the gate `accuracy` names."""
    accuracy = blocks.get("accuracy", {})
    at = document.at("gates", "accuracy", "split")
    return Shares.parse(accuracy["split"], at) if "split" in accuracy else Shares()


def _at(document: Document, inside: tuple[str, ...]) -> Mapping[str, Any]:
    value: Any = document.data
    for key in inside:
        value = value.get(key, {})
    if not isinstance(value, Mapping):
        raise _expected(document, inside, value, "a mapping")
    return value


def _expected(document: Document, keys: tuple[str, ...], value: object, what: str) -> SpecError:
    found = "nothing" if value is None else f"{value!r}"[:100]
    return SpecError(where=document.place(*keys), found=f"{keys[-1]}: {found}", expected=what)
