"""Which values were checked before they are used, and for which families of sinks that is enough.

A check counts where the code turns away what fails it: `if name not in TABLES: raise ...`, or where
it goes on only with what passes. A list of what is forbidden is no check, and neither is `assert`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.scope import FUNCTIONS

ALL_FAMILIES = frozenset(
    {"sql", "shell", "path", "url", "redirect", "markup", "query", "template", "header", "log",
     "pattern", "code", "deserialise", "xml", "disclosure"}
)  # fmt: skip
_SHAPED = ALL_FAMILIES - {"deserialise", "code", "disclosure"}
_HOST = frozenset({"url", "redirect"})
_PATH = frozenset({"path"})
_SHAPES = frozenset({"isalnum", "isdigit", "isalpha", "isdecimal", "isidentifier", "isnumeric"})
_HOST_PARTS = frozenset({"hostname", "netloc", "host"})
_HOST_FACTS = frozenset({"is_private", "is_loopback", "is_global", "is_link_local", "is_reserved"})
_INSIDE = frozenset({"is_relative_to", "startswith"})
_UNWRAPPED = frozenset({"lower", "upper", "strip", "casefold", "rstrip", "lstrip"})
_RESOLVED = ("realpath()", "abspath()", "normpath()", "resolve()", "absolute()", "safe_join()")
_EXITS = (ast.Raise, ast.Return, ast.Continue, ast.Break)
_ENDS = frozenset({"abort", "exit", "error", "fail", "_exit"})
_SIGNS = {"path": ("/", "\\"), "log": ("\n", "\r"), "header": ("\n", "\r"), "xml": ("<!",)}


class Check(NamedTuple):
    """One expression that was compared with what is allowed."""

    value: ast.expr
    families: frozenset[str]
    is_positive: bool  # whether the test is true of what is allowed


def guarded(module: Module, tainted: set[Any]) -> dict[str, set[Any]]:
    """Return, by family, the variables and expressions that are only used once they were checked.

    ``tainted`` is what carries the caller's text before any check is looked at.
    """
    found: dict[str, set[Any]] = {}
    for node in module.of(ast.If, ast.IfExp, ast.While, ast.Expr, ast.comprehension):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            for check in _checks(module, node.test, tainted, positive=True):
                if _is_kept(module, node, check):
                    _close(module, check, found)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            for check in _helper(module, node.value, tainted, positive=True, raises=True):
                _close(module, check, found)
            _raising(module, node.value, found)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                for check in _checks(module, test, tainted, positive=True):
                    _close(module, check, found)
    return found


def _close(module: Module, check: Check, found: dict[str, set[Any]]) -> None:
    places = set(_places(module, check.value))
    if check.families <= _HOST:
        places |= set(_origins(module, check.value))
    for family in check.families:
        found.setdefault(family, set()).update(places)


def _raising(module: Module, call: ast.Call, found: dict[str, set[Any]]) -> None:
    # `target.relative_to(BASE)` raises for what lies outside.
    match call.func:
        case ast.Attribute(value=value, attr="relative_to") if _is_resolved(module, value):
            _close(module, Check(value, _PATH, is_positive=True), found)


def _places(module: Module, value: ast.expr) -> Iterator[Any]:
    if isinstance(value, ast.Name):
        scope = module.home(value)
        if scope is not None:
            yield scope, value.id
        return
    # The same expression, written again in the same function, has the same value.
    function = module.enclosing(value, FUNCTIONS) or module.tree
    text = ast.unparse(value)
    for node in ast.walk(function):
        if type(node) is type(value) and ast.unparse(node) == text:
            yield node


def _origins(module: Module, value: ast.expr, depth: int = 0) -> Iterator[Any]:
    """Yield the variables ``value`` was taken from: a host's address, and its text."""
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and depth < 5:  # noqa: PLR2004 - parse, host, address, name
            scope = module.home(node)
            if scope is None or scope.kind == "module":
                continue
            yield scope, node.id
            for bound in module.bindings(node)[:1]:
                if bound.value is not None and bound.kind in {"assign", "loop"}:
                    yield from _origins(module, bound.value, depth + 1)


