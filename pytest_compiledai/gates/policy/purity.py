"""Whether equal inputs give equal outputs: no state between calls, no clock, no chance.

Decides what the text shows. Order that depends on the hash seed is refused where the elements are
visibly strings; what is not visible here, the sandbox finds by running under two hash seeds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.changing import is_mutator
from pytest_compiledai.gates.policy.doors import defines
from pytest_compiledai.gates.policy.doors import is_inherited
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import parameters

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS: tuple[type[_Function], ...] = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
#: Methods that hand out what a container holds.
VIEWS = frozenset({"get", "items", "values", "setdefault"})
_OF_CLASSES = frozenset({"builtins.type", "dataclasses.fields"})  # give what all instances share
_CACHES = frozenset({"functools.cache", "functools.lru_cache"})
#: Names under which a zone is what the host is set to.
_HOST_ZONES = frozenset({"localtime", "posixrules"})
_HANDED_IN = {"clock": "clock", "random": "random"}  # parameter: the capability that gives it


def check(module: Module) -> Iterator[Finding]:
    """Yield a finding for each way in which an answer could depend on more than the input."""
    yield from _generators(module)
    shared_defaults = set(_mutable_defaults(module))
    for named in module.of(ast.Name, ast.Attribute):
        if isinstance(named, ast.Name | ast.Attribute):
            yield from _in_place(module, named)
    for read in module.of(ast.Attribute):
        yield from _read(module, read)
    for node in module.of(ast.Global, ast.Attribute, ast.Subscript, ast.AugAssign, ast.Call):
        match node:
            case ast.Global():
                found = f"global {', '.join(node.names)}"
                yield module.finding("global", node, found, "values passed and returned")
            case ast.Attribute(ctx=ast.Load()) if is_mutator(module, node):
                # Called or not: a method that was taken from its object changes it as well.
                yield from _change(module, node, node.value, shared_defaults)
                yield from _taken(module, node)
            case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
                yield from _change(module, node, node.value, shared_defaults)
            case ast.AugAssign(target=ast.Name() as target):
                # A number is replaced by `+=`, a list is changed where it lies.
                in_place = isinstance(node.value, _MUTABLE)
                yield from _change(module, node, target, shared_defaults, alias=in_place)
            case ast.Call():
                yield from _call(module, node, shared_defaults)


def _read(module: Module, node: ast.Attribute) -> Iterator[Finding]:
    """Yield a finding for an attribute that tells the time, a place in memory, or earlier calls."""
    expected = "an answer of the input alone"
    if node.attr in module.policy.clock:
        yield from _clock(module, node)
    elif node.attr == "buffer_info":
        found = "'buffer_info', an address in memory"
        yield module.finding("identity", node, found, expected)
    elif node.attr == "cache_info":
        yield module.finding("mutation", node, "'cache_info', which counts the calls", expected)


def _call(module: Module, node: ast.Call, shared: set[ast.AST]) -> Iterator[Finding]:
    name = module.dotted(node.func)
    if name in module.policy.mutating_calls and node.args:
        yield from _change(module, node, node.args[0], shared)
    yield from _chance(module, node, name)
    yield from _host_time(module, node, name)
    needed = module.policy.local_time.get(name or "", 0)
    if needed and len(_given(node)) < needed:
        yield module.finding("clock", node, f"{name} in the host's time zone", "an explicit `tz`")
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method == "astimezone" and not _given(node):
        yield module.finding("clock", node, "astimezone() of the host", "an explicit time zone")


def _host_time(module: Module, call: ast.Call, name: str | None) -> Iterator[Finding]:
    """Yield a finding for a zone of the host's, and for seconds that are counted in it."""
    texts = [text for given in _given(call) if isinstance(text := module.constant(given), str)]
    if name == "zoneinfo.ZoneInfo" and _HOST_ZONES.intersection(texts):
        yield module.finding("clock", call, "the host's time zone", "the name of a zone")
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if (method == "strftime" or name == "builtins.format") and any(map(_has_epoch, texts)):
        expected = "timestamp() of a time with a zone"
        yield module.finding("clock", call, "'%s', which counts in the host's zone", expected)


