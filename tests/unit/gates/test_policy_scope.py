"""Names, resolved by scope."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.policy.tree import Tree


def module(code: str) -> Module:
    return Module(Tree(ast.parse(code)), path="a.py", policy=policy(), capabilities=frozenset())


def last(found: Module, name: str) -> ast.Name:
    nodes = [n for n in found.nodes if isinstance(n, ast.Name) and n.id == name]
    return max(nodes, key=lambda node: (node.lineno, node.col_offset))


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        ("def f(input):\n    return input", "input", "function"),
        ("x = 1\ndef f():\n    return x", "x", "module"),
        ("def f():\n    return [y for y in (1, 2)]", "y", "comprehension"),
        ("def f():\n    [(z := y) for y in (1, 2)]\n    return z", "z", "function"),
        ("def f(v):\n    match v:\n        case [a, *b]:\n            return b", "b", "function"),
        (
            "def f(v):\n    match v:\n        case {**rest}:\n            return rest",
            "rest",
            "function",
        ),
        (
            "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n = 2\n    return n",
            "n",
            "function",
        ),
        ("f = lambda q: q", "q", "function"),
        ("try:\n    pass\nexcept ValueError as e:\n    e", "e", "module"),
        ("import a.b\na", "a", "module"),
    ],
)
def test_names_are_found_where_they_are_bound(code: str, name: str, kind: str) -> None:
    """Each form of binding puts the name into the scope Python puts it into."""
    found = module(code)

    scope = found.home(last(found, name))

    assert scope is not None
    assert scope.kind == kind


def test_class_names_are_invisible_in_methods() -> None:
    """A method does not see the names of its class."""
    found = module("class A:\n    secret = 1\n    def m(self):\n        return secret")

    assert found.home(last(found, "secret")) is None


@pytest.mark.parametrize(
    ("code", "name", "target"),
    [
        ("from datetime import datetime as d\nd", "d", "datetime.datetime"),
        ("import urllib.parse as p\np", "p", "urllib.parse"),
        ("import urllib.parse\nurllib", "urllib", "urllib"),
        ("len", "len", "builtins.len"),
        ("def f(len):\n    return len", "len", None),
        ("import json\njson = 1\njson", "json", None),
    ],
)
def test_dotted_names(code: str, name: str, target: str | None) -> None:
    """A name stands for its import or builtin, and for nothing once it is bound otherwise."""
    found = module(code)

    assert found.dotted(last(found, name)) == target


def test_constants_are_read_through_names() -> None:
    """A constant is found through a name, a sum of strings and an f-string of constants."""
    found = module('A = "x" + "y"\nB = f"{A}z"\nB')

    assert found.constant(last(found, "B")) == "xyz"


def test_changing_names_are_no_constants() -> None:
    """A name that is bound twice has no constant value."""
    found = module('A = "x"\nA = "y"\nA')

    assert found.constant(last(found, "A")) is None
