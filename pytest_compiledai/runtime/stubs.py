"""Types of what was frozen, for type checkers and editors: ``__init__.pyi``, and one a function.

Nothing executes them. A function's stub stands in front of its text, which names an ``Abstain``
that only the loader defines.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from importlib import resources

from pytest_compiledai.core.artifact import Artifact
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.parsing import parse
from pytest_compiledai.core.paths import stub_path
from pytest_compiledai.runtime.emit import LOADER_PATH
from pytest_compiledai.runtime.emit import loader_bytes

#: Its path below the out folder.
STUB_PATH = "__init__.pyi"

_HEAD = "# Written by pytest-compiledai: the types of {}.\n"


def beside(lock: Lock) -> dict[str, bytes]:
    """Return what lies beside the artifacts of ``lock`` and belongs to none: loader and index."""
    return {LOADER_PATH: loader_bytes(), STUB_PATH: package_stub(lock.entries.values())}


def stubs_of(artifacts: Iterable[Artifact]) -> dict[str, bytes]:
    """Return path -> stub of the artifacts that are functions."""
    found = {}
    for artifact in artifacts:
        source = artifact.files.get(f"{artifact.name}.py")
        if source is not None:
            handed = {"weights"} if len(artifact.files) > 1 else set()
            text = source.decode("utf-8")
            found[stub_path(artifact.name)] = function_stub(artifact.name, text, handed)
    return found


def package_stub(entries: Iterable[Entry]) -> bytes:
    """Return the text of ``__init__.pyi`` for the entries of a lock."""
    text = resources.files("pytest_compiledai.runtime").joinpath("package.pyi").read_text("utf-8")
    names = sorted(entry.name for entry in entries if _is_importable(entry))
    lines = [f"from .{name} import {name} as {name}\n" for name in names]
    own = text.replace("\r\n", "\n").partition("\n")[2]
    return (_HEAD.format("what was compiled") + "".join(lines) + own).encode()


def function_stub(name: str, source: str, handed: Collection[str] = ()) -> bytes:
    """Return the stub of an artifact's function: its signature and the types that this names.

    Parameters that the loader hands in are no business of a caller. Empty where the text has no
    such function.
    """
    tree = parse(source)
    function = next(
        (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name), None
    )
    if function is None:
        return b""
    _drop(function.args, handed)
    defined = {bound: node for node in tree.body for bound in _bound(node)}
    needed = _closure(function, defined)
    head = ast.FunctionDef(**{**vars(function), "body": [ast.Expr(ast.Constant(...))]})
    blocks = [f"{_text(node, source)}\n" for node in tree.body if node in needed]
    imports = [f"from {m} import {n}\n" for m, n in _imported(tree, {*_names(function), *needed})]
    types = "\n".join(blocks) + "\n" if blocks else ""
    return f"{_HEAD.format(name)}{''.join(imports)}\n{types}{ast.unparse(head)}\n".encode()


def _drop(arguments: ast.arguments, names: Collection[str]) -> None:
    """Take keyword-only parameters out of a signature."""
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    kept = [(one, default) for one, default in pairs if one.arg not in names]
    arguments.kwonlyargs = [one for one, _ in kept]
    arguments.kw_defaults = [default for _, default in kept]


def _is_importable(entry: Entry) -> bool:
    """Whether ``from compiled import name`` gives the function: nothing has to be handed in."""
    handed = [item for item in entry.capabilities if not item.startswith("module:")]
    return entry.kind == "function" and not handed


def _bound(node: ast.stmt) -> list[str]:
    """Return the name of a type that a statement of a module defines."""
    match node:
        case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            return [name]
    return []


def _closure(function: ast.FunctionDef, defined: dict[str, ast.stmt]) -> dict[ast.stmt, None]:
    """Return the definitions that a signature needs, those of fields and aliases among them."""
    found: dict[ast.stmt, None] = {}
    pending = list(_names(function))
    while pending:
        node = defined.get(pending.pop())
        if node is not None and node not in found:
            found[node] = None
            pending += _names(node)
    return found


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a signature or a definition reads."""
    parts: list[ast.AST] = [node]
    if isinstance(node, ast.FunctionDef):
        parts = [node.args, *([node.returns] if node.returns else [])]
    for part in parts:
        for inner in ast.walk(part):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                yield inner.id


def _imported(tree: ast.Module, users: set[ast.stmt | str]) -> Iterator[tuple[str, str]]:
    used = {name for user in users for name in ([user] if isinstance(user, str) else _names(user))}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module not in {None, "__future__"}:
            names = (alias.name for alias in node.names if (alias.asname or alias.name) in used)
            yield from ((f"{node.module}", name) for name in names)


def _text(node: ast.stmt, source: str) -> str:
    return ast.get_source_segment(source, node) or ast.unparse(node)