def _has_epoch(text: str) -> bool:
    return "%s" in text.replace("%%", "")


def _taken(module: Module, node: ast.Attribute) -> Iterator[Finding]:
    """Yield a finding for a method that changes its object and is kept where a module is made."""
    above = module.parents.get(node)
    is_called = isinstance(above, ast.Call) and above.func is node
    if not is_called and module.enclosing(node, _FUNCTIONS) is None:
        found = f"{node.attr!r} of what outlives the call, kept to be called later"
        yield module.finding("mutation", node, found, "a value made inside the function")


def _in_place(module: Module, node: ast.Name | ast.Attribute) -> Iterator[Finding]:
    """Yield a finding for an operator that changes its operand and is handed on.

    `reduce(iadd, lists, [])` changes the new list alone.
    """
    name, above = module.dotted(node) or "", module.parents.get(node)
    is_one = name.startswith("operator.") and name in module.policy.mutating_calls
    if not is_one or (isinstance(above, ast.Call) and above.func is node):
        return
    match above:
        case ast.Attribute():
            return
        case ast.Call(func=function, args=[first, _, start]) if first is node:
            if module.dotted(function) == "functools.reduce" and _is_mutable(module, start):
                return
    found = f"{node.attr if isinstance(node, ast.Attribute) else node.id!r} used as a value"
    yield module.finding("mutation", node, found, "an operator that makes a new value")


def _given(call: ast.Call) -> list[ast.expr]:
    """Return the arguments that are not visibly None, which asks the host."""
    values = [*call.args, *(word.value for word in call.keywords)]
    return [
        value for value in values if not (isinstance(value, ast.Constant) and value.value is None)
    ]


def _chance(module: Module, call: ast.Call, name: str | None) -> Iterator[Finding]:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    seed = [*call.args, *(word.value for word in call.keywords)][:1]
    if method == "samples" and "statistics.NormalDist" in module.named:
        seed = [word.value for word in call.keywords if word.arg == "seed"]
    elif name != "random.Random" and not (method == "seed" and "random.Random" in module.named):
        return
    if not (seed and _is_fixed(module, seed[0])):
        yield module.finding("random", call, "a generator without a fixed seed", "Random(<number>)")


def _generators(module: Module) -> Iterator[Finding]:
    """Yield a finding for a generator's class under another name, or with another class on top."""
    for node in module.of(ast.Name, ast.Attribute):
        above = module.parents.get(node)
        called = isinstance(above, ast.Call) and above.func is node
        hint = isinstance(above, ast.arg | ast.AnnAssign | ast.FunctionDef | ast.Subscript)
        if module.dotted(node) == "random.Random" and not (called or hint):
            found = "the class of a generator used as a value"
            yield module.finding("random", node, found, "Random(<number>)")


def _is_fixed(module: Module, node: ast.expr) -> bool:
    return isinstance(module.constant(node), int | str | bytes)


def _clock(module: Module, node: ast.Attribute) -> Iterator[Finding]:
    if isinstance(node.value, ast.Name):
        name = node.value.id
        bound = module.bindings(node.value)
        own = _is_own(module, node, name) or (
            any(item.kind == "class" for item in bound) and not is_inherited(module, node)
        )
        handed = _HANDED_IN.get(name) in module.capabilities
        if own or (handed and any(item.kind == "param" for item in bound)):
            return
    expected = "the time as an input, or the capability 'clock'"
    yield module.finding("clock", node, f"{node.attr!r}, which reads the clock", expected)


def _is_own(module: Module, node: ast.Attribute, name: str) -> bool:
    """Whether `self.now` is what the class itself calls so, and not what it inherited."""
    around = module.enclosing(node, (ast.ClassDef,))
    return (
        name == "self" and isinstance(around, ast.ClassDef) and defines(module, around, node.attr)
    )


