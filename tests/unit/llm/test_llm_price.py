"""Prices: from LiteLLM's own table, exact, at the dearest tier, without importing it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from pytest_compiledai.llm import price as module
from pytest_compiledai.llm.price import Price
from pytest_compiledai.llm.price import price

# Asked without the import, which takes seconds and the network.
INSTALLED = importlib.util.find_spec("litellm") is not None
TABLE = {
    "plain": {
        "litellm_provider": "acme",
        "input_cost_per_token": Decimal("2.5e-06"),
        "output_cost_per_token": Decimal("1e-05"),
        "output_cost_per_token_priority": Decimal(1),
    },
    "tiers": {
        "input_cost_per_token": Decimal(1),
        "output_cost_per_token": Decimal(2),
        "input_cost_per_token_above_200k_tokens": Decimal(3),
        "output_cost_per_token_above_200k_tokens": Decimal(4),
        "output_cost_per_reasoning_token": Decimal(5),
    },
    "half": {"input_cost_per_token": Decimal(1)},
    "host/owner/plain": {"input_cost_per_token": Decimal(0), "output_cost_per_token": Decimal(0)},
}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small table in the place of the real one."""
    monkeypatch.setattr(module, "_table", lambda: TABLE)


def test_a_price_is_exact(table: None) -> None:
    """A price is the decimal that the table states."""
    known = price("plain")

    assert known == Price(
        usd_per_token_in=Decimal("0.0000025"), usd_per_token_out=Decimal("0.00001")
    )
    assert known.of(1_000_000, 100_000) == Decimal("3.5")


def test_a_provider_before_the_name_must_be_the_tables(table: None) -> None:
    """`acme/plain` is the table's `plain`; another provider's model of that name is not."""
    assert price("acme/plain") == price("plain")
    assert price("other/plain") is None


def test_the_dearest_tier_counts(table: None) -> None:
    """What a long request or a thinking model costs is the price that bounds it."""
    assert price("tiers") == Price(usd_per_token_in=Decimal(3), usd_per_token_out=Decimal(5))


@pytest.mark.parametrize(
    "name", ["half", "unknown", "bridge/plain", "bridge/tiers", "", "a/b/plain"]
)
def test_what_is_not_stated_is_unknown(table: None, name: str) -> None:
    """Half a price, an unknown model and a model behind a bridge have none."""
    assert price(name) is None


def test_free_is_a_price(table: None) -> None:
    """A model that costs nothing is not one of unknown price."""
    assert price("host/owner/plain") == Price(
        usd_per_token_in=Decimal(0), usd_per_token_out=Decimal(0)
    )


def test_without_litellm_nothing_has_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where LiteLLM is not installed, a bound in dollars has nothing to rest on."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    table: Any = module._table.__wrapped__()

    assert table == {}


@pytest.mark.skipif(not INSTALLED, reason="the extra `llm` is not installed")
def test_the_real_table_is_read_without_the_import() -> None:
    """A bill needs prices in every live run, and must not pay seconds for them."""
    code = (
        "import sys; from pytest_compiledai.llm.price import price; "
        "known = price('gpt-4o'); assert known is not None; "
        "assert 0 < known.usd_per_token_in < known.usd_per_token_out < 1; "
        "assert price('openai/gpt-4o') == known; assert 'litellm' not in sys.modules"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
