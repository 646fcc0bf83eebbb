"""The module library: small pure functions that generated code may lean on.

The modules are data of ours in ``modules/``, one namespace over all files, never imported here:
what a candidate uses is copied into its artifact, so that production needs nothing of ours.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.parsing import parse
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.imports import imports_of
from pytest_compiledai.gates.policy.scope import build
from pytest_compiledai.gates.policy.tree import Tree

#: In the order in which parts are copied.
MODULES: Final = ("text", "numbers", "dates", "money", "tables", "guard")
#: What only generated guards use; shown to no model.
HIDDEN: Final = frozenset({"guard"})

_LABEL = re.compile(r"# compiledai module ([a-z]+)@([1-9][0-9]*)\n")

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class NameClash(ValueError):
    """A source defines a name that a definition copied for it needs."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(f"{name!r} of your own, which the library's module {module!r} needs too")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One top-level statement of a module that binds a name."""

    name: str
    module: str
    text: str  # without a line feed at its end
    uses: frozenset[str]  # names of the library and of imports that it needs
    node: ast.stmt


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulePart:
    """What of one module is copied."""

    module: str
    version: int
    names: tuple[str, ...]  # public names, sorted
    imports: tuple[Import, ...]
    definitions: tuple[Definition, ...]  # in the order of the module

    @property
    def label(self) -> str:
        """The module and its version, as provenance names them: `dates@1`."""
        return f"{self.module}@{self.version}"

    @property
    def text(self) -> str:
        """The marker comment and the definitions; ends with a line feed."""
        told = f": {', '.join(self.names)}" if self.names else ""
        return f"# compiledai module {self.label}{told}\n" + laid_out(self.definitions) + "\n"


class Library:
    """The modules, read and indexed once."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(texts)
        self.versions: dict[str, int] = {}
        self.imports: dict[str, dict[str, Import]] = {}
        self.definitions: dict[str, Definition] = {}
        for text in self.texts:
            self._read(text)

    @classmethod
    def shipped(cls) -> Library:
        """Return the library of this package."""
        return _shipped()

    def signatures(self) -> str:
        """Return what a model is shown: a line for each public function and class."""
        return "".join(
            f"{line}\n"
            for item in self.definitions.values()
            if item.module not in HIDDEN and not item.name.startswith("_")
            for line in _shown(item.node)
        )

    def digest(self) -> str:
        """Return one digest over all modules."""
        return digest_of(list(self.texts))

    def needed(self, source_text: str, *, hidden: bool = False) -> tuple[ModulePart, ...]:
        """Return the parts that ``source_text`` uses and does not define, with all they need.

        ``hidden`` offers what only generated guards may use, and nothing else.

        Raises ``SyntaxError`` for what does not parse and ``NameClash`` where a copied definition
        needs a name to which the source gives another meaning.
        """
        tree = parse(source_text)
        bound = bindings(tree)
        offered = {
            name for name, item in self.definitions.items() if (item.module in HIDDEN) == hidden
        }
        wanted = sorted(free_names(tree) & offered)
        copied = self._closure(wanted)
        for item in copied.values():
            if item.name in bound:
                raise NameClash(item.name, item.module)
        return tuple(
            self._part(module, [item for item in copied.values() if item.module == module])
            for module in self.versions
            if any(item.module == module for item in copied.values())
        )

    def _read(self, text: str) -> None:
        label = _LABEL.match(text)
        if label is None:
            raise ValueError(f"a module without its label: {text[:40]!r}")
        module = label[1]
        self.versions[module] = int(label[2])
        self.imports[module] = {}
        lines = text.split("\n")
        for node in parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.imports[module] |= {item.bound: item for item in imports_of(node)}
                continue
            for name in _bound_by(node):
                if name in self.definitions:
                    raise ValueError(f"{name} twice in the library")
                self.definitions[name] = Definition(
                    name=name,
                    module=module,
                    text="\n".join(lines[first_line(node) - 1 : node.end_lineno]),
                    # Not a local name that some other definition bears.
                    uses=frozenset(free_names(ast.Module(body=[node], type_ignores=[]))) - {name},
                    node=node,
                )

    def _closure(self, wanted: Iterable[str]) -> dict[str, Definition]:
        """Return the named definitions and all they need, in the order of the library."""
        found: set[str] = set()
        pending = list(wanted)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += self.definitions[name].uses & self.definitions.keys()
        return {name: item for name, item in self.definitions.items() if name in found}

    def _part(self, module: str, items: list[Definition]) -> ModulePart:
        used = frozenset().union(*(item.uses for item in items))
        return ModulePart(
            module=module,
            version=self.versions[module],
            names=tuple(sorted(item.name for item in items if not item.name.startswith("_"))),
            imports=tuple(
                sorted(item for name, item in self.imports[module].items() if name in used)
            ),
            definitions=tuple(items),
        )


def laid_out(items: Iterable[Definition]) -> str:
    """Return definitions with the blank lines of the formatter, without one at the end."""
    text = ""
    before: Definition | None = None
    for item in items:
        if before is not None:
            plain = isinstance(before.node, ast.Assign | ast.AnnAssign)
            close = plain and isinstance(item.node, ast.Assign | ast.AnnAssign)
            text += "\n" if close else "\n\n\n"
        text += item.text
        before = item
    return text


def bindings(tree: ast.Module) -> dict[str, Import | None]:
    """Return the names a module binds at its top, with the import that binds each, if one does."""
    found: dict[str, Import | None] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {item.bound: item for item in imports_of(node)}
        else:
            found |= dict.fromkeys(_bound_by(node))
    return found


def free_names(tree: ast.Module) -> set[str]:
    """Return the names that a module reads and nothing in it binds, in annotations too.

    By our own reading of scopes: the one of the interpreter differs from version to version.
    """
    scopes = build(Tree(tree))
    found = {
        node.id
        for node, scope in scopes.items()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        if scope.find(node.id) is None
    }
    for annotation in _annotations(tree):
        found |= set(_names(annotation)) - scopes[tree].bindings.keys()
    return found


def first_line(node: ast.stmt) -> int:
    """Return the first line of a statement, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


@cache
def _shipped() -> Library:
    folder = files("pytest_compiledai.functions").joinpath("modules")
    return Library(
        folder.joinpath(f"{name}.py.txt").read_text(encoding="utf-8").replace("\r\n", "\n")
        for name in MODULES
    )


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds around it; a comprehension keeps its own."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (item.bound for item in imports_of(node))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif not isinstance(node, ast.comprehension | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _bound_by(child)


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names read anywhere in ``node``."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            yield inner.id


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the annotations that are written as text, parsed."""
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            found = node.returns
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found = node.annotation
        else:
            continue
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            parsed = _parsed(found.value)
            if parsed is not None:
                yield parsed


def _parsed(annotation: str) -> ast.expr | None:
    try:
        return ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _shown(node: ast.stmt) -> Iterator[str]:
    """Yield the line of a function or a class: its head, then the first line of its docstring."""
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        # `low: int=0` becomes `low: int = 0`.
        arguments = re.sub(r"(: [^,=]+)=", r"\1 = ", ast.unparse(node.args))
        head = f"def {node.name}({arguments}){returns}"
    elif isinstance(node, ast.ClassDef):
        fields = [ast.unparse(item) for item in node.body if isinstance(item, ast.AnnAssign)]
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        head = f"class {node.name}({bases}): {'; '.join(fields) or '...'}"
    else:
        return
    told = " ".join((ast.get_docstring(node) or "").split())
    yield f"{head}  # {told}"
