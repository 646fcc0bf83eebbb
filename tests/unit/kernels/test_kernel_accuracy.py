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
    right = Right(truth=truth, eager=eager, beside=[(truth, eager)], moved=[truth, truth])
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


@pytest.mark.parametrize(
    ("answer", "rules"),
    [
        (float("inf"), []),
        (-float("inf"), ["accuracy.infinite"]),
        (3.0e38, ["accuracy.infinite"]),
        (float("nan"), ["accuracy.infinite"]),
    ],
)
def test_what_is_infinite_in_the_truth_is_so_in_the_answer(answer, rules):
    """The largest number is not, nor is the other sign."""
    contract = families.family("softmax").contract({"N": 8, "R": 1})
    truth = torch.arange(1.0, 9.0, dtype=torch.float64)[None]
    truth[0, 3] = float("inf")
    found = truth.float()
    found[0, 3] = answer
    right = Right(
        truth={"out": truth},
        eager={"out": truth.float()},
        beside=[({"out": truth}, {"out": truth.float()})],
        moved=[{"out": truth}],
    )

    wrong = compare(contract, {"out": found}, right, "float32").wrong

    assert [one.rule for one in wrong] == rules


def rounded(errors):
    """Return what the framework's path says where it is off by each of ``errors`` in turn."""
    truth = torch.ones((1, 256), dtype=torch.float64)
    first, *others = [(truth, truth + error) for error in errors]
    contract = families.family("softmax").contract({"N": 256, "R": 1})
    right = Right(
        truth={"out": truth},
        eager={"out": first[1]},
        beside=[({"out": true}, {"out": said}) for true, said in others],
        moved=[{"out": truth}],
    )
    return lambda found: compare(contract, {"out": truth + found}, right, "float32")


def test_an_error_that_a_row_shares_scatters_as_one_number():
    """One error in a whole row is one chance, however many elements it moves."""
    share = torch.randn((1, 256), generator=torch.Generator().manual_seed(1)).double() * 1e-5
    held = rounded([share, share * 0.2, share * -0.5, share * 1.3])

    assert held(share * -6.0).share < 1.0 < held(share * -8.0).share


def test_errors_that_are_independent_scatter_little():
    """Of 256 errors of their own the norm is near its mean: thrice the framework's is too much."""
    seeds = torch.Generator().manual_seed(1)
    errors = [torch.randn((1, 256), generator=seeds).double() * 1e-5 for _ in range(5)]
    held = rounded(errors[:4])

    assert held(errors[4] * 1.9).share < 1.0 < held(errors[4] * 3.0).share
