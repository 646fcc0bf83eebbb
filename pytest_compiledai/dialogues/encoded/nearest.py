"""Which intent a text means: that of the nearest example, by the cosine of their vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.encoded.bert import Encoder
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.frozen.tables import Tables

#: How sure a lead in cosine makes; a threshold on what comes out is one on the lead.
_STEEPNESS: Final = 10.0


def examples(flow: Flow) -> dict[str, list[str]]:
    """Return the examples of each intent, by name, slots as the words that they are called by."""
    return {
        name: [_named(text) for text in flow.intents[name].examples]
        for name in sorted(flow.intents)
    }


def counts(flow: Flow) -> dict[str, int]:
    """Return how many examples each intent has: rows of its vectors."""
    return {name: len(texts) for name, texts in examples(flow).items()}


def _named(template: str) -> str:
    for slot in placeholders(template):
        template = template.replace(f"{{{slot}}}", slot.replace("_", " "))
    return template


def share(lead: float) -> float:
    """Return how sure a lead over the next best is, from 0.5 on."""
    return 1.0 / (1.0 + math.exp(-_STEEPNESS * lead))


class Nearest:
    """The examples of a flow as vectors, and what a text is like among them."""

    def __init__(
        self, flow: Flow, encoder: Encoder, vectors: Any, counts: Mapping[str, int]
    ) -> None:
        """Take a tensor of one row an example, and the examples of each intent in order.

        Raises ``ValueError`` for another number of rows.
        """
        import torch

        if tuple(vectors.shape) != (sum(counts.values()), encoder.width):
            wanted = f"{sum(counts.values())} vectors of {encoder.width} numbers"
            raise ValueError(f"found {tuple(vectors.shape)}; expected {wanted}, one an example")
        self.flow, self.encoder = flow, encoder
        parts = torch.split(vectors, list(counts.values()))
        self.by_intent = dict(zip(counts, parts, strict=True))

    @cached_property
    def _tables(self) -> Tables:
        return Tables(self.flow)

    def fits(self, node: str, text: str) -> Mapping[str, float]:
        """Return, for each intent that the node has an edge for, the cosine to its nearest example.

        Values of slots count as the slots' names, in texts as in examples.
        """
        plain = " ".join(self._tables.masked(text, node)).replace("_", " ").strip()
        asked = self.encoder.vectors([plain])[0]
        legal = [edge.intent for edge in self.flow.nodes[node].edges]
        return {name: float((self.by_intent[name] @ asked).max()) for name in legal}
