"""The desks of a live run: one a model, with one ledger."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

from pytest_compiledai.llm.client import Client
from pytest_compiledai.llm.desk import Desk
from pytest_compiledai.llm.ledger import Bounds
from pytest_compiledai.llm.ledger import Ledger


@contextlib.contextmanager
def desks_of(
    tokens: int | None, client_of: Callable[[str], Client] | None = None
) -> Iterator[Callable[[str], Desk]]:
    """Yield what gives the desk of a model; ``tokens`` bounds all of them together.

    ``client_of`` makes the client of a model, by default one over LiteLLM.
    """
    with tempfile.TemporaryDirectory(prefix="compiledai-") as folder:
        ledger = Ledger(Path(folder) / "ledger.json")
        ledger.open(Bounds(tokens=tokens, usd=None))
        claims = Path(folder) / "claims"
        claims.mkdir()
        known: dict[str, Desk] = {}

        def desk(model: str) -> Desk:
            if model not in known:
                client = (client_of or _litellm)(model)
                known[model] = Desk(
                    record="missing", model=model, ledger=ledger, client=client, claims=claims
                )
            return known[model]

        try:
            yield desk
        finally:
            for each in known.values():
                each.close()


def _litellm(model: str) -> Client:
    from pytest_compiledai.llm.client import LiteLLMClient

    return LiteLLMClient(model)
