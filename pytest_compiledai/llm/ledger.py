"""One ledger of what a run may spend and has spent, shared by its workers.

An amount is reserved before a model is asked and settled after. A worker that dies in between
leaves its reservation counted: the call may have been paid.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN
from decimal import Decimal
from decimal import InvalidOperation
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.files import locked

#: Collecting a large project takes less; a controller that died never opens the ledger.
OPENING_TIMEOUT_S: Final = 600.0
_POLL_S: Final = 0.05
_CENT_OF_A_CENT: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the user allows; None: no bound."""

    tokens: int | None
    usd: Decimal | None

    def part(self, number: int, of: int) -> Bounds:
        """Return what part ``number``, from 1, of ``of`` may spend: together no more than this."""
        tokens = None
        if self.tokens is not None:
            tokens = self.tokens * number // of - self.tokens * (number - 1) // of
        usd = None if self.usd is None else (self.usd / of).quantize(_CENT_OF_A_CENT, ROUND_DOWN)
        return Bounds(tokens=tokens, usd=usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What one exchange costs, or can cost at most."""

    tokens_in: int
    tokens_out: int
    usd: Decimal | None  # None: the model has no known price

    @property
    def tokens(self) -> int:
        """Tokens in and out together, which is what a bound counts."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An amount set aside until the exchange is over."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was settled so far."""

    tokens_in: int
    tokens_out: int
    usd: Decimal | None  # None: a model without a price was asked
    calls: int


class Ledger:
    """The ledger file of one run; ``opened`` once by whoever has printed the bill."""

    def __init__(
        self,
        path: Path,
        *,
        opening_timeout_s: float = OPENING_TIMEOUT_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self.opening_timeout_s = opening_timeout_s
        self._sleep = sleep
        self._lock = path.with_name(f"{path.name}.lock")

    @property
    def is_open(self) -> bool:
        """Whether the bill is printed and the bounds are known."""
        return self.path.exists()

    def open(self, bounds: Bounds) -> None:
        """Make the ledger. Raises ``ModelError`` when it is open already."""
        with locked(self._lock):
            if self.is_open:
                raise self._error("a ledger that is open already", "to be opened once a run")
            self._write(_State(bounds=bounds, spent=_NOTHING, reserved={}))

    def reserve(self, worst: Amount) -> Reservation:
        """Set ``worst`` aside, waiting for the ledger to open.

        Raises ``BudgetSpent`` when it could exceed a bound, ``SettingsError`` for a bound in US
        dollars and a model without a price, ``ModelError`` when the ledger never opens.
        """
        self._wait()
        with locked(self._lock):
            state = self._read()
            _check(state, worst)
            reservation = Reservation(id=secrets.token_hex(8))
            state.reserved[reservation.id] = worst
            self._write(state)
        return reservation

    def settle(self, reservation: Reservation, actual: Amount) -> None:
        """Replace a reservation by what the exchange cost."""
        with locked(self._lock):
            state = self._read()
            self._drop(state, reservation)
            before = state.spent
            state.spent = Spent(
                tokens_in=before.tokens_in + actual.tokens_in,
                tokens_out=before.tokens_out + actual.tokens_out,
                usd=_sum([before.usd, actual.usd]),
                calls=before.calls + 1,
            )
            self._write(state)

    def release(self, reservation: Reservation) -> None:
        """Give a reservation back: nothing was bought."""
        with locked(self._lock):
            state = self._read()
            self._drop(state, reservation)
            self._write(state)

    def may_fit_later(self, worst: Amount) -> bool:
        """Return whether ``worst`` would fit if others gave back what they set aside."""
        state = self._read()
        others = bool(state.reserved)
        state.reserved = {}
        try:
            _check(state, worst)
        except BudgetSpent:
            return False
        return others

    def totals(self) -> Spent:
        """Return what was settled so far; nothing where the ledger was never opened."""
        return self._read().spent if self.is_open else _NOTHING

    def never_opened(self) -> ModelError:
        """Return the error of one who waited in vain."""
        return self._error(
            f"no open ledger after {self.opening_timeout_s:g} s", "the bill, printed before a call"
        )

    def _wait(self) -> None:
        waited_s = 0.0
        while not self.is_open:
            if waited_s >= self.opening_timeout_s:
                raise self.never_opened()
            self._sleep(_POLL_S)
            waited_s += _POLL_S

    def _drop(self, state: _State, reservation: Reservation) -> None:
        if state.reserved.pop(reservation.id, None) is None:
            raise self._error(f"no reservation {reservation.id}", "each settled once")

    def _read(self) -> _State:
        try:
            return _State.of(json.loads(self.path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, InvalidOperation) as error:
            raise self._error(f"{type(error).__name__}: {error}", "the ledger as written") from None

    def _write(self, state: _State) -> None:
        atomic_write(self.path, canonical_json(state.as_json()))

    def _error(self, found: str, expected: str) -> ModelError:
        return ModelError(
            where=self.path.name, found=found, expected=expected, next="pytest --compile, again"
        )


@dataclass(slots=True, kw_only=True)
class _State:
    """The file's content."""

    bounds: Bounds
    spent: Spent
    reserved: dict[str, Amount]

    @classmethod
    def of(cls, data: Any) -> _State:
        bounds, spent = data["bounds"], data["spent"]
        return cls(
            bounds=Bounds(tokens=bounds["tokens"], usd=_money(bounds["usd"])),
            spent=Spent(**{**spent, "usd": _money(spent["usd"])}),
            reserved={
                name: Amount(**{**amount, "usd": _money(amount["usd"])})
                for name, amount in data["reserved"].items()
            },
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "bounds": {"tokens": self.bounds.tokens, "usd": _text(self.bounds.usd)},
            "spent": {
                "tokens_in": self.spent.tokens_in,
                "tokens_out": self.spent.tokens_out,
                "usd": _text(self.spent.usd),
                "calls": self.spent.calls,
            },
            "reserved": {
                name: {
                    "tokens_in": amount.tokens_in,
                    "tokens_out": amount.tokens_out,
                    "usd": _text(amount.usd),
                }
                for name, amount in self.reserved.items()
            },
        }


_NOTHING: Final = Spent(tokens_in=0, tokens_out=0, usd=Decimal(0), calls=0)


def _check(state: _State, worst: Amount) -> None:
    """Raise unless ``worst`` fits beside what is spent and set aside."""
    tokens, usd = state.bounds.tokens, state.bounds.usd
    taken = [*state.reserved.values(), worst]
    counted = state.spent.tokens_in + state.spent.tokens_out + sum(a.tokens for a in taken)
    if tokens is not None and counted > tokens:
        raise BudgetSpent(
            where="--compile-budget-tokens",
            found=f"{counted:,} tokens spent or set aside with the next call",
            expected=f"at most {tokens:,}",
            next=f"pytest --compile --compile-budget-tokens {counted}, for this call",
        )
    if usd is None:
        return
    total = _sum([state.spent.usd, *(amount.usd for amount in taken)])
    if total is None:
        raise SettingsError(
            where="--compile-budget-usd",
            found="a model without a known price",
            expected="a price, or a bound in tokens",
            next="pytest --compile --compile-budget-tokens N",
        )
    if total > usd:
        raise BudgetSpent(
            where="--compile-budget-usd",
            found=f"{total:.4f} USD spent or set aside with the next call",
            expected=f"at most {usd}",
            next=f"pytest --compile --compile-budget-usd {total:.2f}, or a little more",
        )


def _sum(costs: Sequence[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def _money(text: Any) -> Decimal | None:
    return None if text is None else Decimal(text)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
