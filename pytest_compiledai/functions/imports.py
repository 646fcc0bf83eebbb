"""The imports of a module: gathered from several texts, merged, and written in one order."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = 100  # columns of a written line


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Import:
    """One name that an import statement binds."""

    module: str  # `decimal`; "" before a dot is a relative import, kept as written
    member: str = ""  # `Decimal` of `from decimal import Decimal`; "" for a whole module
    alias: str = ""  # what follows `as`

    @property
    def bound(self) -> str:
        """The name that the module gets."""
        return self.alias or self.member or self.module.partition(".")[0]


def imports_of(node: ast.Import | ast.ImportFrom) -> tuple[Import, ...]:
    """Return what one statement binds, in its order."""
    if isinstance(node, ast.Import):
        return tuple(Import(module=item.name, alias=_alias(item)) for item in node.names)
    module = "." * node.level + (node.module or "")
    return tuple(Import(module=module, member=item.name, alias=_alias(item)) for item in node.names)


def render(wanted: Iterable[Import]) -> str:
    """Return the statements: `__future__` first, then the rest by module, each name once.

    Ends with a line feed unless there is nothing to import. Standard library modules stand before
    all others.
    """
    unique = sorted(set(wanted), key=_rank)
    blocks: list[list[str]] = [[], [], []]
    for item in (item for item in unique if not item.member):
        alias = f" as {item.alias}" if item.alias else ""
        blocks[_block(item.module)].append(f"import {item.module}{alias}")
    for item in (item for item in unique if item.member == "*"):
        blocks[_block(item.module)].append(_from(item.module, ["*"]))
    named = [item for item in unique if item.member not in {"", "*"}]
    for module in dict.fromkeys(item.module for item in named):
        names = [_named(item) for item in named if item.module == module]
        blocks[_block(module)].append(_from(module, names))
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _alias(item: ast.alias) -> str:
    # `import re as re` binds what `import re` binds.
    return item.asname if item.asname and item.asname != item.name else ""


def _rank(item: Import) -> tuple[str, str, str]:
    return (item.module, item.member, item.alias)


def _block(module: str) -> int:
    if module == "__future__":
        return 0
    return 1 if module.partition(".")[0] in sys.stdlib_module_names else 2


def _named(item: Import) -> str:
    return f"{item.member} as {item.alias}" if item.alias else item.member


def _from(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _LINE:
        return line
    body = "".join(f"    {name},\n" for name in names)
    return f"from {module} import (\n{body})"
