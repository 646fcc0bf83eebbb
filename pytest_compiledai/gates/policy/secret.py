"""Secrets in literals: known key shapes, and values given to names that hold passwords."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module

_SHAPES = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40,}|glpat-[\w-]{20}"
    r"|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35}|ya29\.[\w-]{20,}"
    r"|sk_live_[0-9a-zA-Z]{16,}|rk_live_[0-9a-zA-Z]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|npm_[A-Za-z0-9]{36}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{5,}"
    r"|\b\w+://[^/\s:@{}]+:[^/\s:@{}]+@[^/\s]+"
)
_NAMES = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|secret_key|api_?key|access_key|private_key|auth_token"
    r"|access_token|client_secret|encryption_key|jwt_key|signing_key)(_\d+)?$",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"^[a-z]+([ _-][a-z]+)*$|^[A-Z]+([ _-][A-Z]+)*$|^$")
_HOLDERS = (ast.Constant, ast.Assign, ast.AnnAssign, ast.keyword, ast.Dict, ast.Compare)
_LABEL = re.compile(
    r"pass|secret|token|key|required|text|string|hidden|none|invalid|missing|str|field|enter|error|your"
    r"|redact|mask|remov",
    re.IGNORECASE,
)
_LONG, _RANDOM = 32, 4.3  # characters; bits per character
_TOKEN = re.compile(r"^[A-Za-z0-9+/=_-]+$")


def check(module: Module) -> Iterator[Finding]:  # noqa: C901 - one case for each form
    """Yield a finding for each literal that looks like a key, and each password with its value."""
    for node in module.of(*_HOLDERS):
        match node:
            case ast.Constant(value=str(text) | bytes(text)):
                yield from _literal(module, node, _as_text(text))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    foreign = _is_foreign(module, target)
                    yield from _named(module, node, _name(target), value, foreign=foreign)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from _named(module, node, _name(target), value)
            case ast.keyword(arg=str(name), value=value):
                yield from _named(module, value, name, value)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield from _named(module, value, key.value, value)
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                yield from _named(module, node, _name(left), right)


def _is_pure(module: Module) -> bool:
    modules = module.policy.modules
    return all(name in modules or name.rpartition(".")[0] in modules for name in module.used)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _literal(module: Module, node: ast.AST, text: str) -> Iterator[Finding]:
    if _SHAPES.search(text) or (len(text) >= _LONG and _TOKEN.match(text) and _is_random(text)):
        yield module.finding(
            "secret", node, "a literal with the shape of a key", "no secret in code"
        )


def _is_random(text: str) -> bool:
    mixed = any(c.isdigit() for c in text) and any(c.islower() for c in text)
    # An alphabet table such as "ABC...xyz0123456789" has no character twice.
    if not mixed or not any(c.isupper() for c in text) or len(set(text)) == len(text):
        return False
    counts = Counter(text)
    bits = -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
    return bits > _RANDOM


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _is_foreign(module: Module, target: ast.expr) -> bool:
    """Whether a field of an object is set that the code did not make: a form, a configuration."""
    match target:
        case ast.Attribute(value=ast.Name(id="self" | "cls")):
            return False
        case ast.Attribute(value=ast.Name() as base) | ast.Subscript(value=ast.Name() as base):
            # What a call made may be the code's own, `dict(data)`; a part of something else is not.
            made = [found.value for found in module.bindings(base)]
            return all(isinstance(item, ast.Attribute | ast.Subscript) for item in made)
        case ast.Attribute() | ast.Subscript(value=ast.Attribute()):
            return True
    return False


def _named(
    module: Module, node: ast.AST, name: str, value: ast.expr, *, foreign: bool = False
) -> Iterator[Finding]:
    text = value.value if isinstance(value, ast.Constant) else None
    if not isinstance(text, str | bytes) or not _NAMES.search(name):
        return
    plain = _as_text(text)
    # In pure code one lower-case word is a label ("password": "text"). Beside a library that
    # connects to something, or in a field of somebody's object, it is a bad password. An empty one
    # is a missing value.
    is_label = bool(_PLAIN.match(plain)) and not isinstance(node, ast.Compare)
    is_label = is_label and ((not foreign and _is_pure(module)) or bool(_LABEL.search(plain)))
    if plain and not is_label and not plain.startswith(("[", "<", "*", "{")):
        yield module.finding("secret", node, f"a value for {name!r}", "no secret in code")