def _checks(  # noqa: C901 - a form of a test a case
    module: Module, test: ast.expr, tainted: set[Any], *, positive: bool
) -> Iterator[Check]:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            yield from _checks(module, inner, tainted, positive=not positive)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _checks(module, value, tainted, positive=positive)
        case ast.Compare():
            yield from _compared(module, test, tainted, positive=positive)
        case ast.Call(func=ast.Name(id="all" | "any" as word), args=[ast.GeneratorExp() as each]):
            if module.home(test.func) is None:  # type: ignore[arg-type]
                yield from _each(module, each, word, tainted, positive=positive)
        case ast.Call():
            yield from _called(module, test, positive=positive)
            yield from _helper(module, test, tainted, positive=positive, raises=False)
        case ast.Attribute(value=value, attr=name) if name in _HOST_PARTS:
            yield Check(test, _HOST, not positive)
            yield Check(value, _HOST, not positive)
        case ast.Attribute(value=value, attr=name) if name in _HOST_FACTS:
            yield Check(value, _HOST, positive == (name == "is_global"))
        case ast.NamedExpr(value=value):
            yield from _checks(module, value, tainted, positive=positive)


def _compared(  # noqa: C901 - a form of a comparison a branch
    module: Module, test: ast.Compare, tainted: set[Any], *, positive: bool
) -> Iterator[Check]:
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    is_in = isinstance(operator, ast.In)
    if isinstance(operator, ast.In | ast.NotIn):
        sign = module.constant(left)
        if isinstance(sign, str) or module.dotted(left) in {"os.sep", "os.path.sep"}:
            text = sign if isinstance(sign, str) else "/"
            for family, signs in _SIGNS.items():
                if text.startswith(signs):
                    yield Check(_unwrapped(right), frozenset({family}), positive != is_in)
        elif right not in tainted:
            value = _unwrapped(left)
            families = _HOST if _is_host(module, value) else ALL_FAMILIES
            yield Check(value, families, positive == is_in)
    elif _is_host(module, left) and isinstance(operator, ast.Eq | ast.NotEq):
        yield Check(left, _HOST, positive == isinstance(operator, ast.Eq))
    elif isinstance(operator, ast.Is | ast.IsNot) and module.constant(right) is None:
        # `re.fullmatch(...) is None`
        absent = isinstance(operator, ast.Is)
        yield from _checks(module, left, tainted, positive=positive != absent)
    elif isinstance(operator, ast.Eq | ast.NotEq):
        equal = positive == isinstance(operator, ast.Eq)
        for side in (left, right):
            if _is_common_path(module, side):
                inner = [item for item in ast.walk(side) if isinstance(item, ast.Name)]
                yield from (Check(item, _PATH, equal) for item in inner if item in tainted)
            elif isinstance(side, ast.Call) and _basename_of(module, side):
                yield Check(left if side is right else side.args[0], _PATH, equal)


def _is_common_path(module: Module, node: ast.expr) -> bool:
    return (module.described(node) or "").endswith("commonpath()")


def _basename_of(module: Module, node: ast.Call) -> bool:
    return bool(node.args) and (module.dotted(node.func) or "").endswith("path.basename")


def _is_host(module: Module, node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _HOST_PARTS
    return (module.described(node) or "").endswith(tuple(f".{part}" for part in _HOST_PARTS))


def _each(
    module: Module, each: ast.GeneratorExp, word: str, tainted: set[Any], *, positive: bool
) -> Iterator[Check]:
    # `all(c in ALLOWED for c in name)`, `not any(c not in ALLOWED for c in name)`
    for check in _checks(module, each.elt, tainted, positive=positive):
        if check.is_positive == (word == "all") or not positive:
            whole = each.generators[0].iter
            if check.families >= _SHAPED:
                yield Check(whole, _SHAPED, check.is_positive)
            elif word == "any":
                yield Check(whole, check.families, check.is_positive)


def _called(module: Module, call: ast.Call, *, positive: bool) -> Iterator[Check]:
    name = module.dotted(call.func) or ""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else name.rpartition(".")[2]
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    if method in _SHAPES and value is not None:
        yield Check(_unwrapped(value), _SHAPED, positive)
    elif method in {"fullmatch", "match"} and _is_whole(module, call, method):
        checked = call.args[1] if name.startswith("re.") else call.args[0]
        yield Check(_unwrapped(checked), _SHAPED, positive)
    elif method in _INSIDE and value is not None and call.args:
        if _is_resolved(module, value) and not _is_open_start(module, call, method):
            yield Check(value, _PATH, positive)
            yield from (Check(item, _PATH, positive) for item in _plain_argument(value))
    elif method in {"url_has_allowed_host_and_scheme", "is_safe_url"} and call.args:
        yield Check(call.args[0], _HOST, positive)


def _is_open_start(module: Module, call: ast.Call, method: str) -> bool:
    """Whether a path is compared with a folder's name that other folders begin with as well."""
    folder = module.constant(call.args[0]) if method == "startswith" else None
    return isinstance(folder, str) and not folder.endswith(("/", "\\"))


def _plain_argument(value: ast.expr) -> Iterator[ast.expr]:
    # `str(target).startswith(...)`, `target.resolve().is_relative_to(...)`
    match value:
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            yield inner
        case ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute")):
            yield inner


def _is_whole(module: Module, call: ast.Call, method: str) -> bool:
    named = (module.dotted(call.func) or "").startswith("re.")
    if len(call.args) < (2 if named else 1):
        return False
    if method == "fullmatch":
        return True
    pattern: object = None
    if named:
        pattern = module.constant(call.args[0])
    elif isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        for bound in module.bindings(call.func.value)[:1]:
            if isinstance(bound.value, ast.Call) and bound.value.args:
                pattern = module.constant(bound.value.args[0])
    return isinstance(pattern, str) and pattern.endswith(("$", r"\Z"))


def _is_resolved(module: Module, value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="str" | "Path"), args=[inner, *_]):
            return _is_resolved(module, inner)
        case ast.Call(func=ast.Attribute(attr=name)):
            return f"{name}()" in _RESOLVED
        case ast.Name():
            return any(
                bound.value is not None and _is_resolved(module, bound.value)
                for bound in module.bindings(value)
                if bound.kind == "assign" and not isinstance(bound.value, ast.Name)
            )
    return (module.described(value) or "").endswith(_RESOLVED)


