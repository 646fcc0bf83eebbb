"""From what a model wrote to the text of an artifact: one self-contained file.

The candidate brings constants, helpers and the unit's function; ours are the types, the copied
parts of the library, the guard in front of the function, its docstring and the provenance. Nothing
here is executed or judged: the gates do that. Equal facts and equal replies give equal bytes.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.functions import guard
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.imports import imports_of
from pytest_compiledai.functions.imports import render
from pytest_compiledai.functions.library import Library
from pytest_compiledai.functions.library import ModulePart
from pytest_compiledai.functions.library import NameClash
from pytest_compiledai.functions.library import bindings
from pytest_compiledai.functions.library import first_line
from pytest_compiledai.functions.types import TypedDicts
from pytest_compiledai.gates.policy import text as policy_text
from pytest_compiledai.gates.policy.rulebook import policy as security_policy

#: Raised with every change that makes other bytes of the same reply.
VERSION: Final = 1
SPEC_VERSION: Final = 1

_WIDTH: Final = 88  # columns of a docstring
_WRAPPED: Final = 60  # characters of a line in a description that was wrapped rather than ended
_ITEM = re.compile(r"\s*([-*]|[0-9]+[.)])\s")
_COMMENT = re.compile(r"#(?=\s*[A-Za-z])")
_MARKER: Final = "# compiledai candidate\n"
_FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})[ \t]*([A-Za-z0-9_+-]*)[^\n`]*$")
_IMPORTS: Final = (ast.Import, ast.ImportFrom)
_PYTHON: Final = frozenset({"python", "py", "python3"})


class TemplateError(ValueError):
    """A reply that no artifact can be made of; its finding goes back to whoever wrote it."""

    def __init__(self, rule: str, *, found: str, expected: str, line: int = 0) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}found {found}; expected {expected}")
        self.finding = Finding(rule=f"syntax.{rule}", message=str(self), line=line)

    @classmethod
    def of(cls, finding: Finding) -> TemplateError:
        """Return the error that carries a finding of the security policy."""
        error = cls("reply", found="", expected="")
        error.args = (finding.message,)
        error.finding = finding
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the template knows of a unit."""

    name: str
    description: str
    types: TypedDicts
    input: Schema
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How the unit's function must be written."""

    name: str
    positional: tuple[tuple[str, str], ...]  # name, annotation
    keyword_only: tuple[tuple[str, str], ...]
    returns: str

    @property
    def text(self) -> str:
        """The `def` line."""
        parts = [f"{name}: {annotation}" for name, annotation in self.positional]
        parts += ["*"] if self.keyword_only else []
        parts += [f"{name}: {annotation}" for name, annotation in self.keyword_only]
        return f"def {self.name}({', '.join(parts)}) -> {self.returns}:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The text of an artifact, and where each of its lines stood in the candidate."""

    text: str
    origins: tuple[int, ...]  # for each line, the candidate's line from 1; 0: a line of ours

    def origin(self, line: int) -> int:
        """Return the candidate's line for a line of the text, both from 1; 0 where it is ours."""
        return self.origins[line - 1] if 0 < line <= len(self.origins) else 0


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    origin: int = 0


#: What a capability hands in, as the annotation of its parameter.
_HANDED_IN: Final = {"clock": "Callable[[], datetime]", "random": "Random"}
_CALL: Final = "Callable[[Any], Any]"
_ANNOTATION_IMPORTS: Final = {
    "Any": Import(module="typing", member="Any"),
    "Callable": Import(module="collections.abc", member="Callable"),
    "Random": Import(module="random", member="Random"),
    "datetime": Import(module="datetime", member="datetime"),
}


def template_digest() -> str:
    """Return the digest of all that turns a reply into an artifact, apart from the spec."""
    return digest_of({"template": VERSION, "library": Library.shipped().digest()})


def signature(facts: Facts) -> Signature:
    """Return the signature of the unit's function."""
    handed = [(word, _HANDED_IN[word]) for word in facts.capabilities if word in _HANDED_IN]
    handed += [
        (word.removeprefix("call:"), _CALL)
        for word in facts.capabilities
        if word.startswith("call:")
    ]
    return Signature(
        name=facts.name,
        positional=(("data", facts.types.input_type),),
        keyword_only=tuple(sorted(handed)),
        returns=facts.types.output_type,
    )


