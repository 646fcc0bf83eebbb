"""What carries the caller's text."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.policy.taint import Taint


def is_tainted(body: str) -> bool:
    """Whether the argument of the last call of ``mark`` is tainted."""
    code = f"import re\nimport html\nTABLE = {{'a': 'b'}}\ndef mark(x):\n    return len(x)\n{body}"
    module = Module(ast.parse(code), path="a.py", policy=policy(), capabilities=frozenset())
    calls = [
        node
        for node in module.nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "mark"
    ]
    return Taint(module).is_tainted(calls[-1].args[0])


@pytest.mark.parametrize(
    "expression",
    [
        "data",
        "data['a']",
        "data.get('a')",
        "data.strip().lower()",
        "f'<{data}>'",
        "'a' + data",
        "[data]",
        "{'a': data}",
        "data if data else ''",
        "' '.join(word for word in data)",
        "str(data)",
        "TABLE.get('a', data)",
    ],
)
def test_values_made_of_a_parameter(expression: str) -> None:
    """Whatever is built from a parameter carries it."""
    assert is_tainted(f"def f(data):\n    return mark({expression})")


@pytest.mark.parametrize(
    "expression",
    [
        "'constant'",
        "len(data)",
        "int(data)",
        "re.escape(data)",
        "html.escape(data)",
        "TABLE[data]",
        "TABLE.get(data, '')",
        "data == 'a'",
        "'a' if data else 'b'",
    ],
)
def test_cleaned_and_constant_values(expression: str) -> None:
    """Numbers, escaped text, comparisons and answers of constant tables carry nothing."""
    assert not is_tainted(f"def f(data):\n    return mark({expression})")


def test_names_are_followed() -> None:
    """A local name, a loop and a name that depends on itself pass the taint on."""
    body = "def f(data):\n    text = ''\n    for part in data:\n        text = text + part\n    return mark(text)"

    assert is_tainted(body)


def test_inner_functions_carry_what_they_are_given() -> None:
    """A function that only the module calls, with constants, carries nothing."""
    assert not is_tainted(
        "def g(x):\n    return mark(x)\ndef f(data):\n    return g('a') + len(data)"
    )
    assert is_tainted("def g(x):\n    return mark(x)\ndef f(data):\n    return g(data)")
    assert is_tainted("def g(x):\n    return mark(x)\ndef f(data):\n    return g(*['a'])")
    assert is_tainted("def g(x):\n    return mark(x) + g('a')")
    assert is_tainted(
        "def g(x):\n    return mark(x)\ndef f(data):\n    return g('a'), map(g, data)"
    )
