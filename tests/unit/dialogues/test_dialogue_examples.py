"""The example flows are sound, and the larger one is large."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_compiledai.dialogues.lint import lint
from pytest_compiledai.dialogues.spec import DialogueSpec

EXAMPLES = Path(__file__).parents[3] / "examples" / "dialogue"


@pytest.mark.parametrize(("name", "nodes"), [("travel", 14), ("insurance", 55)])
def test_an_example_is_sound(read: Callable[[str], DialogueSpec], name: str, nodes: int) -> None:
    """No fault is found, and every intent has the examples that the docs ask for."""
    flow = read((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")).flow

    assert [] == list(lint(flow))
    assert len(flow.nodes) >= nodes
    assert min(len(intent.examples) for intent in flow.intents.values()) >= 16
    assert all(intent.holdout for intent in flow.intents.values())
