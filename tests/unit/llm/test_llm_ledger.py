"""The ledger: bounds hold across workers, and what may have been paid stays counted."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.llm.ledger import Amount
from pytest_compiledai.llm.ledger import Bounds
from pytest_compiledai.llm.ledger import Ledger
from pytest_compiledai.llm.ledger import Reservation
from pytest_compiledai.llm.ledger import Spent


def amount(tokens: int = 10, usd: str | None = "0.1") -> Amount:
    return Amount(tokens_in=tokens, tokens_out=0, usd=None if usd is None else Decimal(usd))


def opened(path: Path, *, tokens: int | None = None, usd: str | None = None) -> Ledger:
    ledger = Ledger(path / "ledger.json")
    ledger.open(Bounds(tokens=tokens, usd=None if usd is None else Decimal(usd)))
    return ledger


def test_what_is_settled_is_the_total(tmp_path: Path) -> None:
    """Tokens, exact money and calls add up over exchanges, each settled at what it cost."""
    ledger = opened(tmp_path)
    for cost in ("0.1", "0.2"):
        reservation = ledger.reserve(amount(1_000, "9"))
        ledger.settle(reservation, Amount(tokens_in=5, tokens_out=7, usd=Decimal(cost)))

    expected = Spent(tokens_in=10, tokens_out=14, usd=Decimal("0.3"), calls=2)
    assert expected == ledger.totals()


def test_nothing_is_spent_before_it_opens(tmp_path: Path) -> None:
    """A run that asked nobody has totals of nothing."""
    totals = Ledger(tmp_path / "ledger.json").totals()

    assert totals == Spent(tokens_in=0, tokens_out=0, usd=Decimal(0), calls=0)


@pytest.mark.parametrize(("tokens", "of"), [(100, 3), (2, 7), (10**9 + 1, 256), (5, 1)])
def test_parts_of_a_bound_are_the_whole_of_it(tokens: int, of: int) -> None:
    """No token is lost or lent twice, and dollars are rounded down."""
    whole = Bounds(tokens=tokens, usd=Decimal(1))

    parts = [whole.part(number, of) for number in range(1, of + 1)]

    assert tokens == sum(part.tokens for part in parts)
    assert max(part.tokens for part in parts) - min(part.tokens for part in parts) <= 1
    assert Decimal("0.95") <= sum(part.usd for part in parts) <= 1


def test_no_bound_has_no_parts() -> None:
    """Where nothing bounds the whole, nothing bounds a part."""
    assert Bounds(tokens=None, usd=None) == Bounds(tokens=None, usd=None).part(2, 3)


def test_a_bound_in_tokens_holds_to_the_last_one(tmp_path: Path) -> None:
    """What exactly fits is allowed, one token more is not."""
    ledger = opened(tmp_path, tokens=30)
    ledger.settle(ledger.reserve(amount(30)), amount(10))
    ledger.reserve(amount(20))

    with pytest.raises(BudgetSpent, match="found 31 tokens spent or set aside"):
        ledger.reserve(amount(1))


def test_a_bound_in_dollars_holds_to_the_last_cent(tmp_path: Path) -> None:
    """Money is decimal: three dimes are thirty cents, and no more fits."""
    ledger = opened(tmp_path, usd="0.3")
    for _ in range(3):
        ledger.settle(ledger.reserve(amount()), amount())

    with pytest.raises(BudgetSpent, match="--compile-budget-usd"):
        ledger.reserve(amount(1, "0.0001"))


def test_a_bound_in_dollars_needs_a_price(tmp_path: Path) -> None:
    """An amount that nobody can price is no amount of zero."""
    ledger = opened(tmp_path, usd="1")

    with pytest.raises(SettingsError, match="without a known price"):
        ledger.reserve(amount(1, None))


def test_without_a_bound_an_unpriced_model_is_counted(tmp_path: Path) -> None:
    """Tokens are counted without a price, and the total in dollars is unknown, not zero."""
    ledger = opened(tmp_path, tokens=100)
    ledger.settle(ledger.reserve(amount(5, None)), amount(4, None))
    ledger.settle(ledger.reserve(amount(5)), amount(4))

    assert ledger.totals().usd is None
    assert ledger.totals().tokens_in == 8


def test_a_release_gives_everything_back(tmp_path: Path) -> None:
    """An exchange that bought nothing leaves room and no call."""
    ledger = opened(tmp_path, tokens=10)
    ledger.release(ledger.reserve(amount(10)))

    ledger.reserve(amount(10))

    assert ledger.totals().calls == 0


def test_the_reservation_of_a_dead_worker_stays(tmp_path: Path) -> None:
    """What another object of the same file set aside counts, whether or not it comes back."""
    opened(tmp_path, tokens=10).reserve(amount(8))

    with pytest.raises(BudgetSpent):
        Ledger(tmp_path / "ledger.json").reserve(amount(3))


def test_what_others_set_aside_may_come_back(tmp_path: Path) -> None:
    """A refusal is final when the spent alone leaves no room, else it may be worth waiting."""
    ledger = opened(tmp_path, tokens=10)
    assert not ledger.may_fit_later(amount(5))
    reservation = ledger.reserve(amount(8))

    assert ledger.may_fit_later(amount(5))
    assert not ledger.may_fit_later(amount(11))
    ledger.settle(reservation, amount(8))
    assert not ledger.may_fit_later(amount(5))


@pytest.mark.parametrize("times", [0, 2])
def test_a_reservation_is_settled_once(tmp_path: Path, times: int) -> None:
    """A reservation that is none, or is settled again, is a fault told."""
    ledger = opened(tmp_path)
    reservation = ledger.reserve(amount()) if times else Reservation(id="none")
    if times:
        ledger.settle(reservation, amount())

    with pytest.raises(ModelError, match="no reservation"):
        ledger.settle(reservation, amount())


def test_it_opens_once(tmp_path: Path) -> None:
    """A second bill would forget what was spent under the first."""
    ledger = opened(tmp_path)

    with pytest.raises(ModelError, match="open already"):
        ledger.open(Bounds(tokens=None, usd=None))


def test_a_reservation_waits_for_the_bill(tmp_path: Path) -> None:
    """A worker that comes first waits, and goes on once the controller has opened the ledger."""
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            opened(tmp_path)

    Ledger(tmp_path / "ledger.json", sleep=nap).reserve(amount())

    assert len(naps) == 3


def test_a_bill_that_never_comes_is_told(tmp_path: Path) -> None:
    """A ledger that nobody opens ends the wait with an error, and nothing is asked."""
    ledger = Ledger(tmp_path / "ledger.json", opening_timeout_s=1.0, sleep=lambda _: None)

    with pytest.raises(ModelError, match="no open ledger after 1 s"):
        ledger.reserve(amount())


@pytest.mark.parametrize("data", [b"", b"{}", b'{"bounds": 1}', b"[]"])
def test_a_broken_ledger_allows_nothing(tmp_path: Path, data: bytes) -> None:
    """A file that cannot be read is an error, never an empty ledger."""
    ledger = opened(tmp_path)
    ledger.path.write_bytes(data)

    with pytest.raises(ModelError, match="the ledger as written"):
        ledger.reserve(amount())


def test_workers_share_one_bound(tmp_path: Path) -> None:
    """Of sixteen calls at once, no more are allowed than fit together."""
    opened(tmp_path, tokens=50)
    refused: list[BudgetSpent] = []

    def work() -> None:
        ledger = Ledger(tmp_path / "ledger.json")
        try:
            ledger.settle(ledger.reserve(amount(10)), amount(10))
        except BudgetSpent as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Ledger(tmp_path / "ledger.json").totals().tokens_in == 50
    assert len(refused) == 11


def test_money_is_written_as_text(tmp_path: Path) -> None:
    """No float ever holds money."""
    ledger = opened(tmp_path, usd="0.30")
    ledger.settle(ledger.reserve(amount()), amount())

    data = json.loads(ledger.path.read_bytes())
    assert data["bounds"]["usd"] == "0.30"
    assert data["spent"]["usd"] == "0.1"
