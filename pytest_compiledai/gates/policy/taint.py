"""Which expressions carry text of the caller's choosing.

What is harmless in one language is not in another, so the question is put for a family of sinks:
`html.escape` cleans for `markup` and for nothing else. Does not follow values into other modules.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from collections.abc import Iterator

from pytest_compiledai.gates.policy.guards import guarded
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import Scope

_OWN = frozenset({"self", "cls"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_CONDITIONS = (ast.Compare, ast.Constant, ast.Lambda)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_FILLING = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "write"})
#: Families that only text from outside the program can harm: a plain parameter may be anything.
_REQUEST_ONLY = frozenset({"log", "disclosure"})

# A node, a variable (what is bound to it anywhere it carries everywhere), or an attribute of self.
Place = ast.AST | tuple[Scope, str] | tuple[str, str] | None


class Taint:
    """Follows values from parameters through names, calls and containers inside one module.

    A parameter of a function that is only called from inside the module carries what the calls
    pass; every other parameter carries the caller's text, and so does what a web framework, the
    terminal or the command line hands in. Every step is "carries it if one of its parts does", so
    what is tainted is what can be reached from there, not counting what was cleaned or checked.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._callers = _callers(module)
        self._returns = _returns(module)
        self._users: dict[Place, list[Place]] = {}
        self._open: list[Place] = []
        self._requested: list[Place] = []
        self._cleaned: dict[str, set[Place]] = {}
        self._found: dict[str, set[Place]] = {}
        self._build()

    def is_tainted(self, node: ast.AST | None, family: str = "") -> bool:
        """Whether the value of ``node`` can depend on a parameter, uncleaned for ``family``."""
        if node not in self._anyhow:
            return False
        if family and family not in self._found:
            self._found[family] = self._in_family(family)
        return node in self._found.get(family, self._anyhow)

    @functools.cached_property
    def _anyhow(self) -> set[Place]:
        """What carries the caller's text when no cleaner and no check counts."""
        return self._reached([*self._open, *self._requested], set())

    def _in_family(self, family: str) -> set[Place]:
        closed = self._cleaned.get(family, set()) | self._guarded.get(family, set())
        if family in _REQUEST_ONLY:
            return self._reached(self._requested, closed)
        return self._reached([*self._open, *self._requested], closed) if closed else self._anyhow

    def _reached(self, seeds: list[Place], closed: set[Place]) -> set[Place]:
        reached: set[Place] = set()
        pending = list(seeds)
        while pending:
            place = pending.pop()
            if place not in reached and place not in closed:
                reached.add(place)
                pending += self._users.get(place, ())
        return reached

    @functools.cached_property
    def _guarded(self) -> dict[str, set[Place]]:
        return guarded(self.module, self._anyhow)

    def _build(self) -> None:
        for node in self.module.nodes:
            if isinstance(node, ast.arg) and self._is_open(node):
                (self._requested if self._is_requested(node) else self._open).append(node)
            if self._is_source(node):
                self._requested.append(node)
            for part in self._parts(node):
                self._users.setdefault(part, []).append(node)
            for part, place in self._stored(node):
                self._users.setdefault(part, []).append(place)
        for scope in set(self.module.scopes.values()):
            for name, found in scope.bindings.items():
                for binding in found:
                    self._users.setdefault(_carrier(binding), []).append((scope, name))

    def _is_source(self, node: ast.AST) -> bool:
        sources = self.module.policy.sources
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return f"self.{name}" in sources
            case ast.Name() | ast.Attribute():
                return self.module.dotted(node) in sources
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                return f"self.{name}()" in sources
            case ast.Call(func=ast.Attribute(attr=name)) if f"*.{name}()" in sources:
                return True
            case ast.Call(func=function):
                return self.module.dotted(function) in sources
        return False

    def _parts(self, node: ast.AST) -> Iterable[Place]:  # noqa: C901, PLR0911 - a form a line
        match node:
            case ast.arg():
                return self._passed(node)
            case ast.Name():
                scope = self.module.home(node)
                return [(scope, node.id)] if scope else []
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return [("self", name)]
            case ast.Call():
                return self._call_parts(node)
            case ast.IfExp():
                return [node.body, node.orelse]
            case ast.Subscript():
                # A table of constants answers with constants, whatever it is asked.
                return [node.value]
            case ast.DictComp():
                return [node.key, node.value]
            case ast.match_case():
                return ()
            case _ if isinstance(node, _COMPREHENSIONS):
                return [node.elt]
            case ast.expr() | ast.keyword() if not isinstance(node, _CONDITIONS):
                return self.module.children[node]
        return ()

    def _call_parts(self, node: ast.Call) -> list[ast.expr]:
        cleaned = self._cleaners(node)
        if "any" in cleaned:
            return []
        for family in cleaned:
            self._cleaned.setdefault(family, set()).add(node)
        inner = self._function(node)
        if inner is not None:
            return self._returns[inner]
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not isinstance(node.func, ast.Attribute):
            return values
        # What a table is asked for is not what it answers; its default is.
        asked = values[1:] if node.func.attr == "get" else values
        return [*asked, node.func.value]

    def _cleaners(self, node: ast.Call) -> Iterable[str]:
        policy = self.module.policy
        name = self.module.dotted(node.func)
        if name is not None and name in policy.cleaners:
            return policy.cleaners[name]
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in {"re.sub", "re.subn"} and len(node.args) > 1 and _keeps_only(self.module, node):
            return ("any",)
        if method == "replace" and node.args and self.module.constant(node.args[0]) in {"\n", "\r"}:
            return ("log", "header")
        return policy.cleaners.get(f"*.{method}", ()) if method else ()

    def _function(self, node: ast.Call) -> ast.AST | None:
        """Return the function of this module that is called, if its returns show what it gives."""
        if not isinstance(node.func, ast.Name):
            return None
        found = self.module.bindings(node.func)
        known = len(found) == 1 and found[0].kind == "def" and self._returns.get(found[0].node)
        return found[0].node if known else None

    def _stored(self, node: ast.AST) -> Iterator[tuple[Place, Place]]:
        """Yield what goes into an object by a statement that binds no name, and which object."""
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from ((value, place) for place in self._holder(target))
            case (
                ast.AugAssign(target=target, value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ):
                yield from ((value, place) for place in self._holder(target))
            case ast.Call(func=ast.Attribute(value=ast.Name() as base, attr=name)):
                scope = self.module.home(base)
                if name in _FILLING and scope is not None and scope.kind != "module":
                    yield from ((value, (scope, base.id)) for value in node.args)
            case ast.Match(subject=subject, cases=cases):
                for case in cases:
                    for inner in ast.walk(case.pattern):
                        caught = getattr(inner, "name", None) or getattr(inner, "rest", None)
                        if isinstance(caught, str):
                            yield subject, (self.module.scopes[inner], caught)

    def _holder(self, target: ast.expr) -> Iterator[Place]:
        match target:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                yield ("self", name)
            case ast.Attribute(value=ast.Name() as base) | ast.Subscript(value=ast.Name() as base):
                scope = self.module.home(base)
                if scope is not None and scope.kind != "module":
                    yield (scope, base.id)

    def _calls_of(self, argument: ast.arg) -> tuple[ast.FunctionDef, list[ast.Call]] | None:
        function = self._function_of(argument)
        if isinstance(function, ast.FunctionDef) and function in self._callers:
            return function, self._callers[function]
        return None

    def _function_of(self, argument: ast.arg) -> ast.AST | None:
        arguments = self.module.parents.get(argument)
        return self.module.parents.get(arguments) if arguments is not None else None

    def _is_open(self, argument: ast.arg) -> bool:
        """Whether somebody outside the module decides the value, or a call does not show it."""
        inside = self._calls_of(argument)
        if argument.arg in _OWN:
            return False
        return inside is None or any(_is_spread(call) for call in inside[1])

    def _is_requested(self, argument: ast.arg) -> bool:
        function = self._function_of(argument)
        return argument.arg in {"request", "req"} or (
            isinstance(function, _FUNCTIONS) and is_route(function)
        )

    def _passed(self, argument: ast.arg) -> Iterator[ast.expr]:
        function, calls = self._calls_of(argument) or (None, [])
        if function is None or argument.arg in _OWN:
            return
        names = [item.arg for item in [*function.args.posonlyargs, *function.args.args]]
        position = names.index(argument.arg) if argument.arg in names else len(names)
        for call in calls:
            yield from call.args[position : position + 1]
            yield from (item.value for item in call.keywords if item.arg == argument.arg)


def is_route(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a web framework calls it: a decorator such as ``@app.route("/x")`` says so."""
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(
                func=ast.Attribute(
                    attr="route" | "get" | "post" | "put" | "delete" | "patch" | "websocket"
                )
            ):
                return True
    return False


def _keeps_only(module: Module, node: ast.Call) -> bool:
    """Whether a substitution drops all but the characters that its pattern lists."""
    pattern, instead = module.constant(node.args[0]), module.constant(node.args[1])
    return isinstance(pattern, str) and pattern.startswith("[^") and isinstance(instead, str)


def _returns(module: Module) -> dict[ast.AST, list[ast.expr]]:
    """Return what each function gives back; none for one that yields or is not plain."""
    found: dict[ast.AST, list[ast.expr]] = {}
    for node in module.of(ast.Return):
        if node.value is not None:
            function = module.enclosing(node, (*_FUNCTIONS, ast.Lambda))
            if isinstance(function, _FUNCTIONS) and not function.decorator_list:
                found.setdefault(function, []).append(node.value)
    return found


def _carrier(binding: Binding) -> ast.AST | None:
    return binding.node if isinstance(binding.node, ast.arg) else binding.value


def _is_spread(call: ast.Call) -> bool:
    starred = any(isinstance(item, ast.Starred) for item in call.args)
    return starred or any(keyword.arg is None for keyword in call.keywords)


def _callers(module: Module) -> dict[ast.AST, list[ast.Call]]:
    """Return the calls of each function that another function of the module calls, and nobody else.

    A function that is also used as a value, or only calls itself, is open to the outside; so is one
    that a statement of the module calls, because that is a trial run and not its caller.
    """
    calls: dict[ast.AST, list[ast.Call]] = {}
    opened: set[ast.AST] = set()
    for node in module.of(ast.Name):
        if not isinstance(node.ctx, ast.Load):
            continue
        found = module.bindings(node)
        if len(found) != 1 or found[0].kind != "def":
            continue
        parent = module.parents.get(node)
        if isinstance(parent, ast.Call) and parent.func is node and not _is_trial(module, parent):
            calls.setdefault(found[0].node, []).append(parent)
        else:
            opened.add(found[0].node)
    return {
        function: found
        for function, found in calls.items()
        if function not in opened and any(not _is_inside(module, call, function) for call in found)
    }


def _is_trial(module: Module, call: ast.Call) -> bool:
    if module.enclosing(call, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)) is not None:
        return False
    statement: ast.AST = call
    while not isinstance(module.parents[statement], ast.Module):
        statement = module.parents[statement]
    return not isinstance(statement, (ast.Assign, ast.AnnAssign, *_FUNCTIONS, ast.ClassDef))


def _is_inside(module: Module, node: ast.AST, function: ast.AST) -> bool:
    above: ast.AST | None = node
    while above is not None and above is not function:
        above = module.parents.get(above)
    return above is function
