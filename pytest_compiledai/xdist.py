"""Hooks of pytest-xdist, registered only where it is installed and in use."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_compiledai.controller import Controller

STORE_KEY = "compiledai_store"


class XdistHooks:
    """Share the run's store with the workers; see what they collected."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the run's store is."""
        node.workerinput[STORE_KEY] = str(self.controller.run.store.root)

    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Print the bill and open the ledger once the first worker has collected."""
        self.controller.open_ledger(ids)
