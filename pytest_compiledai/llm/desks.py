"""The desks of a live run outside pytest: one a model, with one ledger, in one process or many."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from typing import TypeAlias

from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.files import locked
from pytest_compiledai.llm.client import Client
from pytest_compiledai.llm.desk import Desk
from pytest_compiledai.llm.ledger import Amount
from pytest_compiledai.llm.ledger import Bounds
from pytest_compiledai.llm.ledger import Ledger
from pytest_compiledai.llm.ledger import Reservation

#: Makes the client of a model.
ClientOf: TypeAlias = Callable[[str], Client]
_LEDGER: Final = "ledger.json"
_OWNER: Final = "owner.lock"  # held as long as the process lives that began the run


class Desks:
    """The desks of this process; call it with the name of a model."""

    def __init__(self, folder: Path, ledger: Ledger, client_of: ClientOf | None) -> None:
        self.folder = folder  # of the run: its ledger and its claims
        self.ledger = ledger
        self.client_of = client_of
        self._known: dict[str, Desk] = {}

    def __call__(self, model: str) -> Desk:
        """Return the desk of a model, made when it is first asked for."""
        if model not in self._known:
            self._known[model] = Desk(
                record="missing",
                model=model,
                ledger=self.ledger,
                client=(self.client_of or _litellm)(model),
                claims=self.folder / "claims",
            )
        return self._known[model]

    def close(self) -> None:
        """Cancel what is being asked."""
        for desk in self._known.values():
            desk.close()


@contextlib.contextmanager
def desks_of(
    tokens: int | None, client_of: ClientOf | None = None, *, beside: Path | None = None
) -> Iterator[Desks]:
    """Yield the desks of a new run; ``tokens`` bounds all of them together.

    ``client_of`` makes the client of a model, by default one over LiteLLM; ``beside`` is the folder
    in which the run's own is made, by default one for temporary files. Raises ``BudgetSpent``.
    """
    with tempfile.TemporaryDirectory(prefix="compiledai-", dir=beside) as name:
        folder = Path(name).resolve()
        ledger = Ledger(folder / _LEDGER)
        ledger.open(Bounds(tokens=tokens, usd=None))
        with locked(folder / _OWNER), contextlib.closing(Desks(folder, ledger, client_of)) as desks:
            try:
                yield desks
            except BudgetSpent as spent:
                raise BudgetSpent(
                    where="--budget-tokens",
                    found=spent.found,
                    expected=spent.expected,
                    next="a larger --budget-tokens; what is recorded is not asked again",
                ) from None


@contextlib.contextmanager
def joined(folder: Path, client_of: ClientOf | None) -> Iterator[Desks]:
    """Yield desks on the ledger and the claims of a run that any process has begun in ``folder``.

    Raises ``SettingsError`` where this process does not see them.
    """
    ledger = _Joined(folder / _LEDGER)
    if not ledger.is_open:
        raise SettingsError(
            where="--backend",
            found=f"a worker on {socket.gethostname()} that does not see {folder}",
            expected="the project in a folder that all workers share: one ledger bounds them all",
            next="start the workers where the project lies, or take --backend loky",
        )
    with contextlib.closing(Desks(folder, ledger, client_of)) as desks:
        yield desks


class _Joined(Ledger):
    """The ledger of a run that another process began: it lends nothing once that one is gone."""

    def reserve(self, worst: Amount) -> Reservation:
        """Set ``worst`` aside; raises ``ModelError`` too where the run's owner has ended."""
        from filelock import FileLock
        from filelock import Timeout

        try:
            with FileLock(self.path.with_name(_OWNER), blocking=False):
                pass
        except Timeout:  # held, as long as the owner lives
            return super().reserve(worst)
        raise ModelError(
            where=self.path.parent.name,
            found="a run whose first process has ended",
            expected="that process, which answers for what is spent",
            next="the same command again; what is recorded is not asked again",
        )


def _litellm(model: str) -> Client:
    from pytest_compiledai.llm.client import LiteLLMClient

    return LiteLLMClient(model)
