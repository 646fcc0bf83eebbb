"""What generated code may touch: the closed list, and the recorded calls behind it."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.functions.capabilities import call_names
from pytest_compiledai.functions.capabilities import check_capability
from pytest_compiledai.functions.capabilities import granted_modules
from pytest_compiledai.functions.capabilities import handed_in
from pytest_compiledai.functions.capabilities import read_table

HERE = Place(path="x.yaml", line=4)
ALL = ("call:rates", "clock", "module:urllib.robotparser", "random")


@pytest.mark.parametrize("word", ALL)
def test_the_closed_list(word):
    """Four forms are capabilities."""
    check_capability(word, HERE)


@pytest.mark.parametrize(
    "word",
    [
        *("network", "Clock", "clock ", "module:", "module:Os", "module:a b", "call:", "call:a.b"),
        # Each call becomes a parameter beside `data`.
        *("*", "call:data", "call:clock", "call:random", "call:class"),
    ],
)
def test_nothing_else_is_a_capability(word):
    """Another word is refused at its line."""
    with pytest.raises(SpecError, match=r"x\.yaml:4: found the capability"):
        check_capability(word, HERE)


def test_each_form_goes_its_way():
    """Modules may be imported; the others are handed in as parameters."""
    table = {'{"n":1}': 2}

    assert granted_modules(ALL) == ("urllib.robotparser",)
    assert call_names(ALL) == ("rates",)
    assert handed_in(ALL, {"rates": table}) == {
        "clock": {"kind": "clock"},
        "random": {"kind": "random"},
        "rates": {"kind": "call", "table": table},
    }


def test_recorded_calls_are_found_by_canonical_input():
    """The order of keys in a line does not decide which call it is."""
    data = b'{"input": {"b": 1, "a": 2}, "output": "x"}\n{"output": null, "input": 7}\n'

    assert read_table(data, "t.jsonl") == {'{"a":2,"b":1}': "x", "7": None}


@pytest.mark.parametrize(
    "line",
    [b"not json", b"[1]", b'{"input": 1}', b'{"input": 1, "output": 2, "more": 3}', b""],
)
def test_a_call_that_cannot_be_read_is_told_at_its_line(line):
    """A broken recorded call is an error with its line, not a call that never happened."""
    with pytest.raises(SpecError, match=r"t\.jsonl:2"):
        read_table(b'{"input": 1, "output": 2}\n' + line + b"\n", "t.jsonl")


def test_one_input_has_one_answer():
    """Two answers to one input would make the replay depend on the order of lines."""
    with pytest.raises(SpecError, match=r"t\.jsonl:2"):
        read_table(b'{"input": 1, "output": 2}\n{"input": 1, "output": 3}\n', "t.jsonl")
