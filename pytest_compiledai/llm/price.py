"""What a model's tokens cost, from the table that comes with LiteLLM; no network is asked."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from typing import Final

#: Beside LiteLLM's modules; read as a file, for importing LiteLLM takes seconds.
TABLE: Final = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars a token, at the dearest tier that a request can fall into."""

    usd_per_token_in: Decimal
    usd_per_token_out: Decimal

    def of(self, tokens_in: int, tokens_out: int) -> Decimal:
        """Return what an exchange costs in US dollars."""
        return self.usd_per_token_in * tokens_in + self.usd_per_token_out * tokens_out


def price(model: str) -> Price | None:
    """Return the price of a LiteLLM model name; None where it is not known.

    A model behind an endpoint of one's own (`bridge/NAME`) has no known price.
    """
    if model.startswith("bridge/"):
        return None
    provider, _, name = model.rpartition("/") if model.count("/") == 1 else ("", "", "")
    entry = _table().get(model)
    if entry is None and name:
        entry = _table().get(name)
        if entry is not None and entry.get("litellm_provider") != provider:
            entry = None
    return None if entry is None else _price(entry)


def has_table() -> bool:
    """Return whether the table of prices is there: LiteLLM is installed."""
    return bool(_table())


def _price(entry: Mapping[str, Any]) -> Price | None:
    dearest_in = _dearest(entry, "input_cost_per_token")
    dearest_out = _dearest(entry, "output_cost_per_token")
    if dearest_in is None or dearest_out is None:
        return None
    thought = entry.get("output_cost_per_reasoning_token")
    if isinstance(thought, Decimal):
        dearest_out = max(dearest_out, thought)
    return Price(usd_per_token_in=dearest_in, usd_per_token_out=dearest_out)


def _dearest(entry: Mapping[str, Any], name: str) -> Decimal | None:
    """Return the price `name`, at the dearest of its tiers by length; other tiers are not asked."""
    if not isinstance(entry.get(name), Decimal):
        return None
    above = f"{name}_above_"
    tiers = [
        value
        for key, value in entry.items()
        if (key == name or (key.startswith(above) and key.endswith("_tokens")))
        and isinstance(value, Decimal)
    ]
    return max(tiers)


@functools.cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    """Return the table; empty where LiteLLM is not installed or has none."""
    spec = importlib.util.find_spec("litellm")
    folders = spec.submodule_search_locations if spec else None
    path = Path(next(iter(folders))) / TABLE if folders else None
    if path is None or not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return table
