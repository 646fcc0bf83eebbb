"""From what a model wrote to the text of an artifact: one self-contained file.

The candidate brings constants, helpers and the unit's function; ours are the types, the copied
parts of the library, the guard in front of the function, its docstring and the provenance. Nothing
here is executed or judged: the gates do that. Equal facts and equal replies give equal bytes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.trees import LARGEST_BITS
from pytest_compiledai.core.trees import huge_number
from pytest_compiledai.functions import guard
from pytest_compiledai.functions.body import Line
from pytest_compiledai.functions.body import body
from pytest_compiledai.functions.body import check_imports
from pytest_compiledai.functions.body import check_names
from pytest_compiledai.functions.body import lines_of
from pytest_compiledai.functions.body import their_imports
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.imports import imports_of
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import Library
from pytest_compiledai.functions.library import ModulePart
from pytest_compiledai.functions.library import NameClash
from pytest_compiledai.functions.library import free_names
from pytest_compiledai.functions.refusal import TemplateError
from pytest_compiledai.functions.reply import extract
from pytest_compiledai.functions.reply import parse
from pytest_compiledai.functions.signature import Facts
from pytest_compiledai.functions.signature import Signature
from pytest_compiledai.functions.signature import imports_needed
from pytest_compiledai.functions.signature import signature
from pytest_compiledai.gates.policy import text as policy_text
from pytest_compiledai.gates.policy.rulebook import policy as security_policy

__all__ = [
    "Assembled",
    "Facts",
    "Signature",
    "TemplateError",
    "assemble",
    "candidate_of",
    "extract",
    "signature",
    "template_digest",
]

#: Raised with every change that makes other bytes of the same reply.
VERSION: Final = 2
SPEC_VERSION: Final = 1

MARKER: Final = "# compiledai candidate\n"
_GUARD_CALL: Final = re.compile(rf"\s+{guard.ROOT}\(\w+\)")
_IMPORTS: Final = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The text of an artifact, and where each of its lines stood in the candidate."""

    text: str
    origins: tuple[int, ...]  # for each line, the candidate's line from 1; 0: a line of ours

    def origin(self, line: int) -> int:
        """Return the candidate's line for a line of the text, both from 1; 0 where it is ours."""
        return self.origins[line - 1] if 0 < line <= len(self.origins) else 0


def template_digest() -> str:
    """Return the digest of all that turns a reply into an artifact, apart from the spec."""
    return digest_of({"template": VERSION, "library": Library.shipped().digest()})


def assemble(facts: Facts, candidate: str, library: Library | None = None) -> Assembled:
    """Return the artifact's text for what a candidate wrote.

    Raises ``TemplateError`` for text that does not parse, lacks the function, or takes a name that
    is ours.
    """
    # The compiler reads a lone carriage return as a line end, too.
    text = candidate.replace("\r\n", "\n").replace("\r", "\n")
    _check_text(text)
    try:
        return _assembled(facts, text, library or Library.shipped())
    except RecursionError:
        raise TemplateError("nesting", found="code too deep", expected="flatter code") from None


def candidate_of(artifact: str) -> str:
    """Return what a candidate wrote of an artifact: the imports it uses, and its own lines.

    Assembled again it gives the same artifact. Text that no template made is returned as it is.
    """
    head, marker, own = artifact.partition(f"\n{MARKER}")
    if not marker:
        return artifact
    used = free_names(parse(own))
    imported = [
        item
        for node in parse(head).body
        if isinstance(node, _IMPORTS)
        for item in imports_of(node)
        if item.bound in used
    ]
    lines = [line for line in own.split("\n") if not _GUARD_CALL.fullmatch(line)]
    return "\n\n".join([*([render(imported)] if imported else []), "\n".join(lines)])


def _assembled(facts: Facts, text: str, library: Library) -> Assembled:
    tree = parse(text)
    huge = huge_number(tree)
    if huge is not None:
        found = f"a number of more than {LARGEST_BITS} bits"
        raise TemplateError("size", found=found, expected="smaller ones", line=huge.lineno)
    check_names(facts, tree)
    placed = body(facts, text, tree)
    guarded = _guard(facts)
    candidate_parts = _needed(library, text)
    guard_parts = _needed(library, guarded, hidden=True)
    parts = [*candidate_parts, *guard_parts]
    ours = [*_imports(facts, parts, guarded)]
    check_imports(ours, tree)
    head = render([*ours, *their_imports(ours, tree)])
    blocks = [
        lines_of(_provenance(facts, parts) + "\n" + head),
        lines_of(facts.types.text),
        *[lines_of(part.text) for part in candidate_parts],
        *[lines_of(part.text) for part in guard_parts],
        lines_of(guarded),
        [Line(MARKER.rstrip("\n")), *placed],
    ]
    lines = _joined(blocks)
    return Assembled(
        text="".join(f"{line.text}\n" for line in lines),
        origins=tuple(line.origin for line in lines),
    )


def _check_text(text: str) -> None:
    """Raise for text that no parser should be given: too large, too deep, hidden characters."""
    try:
        read = policy_text.read(text.encode("utf-8"), security_policy().text, "")
    except UnicodeEncodeError:
        raise TemplateError(
            "reply", found="half a surrogate pair", expected="text that UTF-8 can hold"
        ) from None
    if read.findings:
        raise TemplateError.of(read.findings[0])


def _guard(facts: Facts) -> str:
    try:
        return guard.guard_text(facts.input.node)
    except guard.UnguardablePattern as error:
        raise TemplateError(
            "template",
            found=f"the input schema's pattern {str(error)!r}, which can take exponential time",
            expected="a pattern without a repeat inside a repeat",
        ) from None


def _needed(library: Library, text: str, *, hidden: bool = False) -> tuple[ModulePart, ...]:
    try:
        return library.needed(text, hidden=hidden)
    except NameClash as clash:
        raise TemplateError(
            "template",
            found=str(clash),
            expected=f"another name of yours than {clash.name!r}",
        ) from None


def _imports(facts: Facts, parts: list[ModulePart], guarded: str) -> Iterator[Import]:
    """Yield what our own parts import."""
    yield Import(module="__future__", member="annotations")
    yield from (Import(module="typing", member=name) for name in facts.types.imports)
    if "re.compile(" in guarded:
        yield Import(module="re")
    for part in parts:
        yield from part.imports
    yield from imports_needed(signature(facts))


def _provenance(facts: Facts, parts: list[ModulePart]) -> str:
    used = sorted({part.label for part in parts})
    # The loader looks for this line.
    fallback = "# compiledai fallback none\n" if facts.fallback == "none" else ""
    return (
        f"# {facts.name}: compiled, and frozen by its digest; change the spec, not this file.\n"
        f"# compiledai spec@{SPEC_VERSION}, template function@{VERSION}, {', '.join(used)}\n"
        f"{fallback}"
    )


def _joined(blocks: list[list[Line]]) -> list[Line]:
    """Return the blocks with two blank lines between them."""
    lines: list[Line] = []
    for block in blocks:
        lines += [Line(""), Line("")] if lines else []
        lines += block
    return lines
