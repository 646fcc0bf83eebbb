"""Secrets handled carelessly: compared byte by byte, drawn by chance, kept as they came, logged."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.injection import fixed_start
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.taint import Taint

_PASSWORD = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase)(_?(str|bytes|text|plain|raw|input))?$"
)
_SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|secret(_key)?|api_?key|private_key|access_token|auth_token"
    r"|credit_card(_number)?|card_number|cvv|ssn|social_security(_number)?|pin)$",
    re.IGNORECASE,
)
_PROOF = re.compile(
    r"(^|_)(signature|hmac|mac|api_?key|csrf_?token|auth_?token|secret|secret_key|reset_token|otp"
    r"|access_token|session_token|password_?hash|hashed_password|pw_?hash)$",
    re.IGNORECASE,
)
_UNGUESSABLE = re.compile(
    r"token|passw(or)?d|passcode|secret|otp|session_?id|api_?key|salt|nonce|csrf|reset|verification"
    r"|credential|one_?time|private_?key|pin_?code|auth_?code|captcha|(^|_)(sid|iv|pin|key)$",
    re.IGNORECASE,
)
_CHANCE = frozenset(
    {f"random.{name}" for name in ("choice", "choices", "randint", "random", "randrange", "sample",
     "getrandbits", "uniform", "shuffle", "randbytes", "Random().choice", "Random().randint")}
    | {f"numpy.random.{name}" for name in ("choice", "randint", "rand", "bytes", "random")}
    | {"uuid.uuid1", "time.time", "time.time_ns"}
)  # fmt: skip
_FAST_HASH = re.compile(
    r"^hashlib\.(md5|sha\w+|blake2\w|new)(\(\)\.update)?$|^Crypto\.Hash\.\w+\.new$"
)
_LOGS = re.compile(
    r"(^|\.)(logging|logger|log|LOG|LOGGER|getLogger\(\))\.\w+$|^builtins\.print$|^syslog\."
)
_OPENS = frozenset(
    {"builtins.open", "io.open", "codecs.open", "os.open", "pathlib.Path", "sqlite3.connect"}
)
_SHARED = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108 - what is looked for
_SHORT, _EMPTY = 8, 2  # characters of a password
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def check(module: Module, taint: Taint) -> Iterator[Finding]:
    """Yield a finding for each place where a secret is not treated as one."""
    for node in module.of(ast.Compare, ast.Call):
        match node:
            case ast.Compare(ops=[ast.Eq() | ast.NotEq()]):
                yield from _compared(module, node)
            case ast.Compare(left=ast.Call(args=[inner])):
                yield from _length(module, node, inner)
            case ast.Call():
                yield from _call(module, taint, node)


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=ast.Attribute(value=value, attr="encode" | "strip")):
            return _name(value)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
    return ""


def _compared(module: Module, node: ast.Compare) -> Iterator[Finding]:
    sides = (node.left, node.comparators[0])
    if any(isinstance(side, ast.Constant) for side in sides):
        return
    digests = any(_is_keyed_digest(module.described(side) or "") for side in sides)
    proofs = [side for side in sides if _PROOF.search(_name(side))]
    if digests or (proofs and _is_about_secrets(module)):
        found = "a proof compared with ==, which takes longer the more of it is right"
        yield module.finding("compare", node, found, "hmac.compare_digest()")


def _is_keyed_digest(made: str) -> bool:
    keyed = made.startswith(("hmac.new()", "hmac.HMAC()", "hmac.digest()"))
    return keyed and made.endswith(("digest()", "HMAC()"))


def _is_about_secrets(module: Module) -> bool:
    # Elsewhere a signature is a tuple of types and a token a word.
    heads = {name.partition(".")[0] for name in module.used}
    return bool(heads & _SECRET_MODULES)


_SECRET_MODULES = frozenset(
    {"hmac", "hashlib", "secrets", "bcrypt", "flask", "django", "fastapi", "jwt", "itsdangerous",
     "cryptography", "Crypto", "werkzeug", "passlib", "http", "tornado", "starlette", "argon2"}
)  # fmt: skip


def _length(module: Module, node: ast.Compare, inner: ast.expr) -> Iterator[Finding]:
    """Yield a finding for a password that is long enough with seven characters or fewer."""
    called = node.left.func if isinstance(node.left, ast.Call) else None
    if called is None or module.dotted(called) != "builtins.len":
        return
    limit = module.constant(node.comparators[0])
    if not _PASSWORD.search(_name(inner).lower()) or not isinstance(limit, int):
        return
    least = limit + isinstance(node.ops[0], ast.Gt | ast.LtE)
    if _EMPTY < least < _SHORT and not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        found = f"a password of {least} characters is long enough"
        yield module.finding("password", node, found, "at least 8, better 12")


def _call(module: Module, taint: Taint, call: ast.Call) -> Iterator[Finding]:
    made = module.described(call.func) or ""
    if made in _CHANCE and (wanted := _purpose(module, call)):
        found = f"{made} for {wanted!r}, which can be predicted"
        yield module.finding("chance", call, found, "secrets.token_urlsafe() or secrets.choice()")
    if _FAST_HASH.match(made) and any(_holds(item, _PASSWORD) for item in call.args):
        found = "a password hashed by a fast hash"
        yield module.finding("password", call, found, "hashlib.scrypt() with a salt of its own")
    shown = made or (ast.unparse(call.func) if isinstance(call.func, ast.Attribute) else "")
    if _LOGS.search(shown) and any(_shows(item) for item in call.args):
        yield module.finding("log", call, "a secret in a log", "a message without it")
    if (
        made in _OPENS
        and call.args
        and fixed_start(module, taint, call.args[0]).startswith(_SHARED)
    ):
        found = "a name in a folder that everybody can write to"
        yield module.finding("temporary", call, found, "the tempfile module")
    yield from _kept(module, call)


def _holds(node: ast.expr, names: re.Pattern[str]) -> bool:
    return any(names.search(_name(inner).lower()) for inner in ast.walk(node))


def _shows(node: ast.expr) -> bool:
    """Whether a message holds the value of a secret, not only words about it."""
    if isinstance(node, ast.JoinedStr):
        return any(
            _shows(part.value) for part in node.values if isinstance(part, ast.FormattedValue)
        )
    if isinstance(node, ast.BinOp):
        return _shows(node.left) or _shows(node.right)
    if isinstance(node, ast.Tuple):
        return any(_shows(item) for item in node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "format" and any(_shows(item) for item in node.args)
    return bool(_SECRET.search(_name(node)))


def _purpose(module: Module, call: ast.Call) -> str:
    """Return the name of what a random value is drawn for, where that must not be guessed."""
    above: ast.AST | None = call
    while above is not None and not isinstance(above, ast.Module):
        match above:
            case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target):
                if _UNGUESSABLE.search(_name(target)):
                    return _name(target)
            case ast.keyword(arg=str(name)) if _UNGUESSABLE.search(name):
                return name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                return name if _UNGUESSABLE.search(name) else ""
        above = module.parents.get(above)
    return ""


_WRITES = re.compile(
    r"\b(insert\s+into|update)\b.*\b(password|passwd|pwd)\b", re.IGNORECASE | re.DOTALL
)


def _kept(module: Module, call: ast.Call) -> Iterator[Finding]:
    """Yield a finding for a password that goes into a table as it came."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "execute" and call.args):
        return
    statement = module.constant(call.args[0])
    if not isinstance(statement, str) or not _WRITES.search(statement) or len(call.args) < 2:  # noqa: PLR2004
        return
    values = call.args[1].elts if isinstance(call.args[1], ast.Tuple | ast.List) else []
    for value in values:
        if _PASSWORD.search(_name(value).lower()) and not _is_hashed(module, value):
            found = "a password kept as it came"
            yield module.finding("password", call, found, "its hash by scrypt or argon2")


def _is_hashed(module: Module, value: ast.expr) -> bool:
    if not isinstance(value, ast.Name):
        return False
    return any(isinstance(item.value, ast.Call) for item in module.bindings(value))
