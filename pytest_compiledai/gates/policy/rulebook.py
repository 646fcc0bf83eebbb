"""The security policy as a value, read once from ``gates/security``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.assets import asset
from pytest_compiledai.core.errors import ToolError


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
class Sink:
    """Calls of one kind whose argument must not come from outside."""

    rule: str
    calls: frozenset[str]
    arguments: frozenset[str]  # positions as digits, and keywords


@dataclass(frozen=True, slots=True, kw_only=True)
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
    mutating_calls: frozenset[str]
    iterators: frozenset[str]
    local_time: Mapping[str, int]
    never: frozenset[str]
    closed: Mapping[str, frozenset[str]]
    sinks: tuple[Sink, ...]
    cleaners: frozenset[str]
    bandit_off: frozenset[str]
    ruff_off: frozenset[str]
    granted: Mapping[str, frozenset[str]]


@functools.cache
def policy() -> Policy:
    """Return the shipped policy; raises ``ToolError`` when its files are damaged."""
    try:
        return _policy(_read("policy.toml"), _read("imports.toml"))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ToolError(
            where="gates/security/policy.toml",
            found=f"{type(error).__name__}: {error}",
            expected="the policy that the package ships",
            next="pip install --force-reinstall pytest-compiledai",
        ) from error


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(asset("gates", "security", name).read_text(encoding="utf-8"))


def _policy(data: dict[str, Any], imports: dict[str, Any]) -> Policy:
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
        mutating_calls=frozenset(purity["mutating_calls"]),
        iterators=frozenset(purity["iterators"]),
        local_time=purity["local_time"],
        never=frozenset(data["capabilities"]["never"]),
        closed=_sets(data["capabilities"]["closed"]),
        sinks=tuple(_sink(name, table) for name, table in sorted(data["sinks"].items())),
        cleaners=frozenset(data["taint"]["cleaners"]),
        bandit_off=frozenset(data["bandit"]["off"]),
        ruff_off=frozenset(data["ruff"]["off"]),
        granted=_sets(data["granted"]),
    )


def _sets(table: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(members) for name, members in table.items()}


def _sink(name: str, table: dict[str, list[str]]) -> Sink:
    return Sink(rule=name, calls=frozenset(table["calls"]), arguments=frozenset(table["arguments"]))
