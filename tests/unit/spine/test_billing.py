"""The most a live run can cost."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_compiledai import billing
from pytest_compiledai.billing import Bill
from pytest_compiledai.billing import bill_of
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.kind import Project
from pytest_compiledai.functions.kind import FunctionKind
from pytest_compiledai.llm.price import Price
from pytest_compiledai.settings import Mode

EVIDENCE = "c" * 64


class Frozen:
    """A lock with one entry or none, and an artifact that stands or not."""

    def __init__(self, entry: Any = None, *, files: bool = True, error: bool = False) -> None:
        self._entry, self._files, self._error = entry, files, error

    def entry(self, unit: Any) -> Any:
        if self._error:
            raise ArtifactError(where="x", found="an edit", expected="none")
        return self._entry

    def files(self, entry: Any) -> Any:
        return {} if self._files else None

    def evidence(self, unit: Any) -> str:
        return EVIDENCE


class Kind:
    """A kind whose units cost ten calls an attempt; own files cost nothing."""

    def bill(self, unit: Any, attempts: int) -> tuple[int, int, int]:
        return (10 * attempts, 100, 1_000) if unit.asks_model else (0, 0, 0)


def run_of(*units: Any, frozen: Any = None, **settings: Any) -> Any:
    facts = {"attempts": None, "model": "bridge/x", "mode": Mode.COMPILE, "record": "missing"}
    return SimpleNamespace(
        selected={unit.name: unit for unit in units},
        frozen=frozen or Frozen(),
        settings=SimpleNamespace(**(facts | settings)),
        plugged=SimpleNamespace(kinds={"function": Kind()}),
    )


def test_units_are_added_up(unit_of):
    """Calls and tokens of all units that ask; a user's own file is no unit of the bill."""
    units = [unit_of(), unit_of(name="b"), unit_of(name="own", asks_model=False)]

    bill = bill_of(run_of(*units), [])

    assert bill == Bill(units=2, calls=60, tokens_in=200, tokens_out=2_000, usd=None)


@pytest.mark.parametrize(("option", "spec", "calls"), [(None, None, 30), (None, 2, 20), (1, 2, 10)])
def test_attempts_are_the_commands_then_the_specs(unit_of, option, spec, calls):
    """The bill counts with the same bound as the loop."""
    assert bill_of(run_of(unit_of(attempts=spec), attempts=option), []).calls == calls


def test_a_known_price_is_told(unit_of, monkeypatch):
    """Tokens in and out have prices of their own."""
    price = Price(usd_per_token_in=Decimal("0.01"), usd_per_token_out=Decimal("0.001"))
    monkeypatch.setattr("pytest_compiledai.llm.price.price", lambda _: price)

    bill = bill_of(run_of(unit_of()), [])

    assert bill.usd == Decimal(2)
    assert bill.render("x/y").endswith("at most 2.00 USD")


def test_what_is_fresh_is_not_billed(unit_of, entry_of):
    """An entry of the spec as it stands is judged as it is and asks nobody."""
    assert bill_of(run_of(unit_of(), frozen=Frozen(entry_of())), []).units == 0


@pytest.mark.parametrize(
    ("frozen", "settings"),
    [
        ({}, {"mode": Mode.UPDATE}),
        ({}, {"record": "all"}),
        ({"files": False}, {}),
    ],
    ids=["update", "all", "gone"],
)
def test_what_is_proposed_again_is_billed(unit_of, entry_of, frozen, settings):
    """Fresh or not, these ask: an update, a new recording of all, a missing artifact."""
    run = run_of(unit_of(), frozen=Frozen(entry_of(), **frozen), **settings)

    assert bill_of(run, []).units == 1


def test_what_is_stale_is_billed(unit_of, entry_of):
    """Its artifact may fail, and then a repair is asked for."""
    run = run_of(unit_of(), frozen=Frozen(entry_of(source="0" * 64)))

    assert bill_of(run, []).units == 1


def test_what_is_an_error_already_is_not_billed(unit_of):
    """An artifact that was edited stops its unit before any call."""
    assert bill_of(run_of(unit_of(), frozen=Frozen(error=True)), []).units == 0


def test_the_bill_is_one_line():
    """Who asks whom how much, at most."""
    bill = Bill(units=2, calls=14, tokens_in=188_879, tokens_out=112_000, usd=None)

    assert bill.render("bridge/x") == (
        "worst case for 2 units with bridge/x: 14 calls, "
        "188,879 tokens in, 112,000 out, price unknown"
    )


def test_nothing_to_ask_costs_nothing():
    """An empty run has an empty bill."""
    bill = bill_of(run_of(), [])

    assert (bill.units, bill.calls, bill.tokens_in, bill.tokens_out) == (0, 0, 0, 0)


def test_where_workers_collect_units_are_read_from_the_ids(specs):
    """The controller of several workers has no items of its own: it reads the named specs."""
    specs.write("specs/double.yaml", specs_text("double"))
    specs.write("specs/other.yaml", specs_text("other"))
    specs.write("specs/broken.yaml", "compiledai: 1\nkind: function\n")
    run = run_of()
    run.config = SimpleNamespace(rootpath=specs.root)
    run.relative = lambda path: path.relative_to(specs.root).as_posix()
    run.plugged = SimpleNamespace(kinds={"function": FunctionKind()})
    run.project = Project(root=specs.root)
    ids = ["specs/double.yaml::double::compile", "specs/double.yaml::double::fuzz"]
    more = ["specs/broken.yaml::x::compile", "specs/gone.yaml::x::fuzz", "test_a.py::test_b"]

    assert [unit.name for unit in billing._units(run, [*ids, *more])] == ["double"]


def specs_text(name: str) -> str:
    return (
        f"compiledai: 1\nkind: function\nname: {name}\ndescription: Twice n.\n"
        "input: {type: object, properties: {n: {type: integer}}, required: [n]}\n"
        "output: {type: object, properties: {m: {type: integer}}, required: [m]}\n"
        "golden: double.jsonl\n"
    )
