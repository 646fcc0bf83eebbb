"""The accuracy rule accepts rounding and refuses anything that NaN could hide."""

from __future__ import annotations

import pytest

from pytest_compiledai.kernels import families
from pytest_compiledai.kernels.accuracy import Right
from pytest_compiledai.kernels.accuracy import compare

torch = pytest.importorskip("torch")


def compared(found):
    contract = families.family("softmax").contract({"N": 8, "R": 1})
    truth = {"out": torch.arange(1.0, 9.0, dtype=torch.float64)[None]}
    eager = {"out": truth["out"].float()}
    right = Right(
        truth=truth, eager=eager, other_truth=truth, other_eager=eager, moved=[truth, truth]
    )
    return [wrong.rule for wrong in compare(contract, {"out": found}, right, "float32").wrong]


def base():
    return torch.arange(1.0, 9.0)[None]


def test_one_rounding_is_right():
    """A step of the format is within the floor."""
    assert compared(base() * (1 + 2**-24)) == []


def test_an_error_above_the_limit_is_wrong():
    """A thousandth off is beyond rounding."""
    assert "accuracy.error" in compared(base() * 1.001)


def test_an_answer_of_nan_is_wrong():
    """NaN where the truth has a number is a finding, not a comparison that is never true."""
    assert compared(base() * float("nan")) == ["accuracy.nan"]


def test_one_bad_element_is_wrong():
    """An element far off is refused by its own bound."""
    found = base()
    found[0, 0] = 1.00001

    assert "accuracy.element" in compared(found)


def test_an_infinite_answer_is_wrong():
    """A number beyond the format is no answer."""
    found = base()
    found[0, 3] = float("inf")

    assert compared(found) == ["accuracy.infinite"]
