"""The capability policy, judged without analysers."""

from __future__ import annotations

import time

import pytest

from pytest_compiledai.core.source import Source
from pytest_compiledai.gates import security


def rules(code: str, *capabilities: str) -> set[str]:
    source = Source(data=code.encode(), path="a.py")
    found = security.inspect(source, capabilities=frozenset(capabilities))
    return {item.rule.removeprefix("security.") for item in found}


# Ways out of a policy that trusts names or spells them; each must have at least this finding.
ESCAPES = [
    ("def f(x): return ().__class__.__bases__[0].__subclasses__()", "dunder"),
    ("def f(x): return getattr(x, '__cla' + 'ss__')", "reflection"),
    ("def f(x): return (lambda: 0).__globals__", "dunder"),
    ("def f(x): return str.format(x, x)", "format"),
    ("def f(x): return list(map('{0.x}'.format, x))", "format"),
    ("import json\ndef f(x): return json.codecs.open(x)", "member"),
    ("import re\nm = re\ndef f(x): return m.enum.sys", "module-value"),
    ("import typing\ndef f(x): return typing.sys.modules", "member"),
    ("from collections import abc\ndef f(x): return abc.sys", "member"),
    ("import collections\ndef f(x): return collections._sys.modules", "member"),
    ("from urllib import parse\ndef f(x): return parse.sys", "member"),
    ("import urllib.parse\ndef f(x): return urllib.request.urlopen(x)", "member"),
    ("def f(x):\n    match x:\n        case object(__class__=c): return c", "dunder"),
    ("def f(x):\n    match x:\n        case str(f_back=c): return c", "frame"),
    ("def f(x):\n    match x:\n        case {'a': 1, **rest}: return rest", "tool"),
    ("class K:\n    A = 1\ndef f(x):\n    match x:\n        case {K.A: c}: return c", "tool"),
    (f"N = 0x{'f' * 1025}\ndef f(x): return x % N", "size"),
    ("def f(x):\n    g = (i for i in [1])\n    return g.gi_frame.f_back", "frame"),
    ("@(lambda g: eval)\ndef f(x): return x", "builtin"),
    ("def f(x, y=open): return y(x)", "builtin"),
    ("f = open\nopen = 1", "builtin"),
    ("open = 3\ndel open\ndef f(x): return open(x)", "builtin"),
    ("class A:\n    f = open\n    open = 1", "builtin"),
    ("g = getattr\ndef getattr(a, b): return a", "reflection"),
    ("def f(x): return list(map(getattr, [x], ['a']))", "reflection"),
    ("def f(x): return type('A', (), {})", "reflection"),
    ("def g(self): return self._private", "private"),
    ("import operator\ndef f(x): return operator.attrgetter('a')(x)", "member"),
    ("import string\ndef f(x): return string.Formatter().format(x)", "member"),
    ("import functools\ndef f(x): return functools.partial(f).func.__code__", "dunder"),
    ("import hashlib\ndef f(x): return hashlib.new('md5', x)", "member"),
    ("def f(x): return hash(x)", "builtin"),
    ("class A:\n    def __hash__(self): return hash(hash('a'))", "builtin"),
    ("class A:\n    def __hash__(self): return [hash('a')]", "builtin"),
    ("class A:\n    @property\n    def __hash__(self): return hash('a')", "builtin"),
    ("class A:\n    def __hash__(self): return (lambda: hash('a'))", "builtin"),
    ("class A:\n    def __hash__(self): return hash('a')\n    __int__ = __hash__", "builtin"),
    ("class A(str):\n    def leak(self): return super().__hash__()", "dunder"),
    ("class A:\n    __class__ = int", "class"),
    ("class A:\n    def __getattr__(self, n): return 1", "class"),
    ("import json\njson.dumps = 1", "module-level"),
    ("import json\ndef f(x):\n    json.x = 1", "mutation"),
    ("def f(x):\n    int.a = 3", "mutation"),
    ("def f(x):\n    f.n = 1", "mutation"),
    ("T = {'a': []}\ndef f(x):\n    row = T['a']\n    row.append(x)", "mutation"),
    ("T = {'a': []}\ndef f(x):\n    for row in T.values():\n        row.append(x)", "mutation"),
    ("import itertools\nC = itertools.count()\ndef f(x): return next(C)", "module-level"),
    ("from datetime import date\ndef f(x):\n    g = date.today\n    return g()", "clock"),
    ("from datetime import datetime\ndef f(x): return datetime.fromtimestamp(x)", "clock"),
    ("import uuid\ndef f(x): return uuid.uuid4()", "member"),
    ("def f(x): raise SystemExit(0)", "builtin"),
    ("def f(x):\n    q = 'SELECT a FROM t '\n    q += 'WHERE a=' + x\n    return q", "sql"),
    ("def f(x): return 'DELETE FROM t WHERE a={}'.format(x)", "sql"),
    ("def f(x): return ' '.join(['SELECT', x, 'FROM t'])", "sql"),
    ("import re\ndef f(x): return re.compile('|'.join(x))", "pattern"),
    ("import re\nP = '(a+)+$'\ndef f(x): return re.match(P, x)", "backtracking"),
]


