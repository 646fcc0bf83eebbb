"""What a program keeps from call to call, and what tells it that it is in the sandbox."""

from __future__ import annotations

import json

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.runtime import errors

INPUTS = [b'{"a":[1],"n":1}', b'{"a":[2],"n":2}']
COUNTED = """
import itertools
from functools import lru_cache

TICKS = (itertools.count(),)
TABLE = {"a": [1]}


class Meter:
    seen = []


@lru_cache(maxsize=2)
def box():
    return {}


def f(data):
"""


def kept(sandbox, source: str) -> object:
    with sandbox.open(Program(source=source.encode(), function="f")) as session:
        answer = session.kept(INPUTS)
    assert answer.status is Status.VALUE, answer
    return json.loads(answer.value)


def said(sandbox, source: str) -> object:
    with sandbox.open(Program(source=source.encode(), function="f")) as session:
        (answer,) = session.call(INPUTS[:1])
    return json.loads(answer.value)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("return data", []),
        ("return [x for x, _ in zip(TICKS[0], [1])]", ["TICKS"]),
        ("return Meter().seen.append(1)", ["Meter"]),
        ("return box().update({len(box()): 1})", ["box"]),
        ("return data['a'].append(1)", ["its input"]),
        ("f.calls = getattr(f, 'calls', 0) + 1", ["f"]),
        ("raise ValueError(TABLE['a'].append(1))", ["TABLE"]),
        ("return list(TABLE['a'])", []),
    ],
)
def test_what_calls_leave_changed_is_named(sandbox, body, names):
    """A cache, a constant, an iterator, a class, an input, a function; nothing where nothing is."""
    assert [names, []] == kept(sandbox, f"{COUNTED}    {body}\n")


@pytest.mark.parametrize(
    ("body", "name"), [("return box()", "box"), ("return {'table': TABLE}", "TABLE")]
)
def test_what_answers_share_with_the_module_is_named_apart(sandbox, body, name):
    """A cached value and a constant: whoever asked could change what others are told."""
    assert [[], [name]] == kept(sandbox, f"{COUNTED}    {body}\n")


def test_a_worker_that_ends_says_why_nothing_was_compared(sandbox):
    """Calls that end the worker give no list."""
    source = "import sys\ndef f(data):\n    sys.modules['os']._exit(0)\n"
    with sandbox.open(Program(source=source.encode(), function="f")) as session:
        answer = session.kept(INPUTS)

    assert Status.VALUE is not answer.status


def test_more_than_is_compared_is_told(sandbox):
    """A module that keeps millions of values is not said to be unchanged."""
    source = "T = [list(range(300_000)) for _ in range(8)]\ndef f(data):\n    return 1\n"
    with sandbox.open(Program(source=source.encode(), function="f")) as session:
        assert Status.TOO_LARGE is session.kept(INPUTS).status


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("class Box:\n        pass\n    return repr(Box)", "<class 'compiled.f.f.<locals>.Box'>"),
        ("return repr(Abstain)", "<class 'compiled.Abstain'>"),
        ("return Abstain.__doc__", errors.Abstain.__doc__),
        ("return Abstain('why').reason", "why"),
        ("try:\n        assert not data\n    except AssertionError:\n        return 1", 1),
    ],
)
def test_the_sandbox_looks_like_production(sandbox, body, expected):
    """Names, the given class and assertions are what production has."""
    assert expected == said(sandbox, f"def f(data):\n    {body}\n")


def test_a_second_reason_is_as_wrong_as_in_production(sandbox):
    """`Abstain` takes one reason, there as here."""
    source = b"def f(data):\n    raise Abstain('a', 'b')\n"
    with sandbox.open(Program(source=source, function="f")) as session:
        (answer,) = session.call(INPUTS[:1])

    assert Status.ERROR is answer.status
