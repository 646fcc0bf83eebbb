"""What a web handler must not do: answer with raw text, tell its errors, act for strangers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.taint import Taint
from pytest_compiledai.gates.policy.taint import is_route

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_POWERFUL = re.compile(
    r"(^|[_/])(admin|delete|remove|drop|shutdown|restart|transfer|withdraw|reset|wipe|purge|grant"
    r"|promote|ban|payout|refund|configure|backup|update_?(role|password|user)"
    r"|change_?password)", re.IGNORECASE
)  # fmt: skip
_KNOWS = re.compile(
    r"auth|login|log_in|session|current_user|token|permission|is_admin|require|api_?key|identity|g\.user"
    r"|credential|depends|role|jwt|cookie|owner|password", re.IGNORECASE
)  # fmt: skip
_RIGHTS = re.compile(
    r"is_(admin|staff|superuser|authenticated|authori[sz]ed|owner|logged_in|moderator)|has_perm|has_role"
    r"|permissions?\b|\brole\b|logged_in|authori[sz]ed|authenticated"
)  # fmt: skip
_UNESCAPED = re.compile(r"\{\{[^{}]*\|\s*safe\b|\{%-?\s*autoescape\s+(false|off)\b")
_ANSWERS = frozenset(
    {"HTTPException", "abort", "jsonify", "make_response", "Response", "HttpResponse",
     "JsonResponse", "HttpResponseServerError", "HttpResponseBadRequest", "JSONResponse",
     "PlainTextResponse"}
)  # fmt: skip
_STORES = ("pymongo", "motor", "flask_pymongo", "mongoengine")
_FINDS = frozenset(
    {"find", "find_one", "update_one", "update_many", "delete_one", "delete_many", "aggregate",
     "count_documents", "find_one_and_update", "find_one_and_delete", "replace_one", "distinct"}
)  # fmt: skip
_PARSED = (".json", ".get_json()", "json.loads()")


def check(module: Module, taint: Taint) -> Iterator[Finding]:  # noqa: C901 - a node a branch
    """Yield a finding for each answer, act or query of a handler that trusts its caller."""
    stores = any(name.partition(".")[0] in _STORES for name in module.used)
    for node in module.of(ast.Return, ast.Assert, ast.FunctionDef, ast.AsyncFunctionDef, ast.Call):
        if isinstance(node, ast.Return) and node.value is not None:
            function = module.enclosing(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if isinstance(function, _Function) and is_route(function):
                yield from _answer(module, taint, node, node.value)
        elif isinstance(node, ast.Assert) and _RIGHTS.search(ast.unparse(node.test)):
            found = "rights that are only asserted, which `python -O` leaves out"
            yield module.finding("auth", node, found, "`if not ...: raise PermissionError`")
        elif isinstance(node, _Function) and is_route(node):
            yield from _act(module, node)
        elif stores and isinstance(node, ast.Call) and _finds(node):
            yield from _query(module, taint, node)
    for node in module.of(ast.Call):
        name = (module.dotted(node.func) or "").rpartition(".")[2]
        if name in _ANSWERS and any(_tells_errors(module, item) for item in _given(node)):
            yield _told(module, node)
    for text in module.of(ast.Constant):
        if isinstance(text.value, str) and _UNESCAPED.search(text.value):
            found = "a template that escapes nothing where it says so"
            yield module.finding("template", text, found, "the value without `safe`")


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _told(module: Module, node: ast.AST) -> Finding:
    found = "an answer that tells the error"
    return module.finding("disclosure", node, found, "a fixed message; the error in the log")


def _answer(module: Module, taint: Taint, node: ast.Return, value: ast.expr) -> Iterator[Finding]:
    body = value.elts[0] if isinstance(value, ast.Tuple) and value.elts else value
    if _is_text(module, body) and taint.is_tainted(body, "markup"):
        found = "an answer put together from the caller's text"
        yield module.finding("markup", node, found, "a template, or html.escape()")
    if _tells_errors(module, value):
        yield _told(module, node)


def _is_text(module: Module, node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
            return True
        case ast.Call(func=ast.Attribute(attr="format" | "join", value=value)):
            return isinstance(module.constant(value), str)
        case ast.Name():
            found = [item for item in module.bindings(node) if item.kind == "assign"]
            return any(item.value is not None and _is_text(module, item.value) for item in found)
    made = module.described(node) or ""
    return made.startswith("flask.request.") and not made.endswith(("json", "get_json()"))


def _tells_errors(module: Module, value: ast.expr) -> bool:
    handler = module.enclosing(value, (ast.ExceptHandler,))
    name = handler.name if isinstance(handler, ast.ExceptHandler) else None
    for inner in ast.walk(value):
        if isinstance(inner, ast.Name) and inner.id == name:
            return True
        if isinstance(inner, ast.Call) and module.dotted(inner.func) in {
            "traceback.format_exc", "traceback.format_exception", "sys.exc_info"
        }:  # fmt: skip
            return True
    return False


def _act(module: Module, function: _Function) -> Iterator[Finding]:
    """Yield a finding for a powerful handler that never asks who is calling."""
    routes = [ast.unparse(item) for item in function.decorator_list]
    if not any(_POWERFUL.search(text) for text in (function.name, *routes)):
        return
    body = "\n".join(ast.unparse(item) for item in [function.args, *function.body])
    guards = [text for text in routes if ".route" not in text]
    if not _KNOWS.search(body) and not any(_KNOWS.search(text) for text in guards):
        found = f"{function.name!r} acts without asking who is calling"
        yield module.finding("auth", function, found, "a check of the caller first")


def _query(module: Module, taint: Taint, call: ast.Call) -> Iterator[Finding]:
    for item in call.args[:2]:
        whole = not isinstance(item, ast.Dict) and taint.is_tainted(item, "query")
        if (whole and _is_parsed(module, item)) or _has_operator(module, taint, item):
            found = "a document query that the caller can fill with operators"
            yield module.finding("query", call, found, "str() around each value")
            return


def _finds(node: ast.Call) -> bool:
    function = node.func
    return isinstance(function, ast.Attribute) and function.attr in _FINDS and bool(node.args)


def _is_parsed(module: Module, node: ast.expr) -> bool:
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "get":
            return _is_parsed(module, function.value)
    if isinstance(node, ast.Name):
        for found in module.bindings(node)[:1]:
            if found.value is not None and _is_parsed(module, found.value):
                return True
    return (module.described(node) or "").endswith(_PARSED)


def _has_operator(module: Module, taint: Taint, node: ast.expr) -> bool:
    if not isinstance(node, ast.Dict):
        return False
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(value, ast.Dict) and _has_operator(module, taint, value):
            return True
        if taint.is_tainted(value, "query") and (
            module.constant(key) in {"$where", "$function", "$expr"} or _is_parsed(module, value)
        ):
            return True
    return False
