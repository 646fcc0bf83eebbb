"""Production: the intent that a frozen encoder tells by its nearest example moves the machine."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.dialogues import machine
from pytest_compiledai.dialogues.encoded.bert import CONTEXT
from pytest_compiledai.dialogues.encoded.bert import Encoder
from pytest_compiledai.dialogues.encoded.bert import found
from pytest_compiledai.dialogues.encoded.head import NOTHING
from pytest_compiledai.dialogues.encoded.nearest import Nearest
from pytest_compiledai.dialogues.encoded.nearest import Reading
from pytest_compiledai.dialogues.flow import Node
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.dialogues.weights.talking import Move
from pytest_compiledai.dialogues.weights.talking import Talker
from pytest_compiledai.dialogues.weights.talking import moves

EXAMPLES: Final = "examples.safetensors"
NAMES: Final = frozenset((EXAMPLES, FILE))


class Encoded(Talker):
    """A frozen flow, the vectors of its examples, and a linear layer beside them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Open an artifact's files.

        Raises ``LookupError`` where the encoder is not the one that the record names, and
        ``ValueError`` for files that do not fit together.
        """
        record = json.loads(files[FILE])
        super().__init__(record)
        folder, beside = found(record["encoder"])
        if beside != record["encoder"]["beside"]:
            raise LookupError(f"found an encoder with {beside[:12]} beside its weights")
        import safetensors.torch  # after what may refuse it: torch takes seconds

        tensors = safetensors.torch.load(files[EXAMPLES])
        reading = Reading(self.flow, Encoder(folder))
        self.nearest = Nearest(reading, tensors, record["examples"])
        self.context = CONTEXT

    def chosen(self, state: machine.State, text: str) -> tuple[Move | None, float]:
        """Return the move whose intent fits best, and how likely that is."""
        after, shares = self._moves(state, text)
        if not after:
            return None, 0.0
        node = max(sorted(after), key=shares.__getitem__)
        return after[node], shares[node]

    def words(self, node: Node) -> str:
        """Return the first thing that the agent says at a node."""
        return node.say[0]

    def scores(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return how likely each node that may follow is."""
        found = []
        for row in rows:
            state = machine.State(node=row["node"], slots=row["slots"], turns=row["turns"])
            _, shares = self._moves(state, row["user"])
            found.append(shares or {"": 0.0})
        return found

    def tokens(self, row: Mapping[str, Any]) -> int:
        """Return the tokens of a turn; what is longer is cut."""
        return len(self.nearest.reading.encoder.tokenizer.encode(row["user"]).ids)

    def rank(self, texts: Sequence[str]) -> int:
        """Return the last rank: nothing was trained on what users state."""
        return len(texts)

    def _moves(self, state: machine.State, text: str) -> tuple[dict[str, Move], dict[str, float]]:
        """Return the best move to each node that may follow, and how likely it is among them."""
        fits = self.nearest.fits(state.node, text)
        after: dict[str, Move] = {}
        for _, move in sorted(
            moves(self.flow, state, text), key=lambda m: (-fits[m[1].intent], m[0])
        ):
            after.setdefault(move.state.node, move)
        whole = sum(math.exp(fits[intent]) for intent in (*_intents(after), NOTHING))
        return after, {n: math.exp(fits[move.intent]) / whole for n, move in after.items()}


def _intents(after: Mapping[str, Move]) -> list[str]:
    return [move.intent for move in after.values()]
