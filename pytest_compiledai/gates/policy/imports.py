"""Which modules may be imported, and which of their members may be used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module

_FUNCTIONS_LIKE_MODULES = frozenset({"os.stat", "datetime.time", "asyncio.timeout"})


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each import, member or use of a module that the policy does not list."""
    for node in module.of(ast.Import, ast.ImportFrom, ast.Attribute, ast.Name):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield from _module(module, node, alias.name)
            case ast.ImportFrom():
                yield from _from(module, node)
            case ast.Attribute():
                yield from _attribute(module, node)
            case ast.Name(ctx=ast.Load()):
                yield from _bare(module, node)


def is_open(module: Module, name: str) -> bool:
    """Whether the module called ``name`` is allowed or granted."""
    return name in module.policy.modules or is_granted(module, name)


def is_granted(module: Module, name: str) -> bool:
    """Whether a capability opens the module, or the package that it lies in."""
    return any(name == grant or name.startswith(f"{grant}.") for grant in module.granted)


def allows(module: Module, name: str, member: str) -> bool:
    """Whether ``member`` of the module ``name`` may be used."""
    if is_granted(module, name):
        closed = module.policy.closed.get(name, frozenset())
        return not member.startswith("_") and member not in closed and not _is_leak(name, member)
    return member in module.policy.modules.get(name, frozenset())


def _is_leak(name: str, member: str) -> bool:
    # `shutil.os` is a module that nobody granted; `glob.glob` and `os.stat` are functions.
    same = member == name.rpartition(".")[2] or f"{name}.{member}" in _FUNCTIONS_LIKE_MODULES
    return member in sys.stdlib_module_names and not same


def _module(module: Module, node: ast.AST, name: str) -> Iterator[Finding]:
    if not is_open(module, name) and not _is_package_of_open(module, name):
        yield module.finding("import", node, f"import of {name!r}", _expected(name))


def _is_package_of_open(module: Module, name: str) -> bool:
    # `import urllib` gives nothing by itself; its members are judged one by one.
    return any(other.startswith(f"{name}.") for other in [*module.policy.modules, *module.granted])


def _expected(name: str) -> str:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return f"a pure module, or the capability 'module:{name}' granted in the project's settings"
    return "a pure module of the standard library"


def _from(module: Module, node: ast.ImportFrom) -> Iterator[Finding]:
    if node.level or node.module is None:
        yield module.finding("import", node, "a relative import", "an absolute import")
        return
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        if alias.name == "*":
            yield module.finding("import", node, "a star import", "each name by itself")
        elif inner in module.policy.modules or inner in module.granted:
            continue
        elif not is_open(module, node.module):
            yield module.finding("import", node, f"import of {inner!r}", _expected(node.module))
        elif not allows(module, node.module, alias.name):
            yield module.finding("member", node, f"{inner!r}", "a member the policy lists")


def _attribute(module: Module, node: ast.Attribute) -> Iterator[Finding]:
    name = module.dotted(node.value)
    if name is None or name.startswith("builtins.") or not _is_module(module, name):
        return
    inner = f"{name}.{node.attr}"
    if _is_module(module, inner) or allows(module, name, node.attr):
        return
    yield module.finding("member", node, f"{inner!r}", "a member the policy lists")


def _is_module(module: Module, name: str) -> bool:
    # A class can have its module's name (datetime.datetime); the lists decide. What lies in a
    # granted package is a module where the code imports it as one.
    listed = name in module.policy.modules or name in module.granted
    inner = is_granted(module, name) and (name in module.imported or name == "os.path")
    return listed or inner or _is_package_of_open(module, name)


def _bare(module: Module, node: ast.Name) -> Iterator[Finding]:
    """Yield a finding unless the module's name stands before a dot: no alias, no argument."""
    name = module.dotted(node)
    if name is None or name.startswith("builtins.") or not _is_module(module, name):
        return
    parent = module.parents.get(node)
    if not (isinstance(parent, ast.Attribute) and parent.value is node):
        found = f"the module {name!r} used as a value"
        yield module.finding("module-value", node, found, "its members only")
