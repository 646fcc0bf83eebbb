"""What generated code sees of the interpreter: builtins without doors, and a capped print.

This is a courtesy and a tripwire, not the wall: Python code can reach around it, and then meets
the lock-down.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

#: Builtins that generated code does not get.
WITHHELD = ("open", "exec", "eval", "compile", "input", "breakpoint", "help", "exit", "quit")


def builtins_for(allowed: frozenset[str]) -> dict[str, Any]:
    """Return the builtins of a program that may import the modules ``allowed``."""
    names = dict(vars(builtins))
    for name in WITHHELD:
        names.pop(name, None)
    names["__import__"] = import_guard(allowed)
    return names


def import_guard(allowed: frozenset[str]) -> Callable[..., Any]:
    """Return an ``__import__`` that gives the modules ``allowed`` and nothing else."""
    load, loaded = builtins.__import__, sys.modules

    def guarded(
        name: str,
        globals: Any = None,  # noqa: A002, ARG001 - the signature of __import__
        locals: Any = None,  # noqa: A002, ARG001 - the signature of __import__
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        # The interpreter's own late imports (strptime, strftime) come through the caller's
        # builtins, with a list where the import statement gives a tuple or None.
        inner = type(fromlist) is list and name in loaded
        if level or not (name in allowed or inner):
            raise ImportError(f"module {name!r} may not be imported")
        return load(name, None, None, fromlist, 0)

    return guarded


class Sink:
    """Stands for standard output and error: counts what is printed, keeps nothing.

    Printing more than ``cap`` characters during one call raises ``OSError``.
    """

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.taken = 0

    def write(self, text: str) -> int:
        """Count ``text`` and drop it."""
        self.taken += len(text)
        if self.taken > self.cap:
            raise OSError(f"printed more than {self.cap} characters")
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is kept."""

    def isatty(self) -> bool:
        """Return False: this is no terminal."""
        return False
