"""A comparator of the project's own, run in the sandbox."""

from __future__ import annotations

import pytest

from pytest_compiledai.gates.comparators import ComparatorFault
from pytest_compiledai.gates.comparators import in_sandbox
from pytest_compiledai.sandbox.native import NativeSandbox


@pytest.fixture(scope="module")
def sandbox():
    made = NativeSandbox()
    yield made
    made.close()


def test_it_gets_expected_and_got(sandbox):
    """The function is called with both values and its answer counts."""
    source = b"def near(expected, got):\n    return abs(expected - got) < 2\n"
    with in_sandbox(sandbox, source, "near") as compare:
        answers = [compare(5, 6), compare(5, 8)]

    assert answers == [True, False]


@pytest.mark.parametrize(
    "source",
    [
        b"def near(expected, got):\n    return 1\n",
        b"def near(expected, got):\n    return expected[got]\n",
        b"def other(expected, got):\n    return True\n",
        b"def near(expected, got)\n",
    ],
)
def test_anything_but_true_or_false_is_a_fault(sandbox, source):
    """Neither a truthy value nor an exception makes a row right."""
    with in_sandbox(sandbox, source, "near") as compare, pytest.raises(ComparatorFault):
        compare(5, 6)