def extract(reply: str) -> str:
    """Return the one block of Python in a reply, or the whole reply where it is Python unfenced.

    Raises ``TemplateError`` for no block, several, or one that does not end.
    """
    text = reply.replace("\r\n", "\n")
    blocks = list(_blocks(text))
    named = [body for language, body in blocks if language.lower() in _PYTHON]
    found = named or [body for language, body in blocks if not language]
    if len(found) == 1:
        return found[0]
    if not blocks and text.strip() and _parses(text):
        return text
    count = f"{len(found)} blocks of Python" if found else "no block of Python"
    raise TemplateError("reply", found=count, expected="exactly one, between ```python and ```")


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


def _assembled(facts: Facts, text: str, library: Library) -> Assembled:
    tree = _parse(text)
    _check_names(facts, tree)
    body = _body(facts, text, tree)
    guarded = _guard(facts)
    candidate_parts = _needed(library, text)
    guard_parts = _needed(library, guarded)
    parts = [*candidate_parts, *guard_parts]
    ours = [*_imports(facts, parts, guarded)]
    _check_imports(ours, tree)
    theirs = [item for node in tree.body if isinstance(node, _IMPORTS) for item in imports_of(node)]
    head = render([*ours, *theirs])
    blocks = [
        _lines(_provenance(facts, parts) + "\n" + head),
        _lines(facts.types.text),
        *[_lines(part.text) for part in candidate_parts],
        *[_lines(part.text) for part in guard_parts],
        _lines(guarded),
        [_Line(_MARKER.rstrip("\n")), *body],
    ]
    lines = _joined(blocks)
    return Assembled(
        text="".join(f"{line.text}\n" for line in lines),
        origins=tuple(line.origin for line in lines),
    )


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield language and text of each fenced block; a fence ends with as many marks or more."""
    opened: tuple[str, str] | None = None
    body: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if opened is None:
            if found:
                opened, body = (found[2], found[3]), []
        elif found and not found[3] and found[2].startswith(opened[0]):
            yield opened[1], "\n".join(body) + "\n"
            opened = None
        else:
            body.append(line)
    if opened is not None:
        raise TemplateError(
            "reply", found="a block that does not end", expected="``` after the last line"
        )


def _parses(text: str) -> bool:
    try:
        _parse(text)
    except TemplateError:
        return False
    return True


def _parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # An invalid escape in generated code must not become an error of the run.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 0
        reason = getattr(error, "msg", None) or f"{type(error).__name__} of the parser"
        raise TemplateError(
            "parse", found=reason, expected="Python that parses", line=line
        ) from None


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


def _check_imports(ours: list[Import], tree: ast.Module) -> None:
    """Raise where the candidate gives another meaning to a name that we import."""
    wanted = {item.bound: item for item in ours}
    for node in tree.body:
        for name, item in bindings(ast.Module(body=[node], type_ignores=[])).items():
            if name in wanted and wanted[name] != item:
                told = render([wanted[name]]).strip()
                raise TemplateError(
                    "template",
                    found=f"another meaning of {name!r}",
                    expected=f"what the template has: `{told}`",
                    line=node.lineno,
                )


def _check_names(facts: Facts, tree: ast.Module) -> None:
    """Raise for a definition under a name that is ours."""
    ours = _own_types(facts)
    for node in tree.body:
        if _is_repeated(node, ours):
            continue
        for name in bindings(ast.Module(body=[node], type_ignores=[])):
            if name in ours or name == "Abstain" or name.startswith(guard.PREFIXES):
                raise TemplateError(
                    "template",
                    found=f"a definition of {name!r}",
                    expected="none: the template defines the types, Abstain and _guard*",
                    line=node.lineno,
                )


def _own_types(facts: Facts) -> dict[str, str]:
    """Return the definitions of the types by name, as dumps that say no places."""
    found: dict[str, str] = {}
    for node in ast.parse(facts.types.text).body:
        found |= dict.fromkeys(bindings(ast.Module(body=[node], type_ignores=[])), ast.dump(node))
    return found


def _is_repeated(node: ast.stmt, ours: dict[str, str]) -> bool:
    """Whether a statement defines one of our types just as we do."""
    return ast.dump(node) in ours.values()


def _body(facts: Facts, text: str, tree: ast.Module) -> list[_Line]:
    """Return the candidate's lines without what stands elsewhere, the guard called in them."""
    ours = _own_types(facts)
    lines = [_Line(line, number) for number, line in enumerate(text.split("\n"), start=1)]
    dropped: set[int] = set()
    for index, node in enumerate(tree.body):
        docstring = index == 0 and _is_docstring(node)
        if isinstance(node, _IMPORTS) or docstring or _is_repeated(node, ours):
            dropped |= _own_lines(node, tree.body)
    function = _function(facts, tree)
    first = function.body[0]
    start = first_line(first)
    margin = lines[start - 1].text.encode()[: first.col_offset].decode()
    if margin.strip():
        _shared(first)
    if _is_docstring(first):
        dropped |= _own_lines(first, function.body)
    placed: list[_Line] = []
    for line in lines:
        if line.origin == start:
            placed += _opening(facts, function, margin=margin)
        if line.origin not in dropped:
            placed.append(line)
    return _trimmed(placed)