def _helper(
    module: Module, call: ast.Call, tainted: set[Any], *, positive: bool, raises: bool
) -> Iterator[Check]:
    """Yield what a function of this module checks about its arguments, as its name promises."""
    if not isinstance(call.func, ast.Name):
        return
    found = module.bindings(call.func)
    if len(found) != 1 or not isinstance(found[0].node, ast.FunctionDef):
        return
    function = found[0].node
    if raises and not any(isinstance(node, ast.Raise) for node in ast.walk(function)):
        return
    names = [item.arg for item in [*function.args.posonlyargs, *function.args.args]]
    for argument, name in zip(call.args, names, strict=False):
        families = _checked_inside(module, function, name, tainted)
        if families:
            yield Check(argument, families, positive)


def _checked_inside(
    module: Module, function: ast.FunctionDef, name: str, tainted: set[Any]
) -> frozenset[str]:
    families: set[str] = set()
    for node in ast.walk(function):
        # A helper's helper is one step too far to be believed.
        if not isinstance(node, ast.Compare | ast.Attribute | ast.Call) or _is_own_call(node):
            continue
        for check in _checks(module, node, tainted, positive=True):
            values = _origins(module, check.value) if check.families <= _HOST | _PATH else ()
            reached = {place[1] for place in values if isinstance(place, tuple)}
            direct = isinstance(check.value, ast.Name) and check.value.id == name
            if direct or name in reached:
                families |= check.families
    return frozenset(families)


def _is_own_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _unwrapped(value: ast.expr) -> ast.expr:
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in _UNWRAPPED:
            return _unwrapped(inner)
    return value


def _is_kept(module: Module, node: ast.If | ast.IfExp | ast.While, check: Check) -> bool:
    """Whether only what passes the check goes on."""
    if isinstance(node, ast.IfExp):
        return True
    body = node.body
    if not check.is_positive:
        return any(_leaves(statement) for statement in body) or _rebinds(body, check.value)
    names = {item.id for item in ast.walk(check.value) if isinstance(item, ast.Name)}
    if check.families <= _HOST:
        names |= {place[1] for place in _origins(module, check.value)}
    used = any(_uses(statement, names) for statement in body)
    return (
        used
        or bool(node.orelse and any(_leaves(item) for item in node.orelse))
        or any(
            isinstance(item, ast.Return)
            and isinstance(item.value, ast.Constant)
            and item.value.value
            for item in body
        )
    )


def _leaves(statement: ast.stmt) -> bool:
    for node in ast.walk(statement):
        if isinstance(node, _EXITS):
            return True
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            if name in _ENDS:
                return True
    return False


def _rebinds(body: list[ast.stmt], value: ast.expr) -> bool:
    # `if name not in TABLES: name = "users"`
    name = value.id if isinstance(value, ast.Name) else ""
    return any(
        isinstance(statement, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in statement.targets)
        for statement in body
    )


def _uses(statement: ast.stmt, names: set[str]) -> bool:
    if isinstance(statement, ast.Raise) or (isinstance(statement, ast.Expr) and _leaves(statement)):
        return False
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(statement))
