"""Warm training spends more turns where the checkpoint takes the flow otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_compiledai.dialogues.weights.catching_up import behind
from pytest_compiledai.dialogues.weights.tokens import Encoded
from pytest_compiledai.dialogues.weights.training import _batches


def _row(node: str, intent: str, after: str) -> dict[str, Any]:
    return {"node": node, "intent": intent, "after": after}


ROWS = [_row("ask", f"intent {n % 5}", f"node {n % 5}") for n in range(100)]
ROWS += [_row("", "", "node 0"), _row("ask", "", "")]
EXAMPLES = [Encoded([n, n % 5], 1, row["node"]) for n, row in enumerate(ROWS)]


def test_turns_of_ways_that_are_wrong_are_behind() -> None:
    """All turns of the way come back, and none of what the agent says or what means nothing."""

    def right(part: Sequence[Encoded]) -> list[bool]:
        return [example.ids[1] != 3 for example in part]

    found = behind(ROWS, EXAMPLES, right)

    assert found == [example for example in EXAMPLES[:100] if example.ids[1] == 3]


def test_a_checkpoint_that_knows_nothing_is_behind_nowhere() -> None:
    """Where most ways are wrong all of them are learned alike."""
    assert behind(ROWS, EXAMPLES, lambda part: [False] * len(part)) == []


def test_each_batch_has_its_share_of_what_is_behind() -> None:
    """A quarter of a batch is along the ways that are wrong, and batches are as large as asked."""
    turns = [example for example in EXAMPLES if example.node]
    late = [Encoded([7, 7, 7], 2, "late")]

    batch = next(_batches([*turns, EXAMPLES[100]], 16, 0, late))

    assert len(batch) == 16
    assert sum(example.node == "late" for example in batch) == 4
