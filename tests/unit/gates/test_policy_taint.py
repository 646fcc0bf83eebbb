"""What carries the caller's text."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.gates.policy.module import Module
from pytest_compiledai.gates.policy.rulebook import policy
from pytest_compiledai.gates.policy.taint import Taint
from pytest_compiledai.gates.policy.tree import Tree

CHECKED = """
from urllib.parse import urlsplit
def checked(x):
    if x not in TABLE:
        raise ValueError
def plain(x):
    return x.isalnum()
def f(data):
    {check}
    return mark(data)
"""


def is_tainted(body: str, family: str = "") -> bool:
    """Whether the argument of the last call of ``mark`` is tainted for a family of sinks."""
    code = f"import re\nimport html\nTABLE = {{'a': 'b'}}\ndef mark(x):\n    return len(x)\n{body}"
    module = Module(Tree(ast.parse(code)), path="a.py", policy=policy(), capabilities=frozenset())
    calls = [
        node
        for node in module.nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "mark"
    ]
    return Taint(module).is_tainted(calls[-1].args[0], family)


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
        "TABLE[data]",
        "TABLE.get(data, '')",
        "data == 'a'",
        "'a' if data else 'b'",
    ],
)
def test_cleaned_and_constant_values(expression: str) -> None:
    """Numbers, escaped text, comparisons and answers of constant tables carry nothing."""
    assert not is_tainted(f"def f(data):\n    return mark({expression})")


@pytest.mark.parametrize(
    ("expression", "family", "other"),
    [
        ("re.escape(data)", "pattern", "sql"),
        ("html.escape(data)", "markup", "sql"),
        ("os.path.basename(data)", "path", "shell"),
        ("shlex.quote(data)", "shell", "path"),
        ("data.replace('\\n', '')", "log", "markup"),
    ],
)
def test_what_cleans_for_one_language_cleans_for_no_other(
    expression: str, family: str, other: str
) -> None:
    """A value that was escaped for one family of sinks is still dangerous in another."""
    body = f"import os\nimport shlex\nimport flask\ndef f(request):\n    data = request.a\n    return mark({expression})"

    assert not is_tainted(body, family)
    assert is_tainted(body, other)


@pytest.mark.parametrize(
    ("check", "family"),
    [
        ("if data not in TABLE:\n        raise ValueError", "sql"),
        ("if data.lower() not in ('a', 'b'):\n        data = 'a'", "shell"),
        ("if not data.isalnum():\n        return None", "path"),
        ("if re.fullmatch('[a-z]+', data) is None:\n        return None", "url"),
        ("if not all(c in 'abc' for c in data):\n        raise ValueError", "shell"),
        ("if '/' in data:\n        raise ValueError", "path"),
        ("if '<!' in data:\n        raise ValueError", "xml"),
        ("if urlsplit(data).hostname not in TABLE:\n        raise ValueError", "url"),
        ("if urlsplit(data).hostname != 'shop.example':\n        raise ValueError", "redirect"),
        ("checked(data)", "sql"),
        ("if not plain(data):\n        return None", "shell"),
    ],
)
def test_what_was_checked_is_clean(check: str, family: str) -> None:
    """A value that is turned away unless it passes a check carries nothing afterwards."""
    assert not is_tainted(CHECKED.format(check=check), family)


@pytest.mark.parametrize(
    ("check", "family"),
    [
        ("if data in TABLE:\n        raise ValueError", "sql"),
        ("assert data in TABLE", "sql"),
        ("if '/' in data:\n        raise ValueError", "sql"),
        ("if re.match('[a-z]+', data) is None:\n        return None", "url"),
        ("if data.rsplit('.')[-1] not in TABLE:\n        raise ValueError", "path"),
        ("if urlsplit(data).scheme not in ('https',):\n        raise ValueError", "url"),
        ("if data not in TABLE:\n        len(data)", "sql"),
        ("if data.startswith('/srv/'):\n        len(data)", "path"),
    ],
)
def test_what_only_looks_like_a_check_is_none(check: str, family: str) -> None:
    """Lists of what is forbidden, assertions and checks of a part leave a value as it is."""
    assert is_tainted(CHECKED.format(check=check), family)


def test_a_resolved_path_inside_its_folder_is_clean() -> None:
    """A path is clean once it was resolved and compared with its folder, not before."""
    body = "import os\ndef f(data):\n    path = {made}\n    if not path.startswith('/srv/'):\n        raise ValueError\n    return mark(path)"

    assert not is_tainted(body.format(made="os.path.realpath('/srv/' + data)"), "path")
    assert is_tainted(body.format(made="'/srv/' + data"), "path")


@pytest.mark.parametrize(
    "body",
    [
        "def f():\n    return mark(input())",
        "import sys\ndef f():\n    return mark(sys.argv[1])",
        "from flask import request\ndef f():\n    return mark(request.args['a'])",
        "class A:\n    def __init__(self, data):\n        self.data = data\n    def f(self):\n        return mark(self.data)",
        "def f(data):\n    parts = []\n    parts.append(data)\n    return mark(parts)",
        "def f(data):\n    row = {}\n    row['a'] = data\n    return mark(row)",
        "def f(data):\n    match data:\n        case [first, *_]:\n            return mark(first)",
        "def g(x):\n    return mark(x)\nif __name__ == '__main__':\n    g('a')",
        "def g(x):\n    return x\ndef f(data):\n    return mark(g(data))",
    ],
)
def test_where_text_comes_in_and_how_it_travels(body: str) -> None:
    """Requests, the terminal, attributes, containers, patterns and helpers carry it on."""
    assert is_tainted(body)


def test_only_requests_harm_a_log() -> None:
    """A plain parameter may be logged; what a request holds may not."""
    assert not is_tainted("def f(data):\n    return mark(data)", "log")
    assert is_tainted("def f(request):\n    return mark(request.data)", "log")


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
