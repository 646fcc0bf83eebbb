"""Several programs in one module."""

from __future__ import annotations

import pytest

from pytest_compiledai.functions.joining import NotJoined
from pytest_compiledai.functions.joining import joined

ONE = '''\
"""Doubles."""

import re
from decimal import Decimal

_NUMBER = re.compile(r"\\d+")  # the number, _NUMBER
ONLY = 1


class Found(NamedTuple):
    value: Decimal


def _read(text: str) -> Found:
    return Found(value=Decimal(_NUMBER.findall(text)[0]))


def twice(data: Any) -> Any:
    return {"m": f"{_read(data['n']).value} {_NUMBER.pattern}"}
'''
TWO = """\
import re

_NUMBER = re.compile(r"[0-9]")


def _read(text: str, value: int = 1) -> int:
    return len(_NUMBER.sub("", text)) + value


def twice(data: Any) -> Any:
    return {"m": _read(data["n"], value=2)}
"""
LAST = "def twice(data: Any) -> Any:\n    return twice_a(data), twice_b(data)\n"


def test_equal_names_are_told_apart_and_others_stay():
    """Only what both define gets a letter; comments, layout and the rest stay as written."""
    module = joined([ONE, TWO], LAST)

    assert '_NUMBER_A = re.compile(r"\\d+")  # the number, _NUMBER\nONLY = 1\n' in module
    assert "class Found(NamedTuple):\n    value: Decimal\n" in module
    assert 'return {"m": f"{_read_a(data[\'n\']).value} {_NUMBER_A.pattern}"}' in module
    assert 'return {"m": _read_b(data["n"], value=2)}' in module
    assert module.endswith(LAST)


def test_imports_are_written_once_and_stand_first():
    """What both import is imported once; the docstring of one program is none of the module's."""
    module = joined([ONE, TWO], LAST)

    assert module.startswith("import re\nfrom decimal import Decimal\n")
    assert 1 == module.count("import re")
    assert "Doubles" not in module


def test_a_name_that_the_other_takes_from_the_library_is_renamed():
    """A definition of one program must not stand in for what the other does not define."""
    own = "def fold(text: str) -> str:\n    return text\n\n\ndef twice(data: Any) -> Any:\n"
    one = f"{own}    return fold(data)\n"
    two = "def twice(data: Any) -> Any:\n    return fold(data)\n"

    module = joined([one, two], LAST)

    assert "def fold_a(text: str)" in module
    assert "def twice_b(data: Any) -> Any:\n    return fold(data)\n" in module


@pytest.mark.parametrize(
    ("one", "why"),
    [
        ("import numbers as re\n\n\ndef twice(d: Any) -> Any:\n    return re\n", "two meanings"),
        ("from re import compile as re\n\n\ndef twice(d: Any) -> Any: ...\n", "two meanings"),
        (
            (
                "def _read(x: Any) -> Any: ...\n\n\ndef twice(d: Any) -> Any:\n    _read = 1\n"
                "    return _read\n"
            ),
            "'_read' has two meanings",
        ),
        (
            "def _read(x: Any) -> Any: ...\n\n\ndef twice(_read: Any) -> Any:\n    return _read\n",
            "'_read' has two meanings",
        ),
        (
            (
                "def _read(x: Any) -> Any: ...\n\n\nX = [_read for _read in ()]\n"
                "\n\ndef twice(d: Any) -> Any: ...\n"
            ),
            "'_read' has two meanings",
        ),
        (
            "_read_a = 1\n\n\ndef _read(x: Any) -> Any: ...\n\n\ndef twice(d: Any) -> Any: ...\n",
            "has two meanings",
        ),
        (
            "_read = 1\n\n\ndef twice(d: Any) -> Any:\n    global _read\n    _read = 2\n",
            "'_read' has two meanings",
        ),
    ],
)
def test_programs_with_a_doubt_are_not_joined(one, why):
    """A name that means two things is not guessed at: there is no module then."""
    with pytest.raises(NotJoined, match=why):
        joined([one, TWO], LAST)


def test_a_new_name_that_the_other_program_has_is_refused():
    """The letter must not make two names one."""
    other = f"{TWO}\n\ndef _read_a(x: Any) -> Any: ...\n"

    with pytest.raises(NotJoined, match="another program has"):
        joined([ONE, other], LAST)


def test_a_keyword_of_a_call_is_no_name():
    """`value=` names a parameter, whatever the module defines."""
    one = "value = 1\n\n\ndef twice(d: Any) -> Any:\n    return dict(value=value)\n"
    two = "value = 2\n\n\ndef twice(d: Any) -> Any:\n    return d.value + value\n"

    module = joined([one, two], LAST)

    assert "return dict(value=value_a)" in module
    assert "return d.value + value_b" in module
