"""Foreign text put together from the caller's text: SQL, markup, shell, queries, paths."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.taint import Taint

_HOLE = "\x00"  # stands where a part of the caller's choosing goes
_OTHER = "\x01"  # where any other part goes that is no constant
_QUOTED = re.compile(rf"['\"]%?{_OTHER}%?['\"]")
_TEXTS = (ast.JoinedStr, ast.BinOp, ast.Call)
_MARKUP_TAGS = (
    "a|abbr|article|b|body|br|button|code|div|em|form|h[1-6]|head|html|i|iframe|img|input|label|li"
    "|link|meta|ol|option|p|pre|script|section|select|small|span|strong|style|svg|table|tbody|td"
    "|textarea|th|thead|title|tr|u|ul"
)


class Language(NamedTuple):
    """How text of one language is recognised, and what to do instead of building it."""

    rule: str
    shape: re.Pattern[str]
    found: str
    instead: str


_LANGUAGES = (
    Language(
        "sql",
        # Upper-case keywords are SQL wherever they stand; lower-case ones only in a statement's
        # shape, because English begins with "select a plan from" too.
        re.compile(
            r"\bSELECT\b.{1,400}?\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\S+\s+SET\b|\bDELETE\s+FROM\b"
            r"|\b(DROP|ALTER|TRUNCATE)\s+(TABLE|DATABASE)\b|\bWHERE\s+\S+\s*(=|<|>|LIKE\b|IN\b)"
            r"|(?i:^\s*(select\s+(distinct\s+)?(\*|[\w.()*\x00]+(\s*,\s*[\w.()*\x00]+)*)\s+from\s+[\w.\x00]+"
            r"(\s*;?\s*$|\s+(where|order|group|limit|join)\b)|insert\s+into\s+[\w.\x00]+\s*(\(|values|select)"
            r"|update\s+[\w.\x00]+\s+set\s+\w+\s*=|delete\s+from\s+[\w.\x00]+\s*(;|$|where)|drop\s+table\s))"
            r"|(?i:\bwhere\s+[\w.]+\s*(=|<|>|like|in)\s*[('\"%]*\x00)",
            re.DOTALL,
        ),
        "SQL put together from the caller's text",
        "placeholders and a separate tuple of values",
    ),
    Language(
        "markup",
        re.compile(
            rf"<(!doctype|/?({_MARKUP_TAGS})(\s[^<>]*)?/?>|({_MARKUP_TAGS})\s[^<>]*{_HOLE})",
            re.IGNORECASE,
        ),
        "markup put together from the caller's text",
        "html.escape() around each value",
    ),
    Language(
        "shell",
        re.compile(
            r"^\s*(sudo\s+)?((bash|chmod|chown|cp|curl|dd|docker|ffmpeg|grep|mv|nslookup|openssl|ping|rm"
            r"|rsync|scp|sed|sh|ssh|tar|unzip|wget)\s+(-|\S*[/\x00])"
            # These are English words as well; an option makes them commands.
            r"|(cat|convert|echo|find|git|kill|ls|nc|sort|zip)\s+-)"
            r"|\|\s*(sh|bash|grep|xargs|tee)\b|;\s*rm\s|&&\s*\w+\s",
        ),
        "a shell command put together from the caller's text",
        "a list of arguments, or shlex.quote()",
    ),
    Language(
        "query",
        re.compile(
            r"\(&?\|?\(?(uid|cn|sn|ou|dc|mail|objectclass|samaccountname)=|//?\w+\[@?\w+(\(\))?\s*="
        ),
        "an LDAP or XPath query put together from the caller's text",
        "escaped values",
    ),
    Language(
        "query",
        re.compile(rf"\$where['\"]?\s*:.*{_HOLE}", re.DOTALL),
        "a document query put together from the caller's text",
        "values beside a constant query",
    ),
    Language(
        "redirect",
        # A scheme before an address leaves it as it was; a path after it makes the value the host.
        re.compile(rf"^https?://[^{_HOLE}/]*{_HOLE}[^{_HOLE}]*/", re.IGNORECASE),
        "a link whose host is the caller's text",
        "a host from a constant list",
    ),
    Language(
        "path",
        # Folders of a host; `/users/<id>` is more often the path of an address.
        re.compile(
            r"^(/(app|data|dev|etc|home|media|mnt|opt|proc|root|srv|tmp|usr|var|Users)/|~/|\.{1,2}/"
            rf"|[A-Za-z]:\\)[^{_HOLE}]*{_HOLE}"
        ),
        "a file path that ends in the caller's text",
        "posixpath.basename() of the value, or a table",
    ),
    Language(
        "template",
        re.compile(
            rf"\{{\{{.*{_HOLE}|{_HOLE}.*\}}\}}|\{{%.*{_HOLE}",
            re.DOTALL,
        ),
        "a template that holds the caller's text",
        "the value passed beside a constant template",
    ),
    Language(
        "header",
        re.compile(
            rf"^(set-cookie|location|subject|content-disposition|x-[\w-]+):\s[^\r\n]*{_HOLE}[^\r\n]*\r?\n",
            re.IGNORECASE | re.MULTILINE,
        ),
        "a header put together from the caller's text",
        "the value without line breaks",
    ),
)


def check(module: Module, taint: Taint) -> Iterator[Finding]:
    """Yield a finding for each piece of foreign text that holds an uncleaned part."""
    for node in module.of(*_TEXTS):
        if not _is_part(module, node):
            raw = _built(module, taint, node, "") or ""
            text = raw.replace(_OTHER, "")
            if _HOLE in raw:
                yield from _judge(module, taint, node, text)
            elif _QUOTED.search(raw) and _LANGUAGES[0].shape.search(text):
                # Whoever puts quotes around a value by hand does not know what is in it.
                yield module.finding(
                    "sql", node, "SQL with a value in quotes", _LANGUAGES[0].instead
                )


def _text(module: Module, taint: Taint, node: ast.expr, family: str) -> str:
    return (_built(module, taint, node, family) or "").replace(_OTHER, "")


def _judge(module: Module, taint: Taint, node: ast.expr, text: str) -> Iterator[Finding]:
    for language in _LANGUAGES:
        if language.shape.search(text):
            # The same again, with what is clean for this language.
            cleaned = _text(module, taint, node, language.rule)
            if _HOLE in cleaned and language.shape.search(cleaned):
                yield module.finding(language.rule, node, language.found, language.instead)


def _is_part(module: Module, node: ast.expr) -> bool:
    # Only the whole text is judged, not the halves of a sum or the receiver of format().
    parent = module.parents.get(node)
    if isinstance(parent, ast.BinOp):
        return isinstance(parent.op, ast.Add) or (
            isinstance(parent.op, ast.Mod) and parent.left is node
        )
    return isinstance(parent, ast.FormattedValue | ast.JoinedStr)


def fixed_start(module: Module, taint: Taint, node: ast.expr, depth: int = 0) -> str:
    """Return the text that ``node`` builds, with control characters where it is not constant."""
    if isinstance(node, ast.Name) and depth < 5:  # noqa: PLR2004 - names of names
        found = module.bindings(node)
        plain = len(found) == 1 and found[0].kind == "assign" and found[0].value is not None
        return fixed_start(module, taint, found[0].value, depth + 1) if plain else _HOLE  # type: ignore[arg-type]
    if isinstance(node, ast.Call) and module.dotted(node.func) == "urllib.request.Request":
        return fixed_start(module, taint, node.args[0], depth + 1) if node.args else _HOLE
    return _built(module, taint, node, "") or "".join(_pieces(module, taint, node, ""))


def _built(module: Module, taint: Taint, node: ast.expr, family: str) -> str | None:
    """Return the text that ``node`` builds, a hole for each uncleaned part; ``None``: not text."""
    match node:
        case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
            return "".join(_pieces(module, taint, node, family))
        case ast.BinOp(op=ast.Mod(), left=left, right=right):
            text = module.constant(left)
            dynamic = taint.is_tainted(right, family)
            return _filled(text, r"%(\(\w+\))?[-+ #0-9.]*[sr]", dynamic)
        case ast.Call(func=ast.Attribute(attr="format" | "format_map", value=value)):
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            dynamic = any(taint.is_tainted(item, family) for item in values)
            return _filled(module.constant(value), r"\{\w*(![rsa])?(:[^{}]*)?\}", dynamic)
        case ast.Call(
            func=ast.Attribute(attr="join", value=value), args=[ast.List() | ast.Tuple() as parts]
        ):
            joint = module.constant(value)
            pieces = ("".join(_pieces(module, taint, part, family)) for part in parts.elts)
            return joint.join(pieces) if isinstance(joint, str) else None
    return None


def _filled(text: object, holes: str, dynamic: bool) -> str | None:  # noqa: FBT001 - a plain fact
    if not isinstance(text, str):
        return None
    return re.sub(holes, _HOLE if dynamic else _OTHER, text)


def _pieces(module: Module, taint: Taint, node: ast.expr, family: str) -> Iterator[str]:
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
            pending += [part.right, part.left]
        elif isinstance(part, ast.JoinedStr):
            pending += reversed(part.values)
        elif isinstance(part, ast.FormattedValue):
            pending.append(part.value)
        else:
            value = module.constant(part)
            if value is not None:
                yield str(value)
            else:
                yield _HOLE if taint.is_tainted(part, family) else _OTHER
