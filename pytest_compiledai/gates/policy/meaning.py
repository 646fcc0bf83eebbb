"""Which values each expression of a module may stand for, under whatever name.

Values are named by the expressions that make them. The order of statements is disregarded, but for
an assignment right above (inclusion-based points-to analysis; Andersen 1994, chapter 4).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from collections.abc import Iterable
from functools import partial
from typing import Final

from pytest_compiledai.gates.policy.changing import changes
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import FUNCTIONS
from pytest_compiledai.gates.policy.scope import MAKING
from pytest_compiledai.gates.policy.scope import Binding
from pytest_compiledai.gates.policy.scope import parameters

_Values = frozenset[ast.AST]
_NOTHING: Final[_Values] = frozenset()
#: What gives back one of its arguments, or a part of one.
_PASSING: Final = frozenset(
    {"builtins.max", "builtins.min", "builtins.next", "builtins.getattr", "typing.cast",
     "functools.reduce", "operator.getitem", "heapq.heappop", "heapq.heappushpop",
     "heapq.heapreplace"}
)  # fmt: skip
#: What gives a value that shares nothing with its arguments.
_APART: Final = frozenset(
    {"copy.deepcopy", "builtins.str", "builtins.int", "builtins.float", "builtins.len",
     "builtins.bool", "builtins.repr", "builtins.sum", "builtins.any", "builtins.all",
     "builtins.isinstance", "builtins.range", "builtins.round", "json.dumps"}
)  # fmt: skip
#: What gives tuples, or iterators, of the parts of its arguments.
_TUPLED: Final = frozenset(
    {"builtins.zip", "builtins.enumerate", "itertools.batched", "itertools.combinations",
     "itertools.combinations_with_replacement", "itertools.groupby", "itertools.pairwise",
     "itertools.permutations", "itertools.product", "itertools.tee", "itertools.zip_longest"}
)  # fmt: skip
_FIELD: Final = "dataclasses.field"
_VIEWS: Final = frozenset({"copy", "items", "values", "keys"})  # new, with the parts of the old
#: Methods of texts, patterns, numbers and dates whose answer shares nothing with anything.
_PLAIN: Final = frozenset(
    {"capitalize", "casefold", "center", "count", "decode", "encode", "endswith", "expandtabs",
     "find", "findall", "finditer", "format", "fullmatch", "group", "groups", "groupdict", "index",
     "isoformat", "join", "ljust", "lower", "lstrip", "maketrans", "match", "partition", "quantize",
     "removeprefix", "removesuffix", "replace", "rfind", "rjust", "rpartition", "rsplit", "rstrip",
     "search", "split", "splitlines", "startswith", "strftime", "strip", "sub", "subn", "swapcase",
     "title", "translate", "upper", "zfill"}
)  # fmt: skip
_KEYED: Final = frozenset({"get", "setdefault", "pop"})  # give what is kept, or the second argument
_PUTTING: Final = frozenset({"append", "appendleft", "add", "insert", "setdefault"})
_PROPERTIES: Final = frozenset({"property", "cached_property"})
_MOST_ROUNDS: Final = 20


class Meaning:
    """Which values of a module, named by the expressions that make them, each expression means."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._known: dict[object, _Values] = {}
        self._asked: set[object] = set()
        self._grew = False
        self._added = [
            (changed, parts, not self._puts_one(node))
            for node, changed, _, parts in changes(module)
            if parts
        ]
        self._methods: dict[str, list[ast.FunctionDef]] = {}
        self._calls: dict[str, list[ast.Call]] = {}
        self._stores: dict[str, list[ast.expr]] = {}
        self._returns: dict[ast.AST | None, list[ast.expr]] = {}
        self._handed: dict[ast.AST, list[ast.Call]] = {}
        self._collect()

    def _collect(self) -> None:
        module = self.module
        for function in module.of(ast.FunctionDef):
            if isinstance(module.parents.get(function), ast.ClassDef):
                self._methods.setdefault(function.name, []).append(function)
        for call in module.of(ast.Call):
            self._calls.setdefault(_last_name(call.func), []).append(call)
            for handed in (item for argument in _given(call) for item in self._functions(argument)):
                self._handed.setdefault(handed, []).append(call)
        for assign in module.of(ast.Assign):
            for target in assign.targets:
                self._store(target, assign.value)
        for annotated in module.of(ast.AnnAssign):
            self._store(annotated.target, annotated.value)
        for given in module.of(ast.Return, ast.Yield, ast.YieldFrom):
            value: ast.expr | None = getattr(given, "value", None)
            if value is not None:
                around = module.enclosing(given, FUNCTIONS)
                self._returns.setdefault(around, []).append(value)

    def _puts_one(self, node: ast.AST) -> bool:
        """Whether a change puts a value into another as it is, not the values that lie in it."""
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()):
                return name in _PUTTING
            case ast.Subscript(slice=place):
                return (
                    not isinstance(place, ast.Slice) and "builtins.slice" not in self.module.named
                )
        return isinstance(node, ast.Attribute)

    def _store(self, target: ast.expr, value: ast.expr | None) -> None:
        above = self.module.parents.get(self.module.parents[target])
        is_field = isinstance(target, ast.Attribute) or isinstance(above, ast.ClassDef)
        if value is not None and is_field:
            self._stores.setdefault(_last_name(target), []).append(value)

    def settle(self, asked: Iterable[ast.expr]) -> None:
        """Compute until nothing grows: values only ever become more."""
        asked = list(asked)
        for _ in range(_MOST_ROUNDS):
            self._grew, self._asked = False, set()
            for node in asked:
                self.of(node)
            if not self._grew:
                return

    def of(self, node: ast.AST) -> _Values:
        """Return the values that an expression may stand for."""
        return self._once(node, lambda: self._values(node))

    def _once(self, key: object, compute: Callable[[], _Values]) -> _Values:
        if key not in self._asked:
            self._asked.add(key)
            before = self._known.get(key, _NOTHING)
            found = before | compute()
            self._grew = self._grew or len(found) > len(before)
            self._known[key] = found
        return self._known.get(key, _NOTHING)

    def _values(self, node: ast.AST) -> _Values:  # noqa: C901, PLR0911 - a form a line
        match node:
            case ast.Name():
                return self._named(node)
            case ast.IfExp(body=first, orelse=second):
                return self.of(first) | self.of(second)
            case ast.BoolOp(values=values):
                return self.all_of(values)
            case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                return self.of(value)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript(slice=ast.Slice()):
                return frozenset({node})
            case ast.Subscript(value=value):
                return self._items(self.of(value))
            case ast.Call():
                return self._called(node)
            case ast.BinOp() | ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                return frozenset({node})
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return frozenset({node})
        return _NOTHING

    def all_of(self, nodes: Iterable[ast.AST]) -> _Values:
        """Return the values that any of several expressions may stand for."""
        return _NOTHING.union(*map(self.of, nodes))

    def _parts(self, values: _Values) -> _Values:
        """Return all that is reached from values, at any depth."""
        found: set[ast.AST] = set()
        pending = list(values)
        while pending:
            new = self._items([pending.pop()]) - found
            found |= new
            pending += new
        return frozenset(found)

    def _items(self, values: Iterable[ast.AST]) -> _Values:
        """Return what lies right in values."""
        within = (self._once(("parts", each), partial(self._within, each)) for each in values)
        return _NOTHING.union(*within)

    def _within(self, value: ast.AST) -> _Values:
        """Return the parts that a value was made with, and those it was given later."""
        found = self._made_with(value)
        for changed, parts, is_spread in self._added:
            if value in self.of(changed):
                given = self.all_of(parts)
                found |= given | (self._parts(given) if is_spread else _NOTHING)
        return found

    def _made_with(self, value: ast.AST) -> _Values:  # noqa: PLR0911 - a form a line
        match value:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                others = self.all_of(item for item in items if isinstance(item, ast.Starred))
                plain = (item for item in items if not isinstance(item, ast.Starred))
                return self.all_of(plain) | self._parts(others)
            case ast.Dict(keys=keys, values=values):
                pairs = list(zip(keys, values, strict=True))
                others = self.all_of(item for key, item in pairs if key is None)
                return self.all_of(item for key, item in pairs if key) | self._parts(others)
            case ast.DictComp(value=inner):
                return self.of(inner)
            case ast.ListComp(elt=inner) | ast.SetComp(elt=inner) | ast.GeneratorExp(elt=inner):
                return self.of(inner)
            case ast.BinOp(left=left, right=right):
                return self._parts(self.of(left) | self.of(right))
            case ast.Subscript(value=whole):
                return self._parts(self.of(whole))
            case ast.Call():
                return self._shared(value)
        return _NOTHING

    def _shared(self, call: ast.Call) -> _Values:
        """Return what the new value that a call gives may share with what the call was given."""
        given = self.all_of(_given(call))
        name = self.module.dotted(call.func) or ""
        found = given | self._parts(given)
        if name in _APART or getattr(call.func, "attr", "") in _PLAIN:
            found = _NOTHING
        elif name.startswith(("builtins.", "collections.", "itertools.", "copy.")):
            found = self._parts(given)  # a copy; its parts are those of the old
            if name in _TUPLED:
                found |= {call}  # each item is a tuple, or an iterator, of those parts
        elif isinstance(call.func, ast.Attribute) and name == "":
            found |= self._parts(self.of(call.func.value))
        for function in self._functions(call.func):
            found |= self.all_of(self._returns.get(function, ()))
        return found

    def _named(self, node: ast.Name) -> _Values:
        return _NOTHING.union(*(self._bound(item) for item in self._near(node)))

    def _near(self, node: ast.Name) -> list[Binding]:
        """Return the bindings of a name that may hold where it is read."""
        bindings = self.module.bindings(node)
        if len(bindings) < 2:  # noqa: PLR2004
            return bindings
        last = self._right_above(node)
        if last is None:
            return bindings
        loop = self.module.enclosing(node, (ast.For, ast.While))
        inside = loop is None or _line(loop) < last.lineno  # then nothing below comes before it
        return [
            item
            for item in bindings
            if item.node is last
            or (last.lineno < _line(item.node) and not (inside and _line(item.node) > node.lineno))
        ]

    def _right_above(self, node: ast.Name) -> ast.Name | None:
        """Return the target of the nearest plain assignment that always comes before ``node``."""
        parents = self.module.parents
        inner: ast.AST = node
        above = parents.get(inner)
        while above is not None and not isinstance(inner, FUNCTIONS):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(above, field, None)
                if isinstance(block, list) and inner in block:
                    for statement in reversed(block[: block.index(inner)]):
                        target = _only_target(statement)
                        if target is not None and target.id == node.id:
                            return target
            inner, above = above, parents.get(above)
        return None

    def _bound(self, item: Binding) -> _Values:  # noqa: PLR0911 - a form a line
        match item.kind:
            case "param":
                return self._once(item.node, lambda: self._handed_in(item.node))
            case "match":
                around = self.module.enclosing(item.node, (ast.Match,))
                subject = self.of(around.subject) if isinstance(around, ast.Match) else _NOTHING
                return subject | self._parts(subject)
        if item.value is None:
            return _NOTHING
        values = self.of(item.value)
        above = self.module.parents.get(item.node)
        if item.kind == "with":
            return values | self._parts(values)
        is_split = isinstance(above, ast.Tuple | ast.List | ast.Starred)
        if item.kind == "loop" and not is_split:
            return self._items(values)
        if item.kind == "loop":
            together = self._together(item, above)
            return self._parts(values) if together is None else together
        if is_split:
            return self._unpacked(item, above) or self._parts(values)
        return _NOTHING if isinstance(above, ast.AugAssign) else values

    def _unpacked(self, item: Binding, above: ast.AST | None) -> _Values | None:
        """Return the value at the same place of `a, b = x, y`; None for other forms."""
        match above, item.value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                if not _has_stars([*targets, *values]) and item.node in targets:
                    return self.of(values[targets.index(item.node)])
        return None

    def _together(self, item: Binding, above: ast.AST | None) -> _Values | None:
        """Return what `for a, b in zip(x, y)` or `enumerate(x)` binds a name to; else None."""
        match above, item.value:
            case ast.Tuple(elts=targets), ast.Call(func=function, args=given):
                name, is_plain = self.module.dotted(function), not _has_stars([*targets, *given])
                place = targets.index(item.node) if item.node in targets else -1
                if name == "builtins.enumerate" and is_plain and given and place >= 0:
                    return self._items(self.of(given[0])) if place else _NOTHING
                if name == "builtins.zip" and is_plain and 0 <= place < len(given):
                    return self._items(self.of(given[place]))
        return None

    def _attribute(self, node: ast.Attribute) -> _Values:
        if self.module.dotted(node) is not None:
            return _NOTHING
        everything = self.of(node.value)
        own = {value for value in everything if self._is_plain_instance(value)}
        held = everything - own  # of another library's, an attribute may be what it holds
        given = (self.all_of(_given(value)) for value in own if isinstance(value, ast.Call))
        stored = map(self._stored, self._stores.get(node.attr, ()))
        read = map(self._given_back, filter(_is_property, self._methods.get(node.attr, ())))
        return _NOTHING.union(held, self._parts(held), *given, *stored, *read)

    def _is_plain_instance(self, value: ast.AST) -> bool:
        """Whether a value is an instance of a class that is all written here."""
        called = value.func if isinstance(value, ast.Call) else None
        bound = self.module.bindings(called) if isinstance(called, ast.Name) else []
        return bool(bound) and all(
            isinstance(item.node, ast.ClassDef)
            and all(isinstance(base, ast.Name) for base in item.node.bases)
            and not any(self.module.dotted(base) for base in item.node.bases)
            for item in bound
        )

    def _stored(self, value: ast.expr) -> _Values:
        """Return what an attribute is set to; of a data class's field, what its default gives."""
        if not isinstance(value, ast.Call) or self.module.dotted(value.func) != _FIELD:
            return self.of(value)
        words = {word.arg: word.value for word in value.keywords}
        factory = words.get("default_factory")
        functions = self._functions(factory) if factory is not None else []
        made = _NOTHING.union(*map(self._given_back, functions))
        return made | (self.of(words["default"]) if "default" in words else _NOTHING)

    def _functions(self, node: ast.AST) -> list[ast.AST]:
        """Return the functions of this module that an expression visibly names."""
        if isinstance(node, ast.Lambda):
            return [node]
        if isinstance(node, ast.Attribute):
            return list(self._methods.get(node.attr, ()))
        if not isinstance(node, ast.Name):
            return []
        bound = self.module.bindings(node)
        found: list[ast.AST] = [item.node for item in bound if item.kind == "def"]
        return found + [item.value for item in bound if isinstance(item.value, ast.Lambda)]

    def _given_back(self, function: ast.AST) -> _Values:
        if isinstance(function, ast.Lambda):
            return self.of(function.body)
        return self.all_of(self._returns.get(function, ()))

    def _called(self, call: ast.Call) -> _Values:
        functions = self._functions(call.func)
        found = _NOTHING.union(*map(self._given_back, functions))
        name = self.module.dotted(call.func)
        if name in _PASSING:
            given = self.all_of(_given(call))
            found |= given | self._parts(given)
        elif name is None and not functions and self._is_made(call.func):
            given = self.all_of(_given(call))
            found |= given | self._parts(given)  # `itemgetter(0)(table)`
        elif name is None and getattr(call.func, "attr", "") not in _VIEWS | _PLAIN | {""}:
            assert isinstance(call.func, ast.Attribute)
            is_keyed, held = call.func.attr in _KEYED, self.of(call.func.value)
            found |= self._items(held) if is_keyed else self._parts(held)
            found |= self.all_of(_given(call)[is_keyed:])
        return found | {call}

    def _is_made(self, function: ast.expr) -> bool:
        """Whether a function is what another call gave, by itself or under a name."""
        if isinstance(function, ast.Name):
            bound = self.module.bindings(function)
            return any(isinstance(item.value, ast.Call) for item in bound)
        return isinstance(function, ast.Call)

    def _handed_in(self, argument: ast.AST) -> _Values:
        """Return what a parameter may be given: by calls, by its default, by who is handed it."""
        function = self.module.enclosing(argument, FUNCTIONS)
        if not isinstance(function, FUNCTIONS):
            return _NOTHING
        names = [item.arg for item in parameters(function.args)]
        place, name = names.index(getattr(argument, "arg", "")), getattr(function, "name", "")
        owner = self.module.parents.get(function)
        found = self.all_of(_default(function, argument))
        for call in self._calls_of(function, owner):
            found |= self._argument(call, place - isinstance(owner, ast.ClassDef), names[place])
            if isinstance(owner, ast.ClassDef) and place == 0 and name not in MAKING:
                found |= self.of(call.func.value) if isinstance(call.func, ast.Attribute) else found
        for call in self._handed.get(function, ()):
            others = self.all_of(_given(call))
            found |= others | self._parts(others)
        return found

    def _calls_of(self, function: ast.AST, owner: ast.AST | None) -> list[ast.Call]:
        name = getattr(function, "name", "")
        if isinstance(owner, ast.ClassDef) and name in MAKING:
            return self._calls.get(owner.name, [])
        if isinstance(function, ast.Lambda):
            return [c for calls in self._calls.values() for c in calls if self._names(c, function)]
        return self._calls.get(name, [])

    def _names(self, call: ast.Call, function: ast.AST) -> bool:
        return function in self._functions(call.func)

    def _argument(self, call: ast.Call, place: int, name: str) -> _Values:
        spread = [item.value for item in call.args if isinstance(item, ast.Starred)]
        spread += [word.value for word in call.keywords if word.arg is None]
        found = self._parts(self.all_of(spread))
        if 0 <= place < len(call.args):
            found |= self.of(call.args[place])
        return found | self.all_of(word.value for word in call.keywords if word.arg == name)


def _is_property(function: ast.FunctionDef) -> bool:
    return any(_last_name(each) in _PROPERTIES for each in function.decorator_list)


def _has_stars(nodes: list[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _only_target(statement: ast.AST) -> ast.Name | None:
    match statement:
        case ast.Assign(targets=[ast.Name() as target]):
            return target
        case ast.AnnAssign(target=ast.Name() as target, value=ast.expr()):
            return target
    return None


def _default(function: ast.AST, argument: ast.AST) -> list[ast.expr]:
    arguments: ast.arguments = function.args  # type: ignore[attr-defined]
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(reversed(plain), reversed(arguments.defaults), strict=False))
    pairs += [
        (item, default)
        for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    return [default for item, default in pairs if item is argument]