@pytest.mark.parametrize(("code", "rule"), ESCAPES)
def test_ways_out_are_closed(code: str, rule: str) -> None:
    """Each known way from pure code to more than that has its finding."""
    assert rule in rules(code)


@pytest.mark.parametrize(
    ("grant", "code", "rule"),
    [
        ("module:os", "import os\ndef f(x): return os.system('a')", "member"),
        ("module:os", "from os import system", "member"),
        ("module:os", "import os\ndef f(x): return os.abc", "member"),
        ("module:os", "import os\ndef f(x): return os.listdir(x)", "path"),
        ("module:subprocess", "import subprocess\ndef f(x): return subprocess.os", "member"),
        ("module:subprocess", "import subprocess\ndef f(x): return subprocess.run([x])", "shell"),
        ("module:pickle", "import pickle\ndef f(x): return pickle.loads(x)", "member"),
        ("module:random", "import random as r\ndef f(x): return [r]", "module-value"),
        ("module:ctypes", "import ctypes", "import"),
        ("module:importlib", "import importlib", "import"),
        ("module:requests", "import requests", "import"),
        (
            "module:sqlite3",
            "import sqlite3\ndef f(x): return sqlite3.connect('a').execute(x)",
            "sql",
        ),
    ],
)
def test_a_grant_opens_a_door_and_not_every_use(grant: str, code: str, rule: str) -> None:
    """With a capability granted, its dangerous members, neighbours and sinks stay closed."""
    assert rule in rules(code, grant)


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        ("module:os", "import os\ndef f(x): return os.path.join('a', os.getcwd())"),
        ("module:os", "from os import getcwd\ndef f(x): return getcwd()"),
        ("module:os", "import os\ndef f(x): return os.stat('b')"),
        ("module:time", "import time\ndef f(x): return time.time()"),
        ("module:glob", "import glob\ndef f(x): return glob.glob('a')"),
        ("module:xml", "import xml.etree.ElementTree as ET\ndef f(x): return ET.Element('a')"),
        ("module:os.path", "import os.path\ndef f(x): return os.path.join('a', 'b')"),
        ("clock", "def f(x, *, clock): return clock.now()"),
    ],
)
def test_a_grant_opens_what_it_says(grant: str, code: str) -> None:
    """A granted module or parameter can be used, and without the grant it cannot."""
    assert rules(code, grant) == set()
    assert rules(code) != set()


def test_findings_are_sorted_and_placed() -> None:
    """Findings come in the order of the lines, with the path that was given."""
    source = Source(data=b"import os\n\n\ndef f(x):\n    return eval(x)\n", path="made/a.py")

    found = security.inspect(source, capabilities=frozenset())

    assert [(item.rule, item.line) for item in found] == [
        ("security.import", 1),
        ("security.builtin", 5),
        ("security.code", 5),
    ]
    assert {item.path for item in found} == {"made/a.py"}
    assert found[1].message.startswith("line 5: found 'eval'; expected ")


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "-" * 3_000 + "1",
        "x = 1" + " + 1" * 900,
        "x = a" + ".b" * 1_500,
    ],
)
def test_text_that_breaks_parsers_is_a_finding(code: str) -> None:
    """What the parser gives up on is refused, not raised."""
    assert rules(code) & {"nesting", "parse"}


