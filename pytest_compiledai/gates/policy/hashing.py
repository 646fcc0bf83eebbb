"""The hash of a value: it may change from run to run, so nobody may see it.

`__hash__` may ask for one and give it back at once, as sets and dicts want it. Nothing can read
`__hash__` itself, so the number goes no further; the order of a set is judged as for any set.
"""

from __future__ import annotations

import ast

from pytest_compiledai.gates.policy.module import Module

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def is_given_back(module: Module, function: ast.expr) -> bool:
    """Return whether what a call of ``function`` gives is returned at once by a `__hash__`."""
    call = module.parents.get(function)
    if not (isinstance(call, ast.Call) and call.func is function):
        return False
    method = module.enclosing(call, _SCOPES)
    return (
        isinstance(module.parents.get(call), ast.Return)
        and isinstance(method, ast.FunctionDef)
        and method.name == "__hash__"
        and not method.decorator_list
        and isinstance(module.parents.get(method), ast.ClassDef)
    )
