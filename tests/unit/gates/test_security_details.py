"""The policy rule by rule: what each form of a thing means."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security


def rules(code: str, *capabilities: str) -> set[str]:
    source = Source(data=code.encode(), path="a.py")
    found = security.inspect(source, capabilities=frozenset(capabilities))
    return {item.rule.removeprefix("security.") for item in found}


@pytest.mark.parametrize(
    "expression",
    [
        "list(set(x.split()))",
        "list({'a', x})",
        "tuple({w for w in x.split()} | {'a'})",
        "list(set(w.lower() for w in x))",
        "list(set([str(x)]).union(x))",
        "list(set(['a', 'b']))",
        "', '.join(set(x.lower()))",
        "list(set(f'{x}'))",
    ],
)
def test_order_of_visible_string_sets(expression: str) -> None:
    """A set of strings made a sequence has the finding; sorted, counted or made a set it has none."""
    assert rules(f"def f(x):\n    return {expression}") == {"order"}
    assert rules(f"def f(x):\n    return sorted({expression})") == set()


@pytest.mark.parametrize(
    "body",
    [
        "def f(x: set[str]):\n    return list(x)",
        "def f(x: str):\n    return list(set(x))",
        "def f(x: list[str]):\n    found = set(x)\n    return list(found)",
        "def f(x: str):\n    parts = x.split()\n    return list(set(parts))",
        "def f(x: list[str]):\n    return list({w for w in x})",
        "def f(x: str):\n    return list({x})",
        "def f(x: str):\n    return list(set((x, x)))",
    ],
)
def test_order_follows_names_and_annotations(body: str) -> None:
    """Strings are recognised through names and annotations."""
    assert rules(body) == {"order"}


@pytest.mark.parametrize(
    "body",
    [
        "def f(x: list[int]):\n    return list(set(x))",
        "def f(x):\n    return list(set(x))",
        "def f(x):\n    return list({1, 2})",
        "def f(x: list[int]):\n    y = set(x)\n    y = set(y)\n    return list(y)",
        "def f(x):\n    return list({a for a, b in x})",
        "def f(x):\n    return list({a for a in x})",
        "def f(x):\n    return x.join(x)",
    ],
)
def test_order_of_numbers_and_unknowns(body: str) -> None:
    """Sets of numbers, and of what the text does not tell, are left to the sandbox."""
    assert rules(body) == set()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("class A(dict):\n    def __init__(self):\n        super().__init__()", set()),
        (
            "class A(dict):\n    def __getitem__(self, k):\n        return super().__getitem__(k)",
            set(),
        ),
        ("def f(x): return x.__class__.__name__", set()),
        ("def f(x): return x.__class__", {"dunder"}),
        ("class A:\n    _n = 1\ndef f(x): return A._n", set()),
        ("class A:\n    def f(self, other): return other._n", set()),
        ("class A:\n    def format(self): return ''\n    def g(self): return self.format()", set()),
        (
            "class A:\n    @staticmethod\n    def format(x): return x\ndef f(x): return A.format(x)",
            set(),
        ),
        ("def f(x): return x.y.format(1)", {"format"}),
        ("def f(x): return '{'.format(x)", set()),
        ("class A:\n    __slots__ = ('a',)", set()),
        ("class A:\n    __slots__: tuple[str, ...] = ('a',)", set()),
        ("class A:\n    __secret__: int = 1", {"class"}),
        ("class A:\n    def __add__(self, o): return o\n    __radd__ = __add__", set()),
        ("from abc import ABCMeta\nclass A(metaclass=ABCMeta):\n    pass", set()),
        ("class A(**{}):\n    pass", {"class"}),
        ("import typing\nX = typing.TYPE_CHECKING", {"member", "suppression"}),
        ("import re\nX = re.TYPE_CHECKING", {"member", "suppression"}),
        ("def f(x): return f.no_type_check", {"suppression"}),
        ("__all__ = ['f']", {"rebinding"}),
        ("X = __name__", {"builtin"}),
        ("def f(y):\n    async for x in y: pass\n", {"async"}),
        ("async def f(y):\n    return [x async for x in y]", {"async"}),
        ("pass", set()),
        ("...", set()),
        ("'a' 'b'", set()),
        ("len('a')", {"module-level"}),
        ("X = Y = 1", set()),
        ("class A:\n    x: int", set()),
        ("def f(x):\n    while True:\n        def g():\n            return 1\n", {"loop"}),
        ("def f(x):\n    while True:\n        for y in x:\n            break\n", {"loop"}),
        ("def f(x):\n    while True:\n        yield x\n", set()),
        ("import itertools\ndef f(x):\n    for y in itertools.repeat(1): pass", {"loop"}),
        ("import itertools\ndef f(x):\n    for y in itertools.repeat(1, 3): pass", set()),
        (
            "import itertools\ndef f(x):\n    for y in itertools.count():\n        if y: break",
            set(),
        ),
        ("from random import Random\ndef f(x): return Random(7).random()", set()),
        ("from datetime import datetime\ndef f(x): return x.astimezone()", {"clock"}),
        ("def f(x): return x.now()", {"clock"}),
        ("class A:\n    def now(self): return 1\n    def g(self): return self.now()", set()),
        ("def f(x):\n    type(x).a = 1", {"mutation"}),
        ("def f(x, *, y=[]):\n    y.append(x)", {"mutation"}),
        ("def f(x, y=dict()):\n    y['a'] = x", {"mutation"}),
        ("def f(x, y=[]):\n    y = list(y)\n    y.append(x)", set()),
        ("def f(x, y=[]):\n    y += [x]", {"mutation"}),
        ("L = {'a': 1}\ndef f(x):\n    n = L['a']\n    n += 1\n    return n", set()),
        ("L = {'a': 1}\ndef f(x):\n    n = dict(L)\n    n['b'] = 1\n    return n", set()),
        ("import heapq\nH = [1]\ndef f(x):\n    heapq.heappush(H, x)", {"mutation"}),
        ("def f(x):\n    x.items = 1\n    x.a.b[0] = 2\n    del x[0]", set()),
        ("Token = 'AKIAABCDEFGHIJKLMNOP'", {"secret"}),
        ("X = b'-----BEGIN RSA PRIVATE KEY-----'", {"secret"}),
        ("X = 'postgres://me:hunter2@db.example/x'", {"secret"}),
        ("def f(g): return g(password='Tr0ub4dor&3')", {"secret"}),
        ("def f(x):\n    x.api_key = 'a1b2c3d4'", {"secret"}),
        ("api_key: str = 'a1b2c3d4'", {"secret"}),
        ("password = ''", set()),
        ("password = 'required'", set()),
        ("def f(x): return x.password == x.other", set()),
        ("X = 'aG9sZCB0aGUgbGluZSBhbmQgd2FpdCBmb3IgTWU5'", {"secret"}),
        ("X = 'the quick brown fox jumps over the lazy dog again'", set()),
        ("X = {**{}, 'secret': f'x'}", set()),
        ("def f(x): return 'select id from t where a=' + x", {"sql"}),
        ("def f(x): return f'Please select {x} from the list'", set()),
        ("def f(x): return f'Update the set of {x}'", set()),
        ("def f(x): return f'where is {x}?'", set()),
        ("def f(x): return f'{x} < 3 and {x} > 2'", set()),
        ("def f(x): return f'<{x}>'", set()),
        ("def f(x): return '<p>%s</p>' % x", {"markup"}),
        ("def f(x): return '<p>%d</p>' % len(x)", set()),
        ("def f(x): return 'https://' + x", set()),
        ("def f(x): return f'https://{x}/a'", {"redirect"}),
        ("def f(x): return f'https://api.example/{x}'", set()),
        ("def f(x): return 'find ' + x", set()),
        ("def f(x): return 'find -name ' + x", {"shell"}),
        ("def f(x): return f'/etc/{x}'", {"path"}),
        ("def f(x): return f'/users/{x}'", set()),
        ("def f(x): return f'{{{{ {x} }}}}'", {"template"}),
        ("import re\ndef f(x): return re.search(pattern=x, string='a')", {"pattern"}),
        ("import re\ndef f(x): return re.search(*x)", {"pattern"}),
        ("import re\ndef f(x): return re.compile()", set()),
        (
            "class A[T]:\n    x: T\ndef f[T](x: T) -> T:\n    return x\ntype P = list[int]",
            {"parse"},
        ),
    ],
)
def test_one_form_one_meaning(code: str, expected: set[str]) -> None:
    """Each form has exactly the findings of its rule, or none."""
    found = rules(code)

    # Type parameters are new in Python 3.12.
    assert found == expected or (expected == {"parse"} and "[T]" in code and found == set())


def test_flags_of_granted_calls() -> None:
    """A check switched off is a finding where its keyword stands, spread keywords are looked at."""
    grant = "module:subprocess"
    run = "import subprocess\ndef f(x): return subprocess.run("

    assert rules(f"{run}['ls'], shell=True)", grant) == {"shell"}
    assert rules(f"{run}['ls'], shell=False)", grant) == set()
    assert rules(f"{run}**x)", grant) == {"shell"}
    assert rules(f"{run}['ls'], input=x)", grant) == set()
