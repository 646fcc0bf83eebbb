"""The security policy as a value, read once from ``gates/security``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from pytest_compiledai.assets import asset
from pytest_compiledai.core.errors import ToolError

_SETS = ("tainted", "fixed", "missing", "unless", "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLimits:
    """How large and how deep a module may be, measured before anything parses it."""

    max_bytes: int
    max_brackets: int
    max_indent: int  # columns
    max_depth: int  # levels of the tree
    max_line: int  # characters
    max_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """One kind of dangerous use; every condition that is given has to hold.

    Arguments are named by position, as digits, or by keyword.
    """

    rule: str  # also the family of sinks: what cleans a value for it
    expected: str
    found: str = ""
    calls: tuple[str, ...] = ()  # dotted, `module.*`, `maker().method` or `*.method`
    reads: tuple[str, ...] = ()  # dotted names that must not be used at all
    targets: tuple[str, ...] = ()  # `.attribute` or `[key]` that is assigned
    tainted: frozenset[str] = frozenset()  # one of these arguments is the caller's text
    receiver: bool = False  # the object of the method is
    fixed: frozenset[str] = frozenset()  # one of these is written down in the code
    missing: frozenset[str] = frozenset()  # none of these is given
    plain: frozenset[str] = frozenset()  # one of these is the address of another host without TLS
    values: Mapping[str, tuple[object, ...]] = field(default_factory=dict)  # one of these values
    below: Mapping[str, int] = field(default_factory=dict)  # a number less than that
    unless: frozenset[str] = frozenset()  # a word that makes it harmless where it stands


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """All that ``policy.toml`` and ``imports.toml`` state, with sets where order is nothing."""

    version: int
    text: TextLimits
    modules: Mapping[str, frozenset[str]]  # importable module: its usable members
    builtins: frozenset[str]
    injected: frozenset[str]
    reflective: frozenset[str]
    dunder: frozenset[str]
    frames: frozenset[str]
    clock: frozenset[str]
    public_private: frozenset[str]
    methods: frozenset[str]
    fields: frozenset[str]
    metaclasses: frozenset[str]
    class_keywords: frozenset[str]
    mutators: frozenset[str]
    filling: frozenset[str]
    mutating_calls: frozenset[str]
    iterators: frozenset[str]
    iterator_methods: frozenset[str]
    local_time: Mapping[str, int]
    never: frozenset[str]
    closed: Mapping[str, frozenset[str]]
    dangers: tuple[Danger, ...]
    sources: frozenset[str]
    cleaners: Mapping[str, frozenset[str]]  # a function: the families that it cleans for
    bandit_off: frozenset[str]
    ruff_off: frozenset[str]
    granted: Mapping[str, frozenset[str]]


@functools.cache
def policy() -> Policy:
    """Return the shipped policy; raises ``ToolError`` when its files are damaged."""
    try:
        return _policy(_read("policy.toml"), _read("imports.toml"), _read("dangers.toml"))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ToolError(
            where="gates/security/policy.toml",
            found=f"{type(error).__name__}: {error}",
            expected="the policy that the package ships",
            next="pip install --force-reinstall pytest-compiledai",
        ) from error


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(asset("gates", "security", name).read_text(encoding="utf-8"))


def _policy(data: dict[str, Any], imports: dict[str, Any], dangers: dict[str, Any]) -> Policy:
    attributes, classes, purity = data["attributes"], data["classes"], data["purity"]
    return Policy(
        version=data["version"],
        text=TextLimits(**data["text"]),
        modules=_sets(imports["allow"]),
        builtins=frozenset(data["builtins"]["allow"]),
        injected=frozenset(data["builtins"]["injected"]),
        reflective=frozenset(data["builtins"]["reflective"]),
        dunder=frozenset(attributes["dunder"]),
        frames=frozenset(attributes["frames"]),
        clock=frozenset(attributes["clock"]),
        public_private=frozenset(attributes["public_private"]),
        methods=frozenset(classes["methods"]),
        fields=frozenset(classes["fields"]),
        metaclasses=frozenset(classes["metaclasses"]),
        class_keywords=frozenset(classes["keywords"]),
        mutators=frozenset(purity["mutators"]),
        filling=frozenset(purity["filling"]),
        mutating_calls=frozenset(purity["mutating_calls"]),
        iterators=frozenset(purity["iterators"]),
        iterator_methods=frozenset(purity["iterator_methods"]),
        local_time=purity["local_time"],
        never=frozenset(data["capabilities"]["never"]),
        closed=_sets(data["capabilities"]["closed"]),
        dangers=tuple(_danger(table) for table in dangers["danger"]),
        sources=frozenset(dangers["sources"]),
        cleaners=_by_name(dangers["cleaners"]),
        bandit_off=frozenset(data["bandit"]["off"]),
        ruff_off=frozenset(data["ruff"]["off"]),
        granted=_sets(data["granted"]),
    )


def _sets(table: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(members) for name, members in table.items()}


def _by_name(table: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    """Return, for each name in the lists, the keys of the lists that hold it."""
    names = {name for found in table.values() for name in found}
    return {name: frozenset(key for key in table if name in table[key]) for name in names}


def _danger(table: dict[str, Any]) -> Danger:
    shaped: dict[str, Any] = dict(table)
    shaped |= {key: frozenset(table[key]) for key in _SETS if key in table}
    shaped |= {key: tuple(table[key]) for key in ("calls", "reads", "targets") if key in table}
    shaped["values"] = {key: tuple(found) for key, found in table.get("values", {}).items()}
    return Danger(**shaped)