def _function(facts: Facts, tree: ast.Module) -> ast.FunctionDef:
    named = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == facts.name
    ]
    if len(named) != 1:
        found = "no top-level function" if not named else "two top-level functions"
        raise TemplateError(
            "function", found=f"{found} {facts.name!r}", expected=f"`{signature(facts).text}`"
        )
    return named[0]


def _opening(facts: Facts, function: ast.FunctionDef, *, margin: str) -> list[_Line]:
    """Return docstring and guard call, as the first lines of the function."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    if not arguments:
        raise TemplateError(
            "signature",
            found=f"`def {function.name}()` without a parameter",
            expected=f"`{signature(facts).text}`",
            line=function.lineno,
        )
    told = docstring(facts.description, margin=margin)
    return [*_lines(told), _Line(f"{margin}{guard.ROOT}({arguments[0].arg})")]


def docstring(description: str, *, margin: str) -> str:
    """Return a docstring that says ``description``, wrapped; no text can end it early."""
    width = _WIDTH - len(margin)
    lines: list[str] = []
    for paragraph in _paragraphs(description):
        shift = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        lines += textwrap.wrap(
            _told(paragraph),
            width,
            subsequent_indent=shift,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    lines = lines or [""]
    if len(lines) == 1 and len(lines[0]) + 6 <= width:
        return f'{margin}"""{lines[0]}"""\n'
    rest = "".join(f"{margin}{line}\n" if line else "\n" for line in lines[1:])
    return f'{margin}"""{lines[0]}\n{rest}{margin}"""\n'


def _paragraphs(description: str) -> list[str]:
    """Return lines to be wrapped: what was wrapped in the spec is put together again."""
    found: list[str] = []
    before = ""
    for line in description.strip().split("\n"):
        goes_on = len(before) >= _WRAPPED and line.strip() and not _ITEM.match(line)
        if goes_on:
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.rstrip())
        before = line
    return found


def _told(line: str) -> str:
    """Return a line as it may stand between triple quotes."""
    text = line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    # What would be a comment elsewhere can silence an analyser that reads line by line.
    text = _COMMENT.sub(r"\\x23", text)
    return text[:-1] + '\\"' if text.endswith('"') else text


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _own_lines(node: ast.stmt, siblings: list[ast.stmt]) -> set[int]:
    """Return the lines of a statement; raises where another one shares them."""
    lines = set(range(first_line(node), (node.end_lineno or node.lineno) + 1))
    for other in siblings:
        if other is not node and (first_line(other) in lines or other.end_lineno in lines):
            _shared(other)
    return lines


def _shared(node: ast.stmt) -> None:
    raise TemplateError(
        "template",
        found="two statements on one line",
        expected="each statement on lines of its own",
        line=node.lineno,
    )


def _guard(facts: Facts) -> str:
    try:
        return guard.guard_text(facts.input.node)
    except guard.UnguardablePattern as error:
        raise TemplateError(
            "template",
            found=f"the input schema's pattern {str(error)!r}, which can take exponential time",
            expected="a pattern without a repeat inside a repeat",
        ) from None


def _needed(library: Library, text: str) -> tuple[ModulePart, ...]:
    try:
        return library.needed(text)
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
    for _, annotation in signature(facts).keyword_only:
        for name in re.findall(r"[A-Za-z]+", annotation):
            yield _ANNOTATION_IMPORTS[name]


def _provenance(facts: Facts, parts: list[ModulePart]) -> str:
    used = sorted({part.label for part in parts})
    return (
        f"# {facts.name}: compiled, and frozen by its digest; change the spec, not this file.\n"
        f"# compiledai spec@{SPEC_VERSION}, template function@{VERSION}, {', '.join(used)}\n"
    )


def _lines(text: str) -> list[_Line]:
    return [_Line(line) for line in text.removesuffix("\n").split("\n")]


def _trimmed(lines: list[_Line]) -> list[_Line]:
    first, last = 0, len(lines)
    while first < last and not lines[first].text.strip():
        first += 1
    while last > first and not lines[last - 1].text.strip():
        last -= 1
    return lines[first:last]


def _joined(blocks: list[list[_Line]]) -> list[_Line]:
    """Return the blocks with two blank lines between them."""
    lines: list[_Line] = []
    for block in blocks:
        lines += [_Line(""), _Line("")] if lines else []
        lines += block
    return lines
