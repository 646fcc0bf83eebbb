"""Loads generated code inside the wall and turns what it raises into one safe line."""

from __future__ import annotations

import marshal
import sys
import types
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .guard import builtins_for
from .modules import ALLOWED

DETAIL_CAP = 300
#: Where production finds an artifact: no text that names a class may tell the sandbox from it.
PACKAGE = "compiled"


# As production defines it, word for word: its docstring can be read.
class Abstain(Exception):
    """An artifact's refusal to answer one input; ``reason`` says why."""

    __module__ = PACKAGE

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


def compiled(source: bytes, function: str) -> bytes:
    """Return the code of a program's module, marshalled; raises what the compiler raises."""
    code = compile(source, f"<{function}>", "exec", dont_inherit=True, optimize=0)
    return marshal.dumps(code)


def load(
    code: bytes, function: str, *, modules: tuple[str, ...], files: Mapping[str, bytes]
) -> dict[str, Any]:
    """Return the names of a program after executing its module; raises what that raises.

    The function is among them.

    Every process executes what it reads from ``code``, the one that compiled it too: a constant
    set that was marshalled may be ordered in another way.
    """
    name = f"{PACKAGE}.{function}"
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses and typing look their module up there
    space = module.__dict__
    space["__builtins__"] = builtins_for(frozenset((*ALLOWED, *modules)))
    space["Abstain"] = Abstain
    if files:
        space["FILES"] = MappingProxyType(dict(files))
    exec(marshal.loads(code), space)  # noqa: S102, S302 - what a sandbox is for
    if not callable(space.get(function)):
        raise NameError(f"the module defines no function {function}")  # noqa: TRY004 - or is none
    return space


def describe(error: BaseException) -> str:
    """Return ``TypeName: message`` on one line; what a hostile ``__str__`` does is contained."""
    name: str = type.__dict__["__name__"].__get__(type(error))
    try:
        text = one_line(str(error))
    except BaseException:  # noqa: BLE001 - generated code defines __str__
        text = ""
    return f"{name}: {text}"[:DETAIL_CAP] if text else name[:DETAIL_CAP]


def reason(error: BaseException) -> str:
    """Return why a program abstained, on one line."""
    try:
        return one_line(str(error))
    except BaseException:  # noqa: BLE001 - generated code defines __str__
        return ""


def one_line(text: str) -> str:
    """Return ``text`` as a plain, capped, single line."""
    # Unbound, because a subclass of str may come back from a hostile __str__.
    plain = str.__getitem__(text, slice(0, DETAIL_CAP))
    return " ".join(plain.split())