def test_odd_escapes_raise_no_warning() -> None:
    """An invalid escape in generated text is no warning of the run."""
    assert rules('X = "\\d"\n') == set()


HARMLESS = '''"""Route tickets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field
from datetime import date
from datetime import datetime
from decimal import ROUND_HALF_UP
from decimal import Decimal
from functools import lru_cache
from typing import Literal
from typing import NotRequired
from typing import TypedDict


class Ticket(TypedDict):
    id: int
    subject: str
    due: NotRequired[str]
    plan: Literal["free", "pro"]


_BILLING = re.compile(r"\\b(invoice|refund|charge[ds]?)\\b", re.IGNORECASE)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (("billing", _BILLING),)
_WEIGHTS: dict[str, float] = {"billing": 1.5}
_FORMATS = ("%Y-%m-%d", "%d.%m.%Y")


class Key(str):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        if self.isupper():
            return super().__hash__()
        return hash(self.lower())


@dataclass(frozen=True)
class Line:
    amount: Decimal = Decimal("0")
    tags: list[str] = field(default_factory=list)

    @property
    def cents(self) -> int:
        return int((self.amount * 100).to_integral_value(rounding=ROUND_HALF_UP))


@lru_cache(maxsize=None)
def _day(raw: str) -> date | None:
    for form in _FORMATS:
        try:
            return datetime.strptime(raw.strip(), form).date()
        except ValueError:
            continue
    return None


def route(data: Ticket) -> dict[str, object]:
    text = f"Please select an option from {data['subject']} and update it"
    if not text.strip():
        raise Abstain("empty ticket")
    scores = {name: len(found.findall(text)) * _WEIGHTS.get(name, 1.0) for name, found in _PATTERNS}
    best = max(sorted(scores), key=lambda name: scores[name])
    words = sorted({word.lower() for word in text.split()})
    due = _day(data.get("due", ""))
    limit = _WEIGHTS["billing"]
    limit += 1
    label = "{} of {:.2f}".format(best, limit)
    greeting = "Dear " + data["subject"] + ", your order where item = 3"
    link = "/users/" + data["subject"]
    late = due is not None and due < date(2024, 1, 1)
    return {"a": best, "b": words, "c": late, "d": Line().cents, "e": label, "f": greeting + link}
'''


def test_ordinary_generated_code_passes() -> None:
    """Typed dictionaries, tables, compiled patterns, dates, decimals and f-strings pass."""
    assert rules(HARMLESS) == set()


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n" + "    a = a + a\n" * 3_900,
        "def f(x):\n" + "    y = a.b.c.d\n" * 3_900,
        "def f(x):\n" + "".join(f"    a{n} = a{n + 1}\n" for n in range(3_500)),
        "def f(x):\n" + ("    y = '" + "SELECT " * 500 + "' + x\n") * 16,
        "from enum import Enum\nclass B(Enum):\n"
        + "    a = 1\n" * 1_500
        + "def f(x):\n"
        + "    a = B\n" * 2_000,
        "from random import Random\ndef f(x):\n" + "    a.seed(1)\n" * 3_900,
        "class A:\n    pass\n"
        + "".join(f"class B{n}(B{n - 1}, B{n - 2}, A):\n    pass\n" for n in range(1_000))
        + "def f(x):\n    B999.now()\n",
        "import re\n"
        + "".join(f"A{n} = re.compile(r'(?:[a-z]{{0,9}})*{n}')\n" for n in range(900)),
    ],
)
def test_hostile_code_is_judged_in_bounded_time(code: str) -> None:
    """No module of the largest size takes more than seconds, whatever it repeats."""
    start = time.process_time()  # not the wall's: a busy neighbour is no fault of the gate

    rules(code)

    assert time.process_time() - start < 10