def _change(
    module: Module,
    node: ast.AST,
    target: ast.expr,
    shared: set[ast.AST],
    *,
    alias: bool = True,
) -> Iterator[Finding]:
    """Yield a finding when ``target`` lives longer than one call.

    Without ``alias`` a name stands for itself: `limit = LIMITS["a"]; limit += 1` changes no table.
    """
    target = owner(module, target) if alias else target
    if isinstance(target, ast.Call) and module.dotted(target.func) in _OF_CLASSES:
        yield module.finding("mutation", node, "a change of a class", "a change of an instance")
    if not isinstance(target, ast.Name):
        return
    if module.home(target) is None:
        # An imported module's member has a home; only a builtin or the given Abstain has none.
        found = f"a change of {target.id!r}, which is shared by all code"
        yield module.finding("mutation", node, found, "a value of your own")
    elif module.enclosing(node, _FUNCTIONS) is not None and module.is_global(target):
        found = f"a change of {target.id!r}, which outlives the call"
        yield module.finding("mutation", node, found, "a copy made inside the function")
    elif _is_shared_default(module, module.bindings(target), shared):
        found = f"a change of the default value of {target.id!r}"
        yield module.finding("mutation", node, found, "None as default, a new value inside")


def owner(module: Module, target: ast.expr, seen: set[ast.AST] | None = None) -> ast.expr:
    """Return what holds an object: `TABLE` for `TABLE[k].x` and for a name of either.

    What a cached function returns is held by the function.
    """
    seen = set() if seen is None else seen
    while target not in seen:
        seen.add(target)
        match target:
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                target = value
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in VIEWS:
                target = value
            case ast.Call(func=ast.Name() as function) if any(
                is_cached(module, item.node) for item in module.bindings(function)
            ):
                return function
            case ast.Name():
                found = [item for item in module.bindings(target) if not _is_step(module, item)]
                if len(found) == 1 and found[0].kind in {"assign", "loop"} and found[0].value:
                    aliased = owner(module, found[0].value, seen)
                    if isinstance(aliased, ast.Name) and module.is_global(aliased):
                        return aliased
                    if isinstance(aliased, ast.Call) and module.dotted(aliased.func) in _OF_CLASSES:
                        return aliased
    return target


def is_cached(module: Module, node: ast.AST) -> bool:
    """Whether a function's answers are kept by a decorator of `functools`."""
    return isinstance(node, ast.FunctionDef) and any(
        module.dotted(item.func if isinstance(item, ast.Call) else item) in _CACHES
        for item in node.decorator_list
    )


def _is_shared_default(module: Module, bound: list[Binding], shared: set[ast.AST]) -> bool:
    replaced = any(_is_plain(module, binding) for binding in bound)
    return not replaced and any(binding.node in shared for binding in bound)


def _is_plain(module: Module, binding: Binding) -> bool:
    # `xs += [1]` binds and changes at once; only a plain assignment leaves the default behind.
    return binding.kind == "assign" and not _is_step(module, binding)


def _is_step(module: Module, binding: Binding) -> bool:
    return isinstance(module.parents.get(binding.node), ast.AugAssign)


def _mutable_defaults(module: Module) -> Iterator[ast.AST]:
    for node in module.of(*_FUNCTIONS):
        arguments = node.args
        plain = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(reversed(plain), reversed(arguments.defaults), strict=False))
        pairs += [
            (argument, default)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        known = set(parameters(arguments))
        for argument, default in pairs:
            if argument in known and _is_mutable(module, default):
                yield argument


def _is_mutable(module: Module, node: ast.expr) -> bool:
    made = module.dotted(node.func) if isinstance(node, ast.Call) else None
    return isinstance(node, _MUTABLE) or (
        made is not None
        and made.rpartition(".")[2] in {"list", "dict", "set", "bytearray", "deque"}
    )
