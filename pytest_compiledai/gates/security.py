"""The security gate: may this text be executed in the sandbox, and later in production.

The answer rests on a policy that denies by default; Bandit, Ruff and Semgrep are second opinions.
Nothing is executed. Does not see what only running shows: memory, time, a wrong answer.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping

from pytest_compiledai.core.parsing import parse
from pytest_compiledai.core.source import Source
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.gates.policy import attributes
from pytest_compiledai.gates.policy import bounds
from pytest_compiledai.gates.policy import classes
from pytest_compiledai.gates.policy import contexts
from pytest_compiledai.gates.policy import dangers
from pytest_compiledai.gates.policy import doors
from pytest_compiledai.gates.policy import identity
from pytest_compiledai.gates.policy import imports
from pytest_compiledai.gates.policy import injection
from pytest_compiledai.gates.policy import lasting
from pytest_compiledai.gates.policy import makers
from pytest_compiledai.gates.policy import misuse
from pytest_compiledai.gates.policy import names
from pytest_compiledai.gates.policy import order
from pytest_compiledai.gates.policy import pattern
from pytest_compiledai.gates.policy import purity
from pytest_compiledai.gates.policy import reaching
from pytest_compiledai.gates.policy import secret
from pytest_compiledai.gates.policy import shape
from pytest_compiledai.gates.policy import text
from pytest_compiledai.gates.policy import web
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.policy.taint import Taint
from pytest_compiledai.gates.policy.tree import Tree
from pytest_compiledai.gates.tools import ToolReport
from pytest_compiledai.gates.tools import opinions

GATE = "security"
# After one of these there is no tree, and no analyser was given the text.
_UNREAD = frozenset(
    f"security.{name}" for name in ("size", "encoding", "character", "nesting", "parse")
)
TOOLS = ("bandit", "ruff-security", "semgrep")
_PLAIN: tuple[Callable[[Module], Iterator[Finding]], ...] = (
    imports.check,
    names.check,
    attributes.check,
    classes.check,
    doors.check,
    makers.check,
    shape.check,
    purity.check,
    lasting.check,
    reaching.check,
    contexts.check,
    identity.check,
    order.check,
    secret.check,
    bounds.check,
)
_TAINTED: tuple[Callable[[Module, Taint], Iterator[Finding]], ...] = (
    injection.check,
    pattern.check,
    dangers.check,
    misuse.check,
    web.check,
)


def version() -> int:
    """Return the version of this gate's policy, as it stands in the lock."""
    return policy().version


def judge(
    source: Source, *, capabilities: frozenset[str], scans: Mapping[str, ToolReport]
) -> Verdict:
    """Return the verdict on ``source``: the policy first, then what the analysers reported.

    ``scans`` is what ``tools.scan`` returned; a source or a tool that it lacks is a finding.
    """
    found = inspect(source, capabilities=capabilities)
    if not any(item.rule in _UNREAD for item in found):
        off = silenced(capabilities)
        found += opinions(source, scans, gate=GATE, tools=TOOLS, off=off)
    figures = {"bytes": len(source.data), "findings": len(found)}
    return Verdict(gate=GATE, findings=_sorted(found), figures=figures)


def inspect(
    source: Source, *, capabilities: frozenset[str], foreign: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Return what the policy alone finds; runs no analyser and takes about a millisecond.

    ``foreign`` names modules to judge as if they were granted, which no project can ask for: it
    shows what the rules find behind an import.
    """
    rules = policy()
    read = text.read(source.data, rules.text, source.path)
    if read.findings:
        return read.findings
    try:
        tree = Tree(_parse(read.text))
        if tree.depth > rules.text.max_depth:
            return (_flaw(source, "nesting", 0, "a tree too deep; expected flatter code"),)
        module = Module(
            tree, path=source.path, policy=rules, capabilities=capabilities, foreign=foreign
        )
        return _sorted((*text.suppressions(read.text, source.path), *_rules(module)))
    except SyntaxError as error:
        fact = f"line {error.lineno or 0}: found {error.msg}; expected Python that parses"
        return (_flaw(source, "parse", error.lineno or 0, fact),)
    except (RecursionError, MemoryError, ValueError) as error:
        # The parser's own ways to refuse text that is too deep or holds what no source may hold.
        fact = f"{type(error).__name__} of the parser; expected flatter code"
        return (_flaw(source, "nesting", 0, fact),)


def _parse(code: str) -> ast.Module:
    with warnings.catch_warnings():
        # An invalid escape in generated code must not become an error of the run.
        warnings.simplefilter("ignore")
        return parse(code)


def _rules(module: Module) -> Iterator[Finding]:
    for check in _PLAIN:
        yield from check(module)
    taint = Taint(module)
    for tainted in _TAINTED:
        yield from tainted(module, taint)


def _flaw(source: Source, name: str, line: int, message: str) -> Finding:
    return Finding(rule=f"security.{name}", message=message, path=source.path, line=line)


def silenced(capabilities: frozenset[str]) -> frozenset[str]:
    """Return the analysers' rules that are not listened to, by policy or because of a grant."""
    rules = policy()
    modules = [word.removeprefix("module:") for word in capabilities]
    granted = (
        codes
        for package, codes in rules.granted.items()
        if any(name == package or name.startswith(f"{package}.") for name in modules)
    )
    return rules.bandit_off.union(rules.ruff_off, *granted)


def _sorted(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    unique = {(item.line, item.rule, item.message): item for item in found}
    return tuple(unique[key] for key in sorted(unique))
