"""Which expressions carry text of the caller's choosing."""

from __future__ import annotations

import ast

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding

_OWN = frozenset({"self", "cls"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_CONDITIONS = (ast.Compare, ast.Constant, ast.Lambda)


class Taint:
    """Follows values from parameters through names, calls and containers inside one module.

    A parameter of a function that is only called from inside the module carries what the calls
    pass; every other parameter carries the caller's text.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._known: dict[ast.AST, bool] = {}
        self._callers = _callers(module)

    def is_tainted(self, node: ast.AST | None) -> bool:
        """Whether the value of ``node`` can depend on a parameter, uncleaned."""
        if node is None or isinstance(node, _CONDITIONS):
            return False
        if node not in self._known:
            # A value that depends on itself adds nothing; False here ends the cycle.
            self._known[node] = False
            self._known[node] = self._look(node)
        return self._known[node]

    def _look(self, node: ast.AST) -> bool:  # noqa: PLR0911 - one line for each form
        match node:
            case ast.Name():
                return any(self._bound(binding) for binding in self.module.bindings(node))
            case ast.Call():
                return self._call(node)
            case ast.IfExp():
                return self.is_tainted(node.body) or self.is_tainted(node.orelse)
            case ast.Subscript():
                # A table of constants answers with constants, whatever it is asked.
                return self.is_tainted(node.value)
            case ast.DictComp():
                return self.is_tainted(node.key) or self.is_tainted(node.value)
            case _ if isinstance(node, _COMPREHENSIONS):
                return self.is_tainted(node.elt)
        return any(self.is_tainted(child) for child in ast.iter_child_nodes(node))

    def _call(self, node: ast.Call) -> bool:
        if self.module.dotted(node.func) in self.module.policy.cleaners:
            return False
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            table = node.func.value
            if node.func.attr == "get" and not self.is_tainted(table):
                return any(self.is_tainted(value) for value in values[1:])
            values.append(table)
        return any(self.is_tainted(value) for value in values)

    def _bound(self, binding: Binding) -> bool:
        if isinstance(binding.node, ast.arg):
            return self._parameter(binding.node)
        return self.is_tainted(binding.value)

    def _parameter(self, argument: ast.arg) -> bool:
        if argument.arg in _OWN:
            return False
        if argument in self._known:
            return self._known[argument]
        self._known[argument] = False
        self._known[argument] = self._passed(argument)
        return self._known[argument]

    def _passed(self, argument: ast.arg) -> bool:
        arguments = self.module.parents.get(argument)
        function = self.module.parents.get(arguments) if arguments is not None else None
        calls = self._callers.get(function) if function is not None else None
        if not calls or not isinstance(function, ast.FunctionDef):
            return True
        names = [item.arg for item in [*function.args.posonlyargs, *function.args.args]]
        position = names.index(argument.arg) if argument.arg in names else None
        return any(self._handed(call, argument.arg, position) for call in calls)

    def _handed(self, call: ast.Call, name: str, position: int | None) -> bool:
        starred = any(isinstance(item, ast.Starred) for item in call.args)
        if starred or any(keyword.arg is None for keyword in call.keywords):
            return True
        if position is not None and position < len(call.args):
            return self.is_tainted(call.args[position])
        return any(self.is_tainted(item.value) for item in call.keywords if item.arg == name)


def _callers(module: Module) -> dict[ast.AST, list[ast.Call]]:
    """Return the calls of each function that another function of the module calls, and nobody else.

    A function that is also used as a value, or only calls itself, is open to the outside.
    """
    calls: dict[ast.AST, list[ast.Call]] = {}
    opened: set[ast.AST] = set()
    for node in module.nodes:
        if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
            continue
        found = module.bindings(node)
        if len(found) != 1 or found[0].kind != "def":
            continue
        parent = module.parents.get(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            calls.setdefault(found[0].node, []).append(parent)
        else:
            opened.add(found[0].node)
    return {
        function: found
        for function, found in calls.items()
        if function not in opened and any(not _is_inside(module, call, function) for call in found)
    }


def _is_inside(module: Module, node: ast.AST, function: ast.AST) -> bool:
    above: ast.AST | None = node
    while above is not None and above is not function:
        above = module.parents.get(above)
    return above is function
