"""Splits by hash, and the shares behind them."""

from __future__ import annotations

from collections import Counter

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Shares
from pytest_compiledai.core.split import Split


def place(*keys: str | int) -> Place:
    return Place(path=".".join(["s.yaml", *map(str, keys)]))


def test_assignment_is_pinned() -> None:
    """The split of a key is the same on every machine and in every version."""
    shares = Shares()

    found = [shares.assign(f"row {number}".encode()) for number in range(6)]

    # Their SHA-256 begin 973b, 96e3, 39f8, bb85, 4527, 2b33.
    assert found == ["validation", "validation", "train", "test", "train", "train"]


def test_shares_are_met() -> None:
    """Many keys divide close to the shares."""
    count = Counter(Shares().assign(str(number).encode()) for number in range(10_000))

    assert abs(count[Split.TRAIN] - 5000) < 200
    assert abs(count[Split.VALIDATION] - 2000) < 200
    assert abs(count[Split.TEST] - 3000) < 200


@pytest.mark.parametrize("only", list(Split))
def test_a_share_of_zero_gets_nothing(only: Split) -> None:
    """With the whole share on one split, every key goes there."""
    shares = Shares(**{split.value: float(split is only) for split in Split})

    assert {only} == {shares.assign(str(number).encode()) for number in range(200)}


def test_parses_what_a_spec_states() -> None:
    """The three keys of a spec are the shares, whole numbers too."""
    data = {"test": 1, "train": 0, "validation": 0.0}

    assert Shares(train=0, validation=0, test=1) == Shares.parse(data, place)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"train": 0.5, "test": 0.5}, "s.yaml: found the keys train, test; expected the three"),
        (0.5, "s.yaml: found 0.5; expected the three keys"),
        ({"train": 0.5, "validation": 0.2, "test": 0.4}, "found shares that add up to 1.1"),
        ({"train": 1.5, "validation": -0.5, "test": 0}, "s.yaml.train: found 1.5"),
        ({"train": True, "validation": 0, "test": 0}, "s.yaml.train: found True"),
        ({"train": float("nan"), "validation": 0, "test": 1}, "s.yaml.train: found nan"),
        ({"train": "1", "validation": 0, "test": 0}, "s.yaml.train: found '1'"),
    ],
)
def test_refuses_other_shares(data: object, message: str) -> None:
    """Shares that are no shares are errors at their line."""
    with pytest.raises(SpecError) as caught:
        Shares.parse(data, place)

    assert message in str(caught.value)


@pytest.mark.parametrize("train", [0.6, -0.5, float("nan")])
def test_shares_keep_their_promise(train: float) -> None:
    """Shares that do not add up cannot be made at all."""
    with pytest.raises(ValueError):
        Shares(train=train)


def test_a_rounding_error_in_the_sum_is_no_error() -> None:
    """Three decimals that miss 1 by floating point are accepted."""
    assert Shares(train=0.1, validation=0.2, test=0.7 - 1e-12).test < 0.7
