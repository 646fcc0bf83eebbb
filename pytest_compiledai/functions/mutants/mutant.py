"""From an artifact's text to its mutants: found, sampled with a seed, made."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from pytest_compiledai.functions.mutants.change import Change
from pytest_compiledai.functions.mutants.change import Text
from pytest_compiledai.functions.mutants.change import children
from pytest_compiledai.functions.mutants.change import meaning
from pytest_compiledai.functions.mutants.expressions import in_expression
from pytest_compiledai.functions.mutants.statements import in_block
from pytest_compiledai.functions.mutants.statements import in_statement
from pytest_compiledai.functions.mutants.statements import is_guard
from pytest_compiledai.functions.template import MARKER

_SHOWN: Final = 100  # characters of a line
_REMOVED: Final = "(removed)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """An artifact with one small mistake in what the model wrote."""

    kind: str
    line: int  # of the artifact, from 1
    before: str  # the first line that differs, without its margin
    after: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: `{self.before}` became `{self.after}` ({self.kind})"


def mutants(artifact: str, *, most: int, seed: int) -> tuple[Mutant, ...]:
    """Return at most ``most`` mutants that mean different things, in the order of their lines.

    Kinds take turns, so that a kind with few places is not crowded out by one with many; equal
    arguments give equal mutants. What the template and the library brought is left alone. Raises
    ``SyntaxError`` for a text that is no Python.
    """
    text = Text(artifact)
    by_kind: dict[str, list[Change]] = {}
    for change in _changes(text, _first_own_line(artifact)):
        by_kind.setdefault(change.kind, []).append(change)
    random = Random(seed)  # noqa: S311 - a sample that repeats, no secret
    for changes in by_kind.values():
        random.shuffle(changes)
    found: dict[str, Mutant] = {}
    turns = [by_kind[kind] for kind in sorted(by_kind)]
    while turns and len(found) < most:
        for changes in turns:
            _take(text, artifact, changes, found)
            if len(found) == most:
                break
        turns = [changes for changes in turns if changes]
    return tuple(sorted(found.values(), key=lambda item: (item.line, item.kind, item.text)))


def _take(text: Text, artifact: str, changes: list[Change], found: dict[str, Mutant]) -> None:
    """Make the next mutant of a kind that nobody made before, if there is one."""
    while changes:
        change = changes.pop()
        made = text.applied(change)
        told = meaning(made) if made is not None else None
        if made is not None and told is not None and told not in found:
            found[told] = _mutant(change.kind, artifact, made)
            return


def _mutant(kind: str, artifact: str, made: str) -> Mutant:
    before, after = artifact.split("\n"), made.split("\n")
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    _, low, high, new_low, new_high = next(
        step for step in matcher.get_opcodes() if step[0] != "equal"
    )
    return Mutant(
        kind=kind,
        line=low + 1,
        before=_shown(before[low:high]),
        after=_shown(after[new_low:new_high]) or _REMOVED,
        text=made,
    )


def _shown(lines: list[str]) -> str:
    told = lines[0].strip() if lines else ""
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."


def _first_own_line(artifact: str) -> int:
    """Return the first line of what the model wrote; all of a text that no template made."""
    head, marker, _ = artifact.partition(MARKER)
    return head.count("\n") + 1 if marker else 1


def _changes(text: Text, first: int) -> Iterator[Change]:
    for node in text.tree.body:
        if node.lineno >= first and not isinstance(
            node, ast.Import | ast.ImportFrom | ast.ClassDef
        ):
            yield from _in(text, node, text.tree)


def _in(text: Text, node: ast.AST, parent: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.stmt):
        if is_guard(node):
            return
        yield from in_statement(text, node)
        for body in _blocks(node):
            yield from in_block(text, body)
    elif isinstance(node, ast.expr):
        yield from in_expression(text, node, parent)
    for child in children(node):
        yield from _in(text, child, node)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        is_elif = name == "orelse" and isinstance(node, ast.If) and _is_elif(body)
        if isinstance(body, list) and body and not is_elif:
            yield body


def _is_elif(body: list[ast.stmt] | None) -> bool:
    return bool(body) and len(body or []) == 1 and isinstance((body or [])[0], ast.If)
