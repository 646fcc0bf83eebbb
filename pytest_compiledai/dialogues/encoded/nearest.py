"""Which intent a text means: that of the nearest example, and what a linear layer adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.encoded.bert import Encoder
from pytest_compiledai.dialogues.encoded.head import NOTHING
from pytest_compiledai.dialogues.encoded.head import labels
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import placeholders
from pytest_compiledai.dialogues.frozen.tables import Tables

#: How much a cosine counts beside the linear layer.
_STEEPNESS: Final = 10.0
#: The cosine that stands for words that mean nothing, which have no examples.
_FAR: Final = 0.5


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


class Reading:
    """Users' words as vectors; values of slots count as the slots' names, as in examples."""

    def __init__(self, flow: Flow, encoder: Encoder) -> None:
        """Take a flow and what encodes its users' words."""
        self.flow, self.encoder = flow, encoder

    @cached_property
    def _tables(self) -> Tables:
        return Tables(self.flow)

    def vectors(self, turns: Sequence[tuple[str, str]]) -> Any:
        """Return a tensor of one row a turn: a node, and what is said there."""
        return self.encoder.vectors(
            [" ".join(self._tables.masked(t, n)).replace("_", " ").strip() for n, t in turns]
        )


class Nearest:
    """The examples of a flow as vectors, and what a text is like among them."""

    def __init__(
        self, reading: Reading, tensors: Mapping[str, Any], counts: Mapping[str, int]
    ) -> None:
        """Take the vectors of ``examples``, those of each intent in order, and the linear ``head``.

        Raises ``ValueError`` for tensors of other shapes.
        """
        import torch

        width = reading.encoder.width
        rows = labels(tuple(counts))
        shapes = {"examples": (sum(counts.values()), width), "head": (len(rows), width + 1)}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if found != shapes:
            raise ValueError(f"found tensors of {found}; expected {shapes}")
        self.reading = reading
        parts = torch.split(tensors["examples"], list(counts.values()))
        self.by_intent = dict(zip(counts, parts, strict=True))
        self.head = dict(zip(rows, tensors["head"], strict=True))

    def fits(self, node: str, text: str) -> dict[str, float]:
        """Return how well each intent of the node's edges fits, and how well `NOTHING` does.

        As logits: the softmax of those that are possible tells how likely each is.
        """
        asked = self.reading.vectors([(node, text)])[0]
        legal = [edge.intent for edge in self.reading.flow.nodes[node].edges]
        near = {name: float((self.by_intent[name] @ asked).max()) for name in legal}
        near[NOTHING] = _FAR
        return {
            name: _STEEPNESS * cosine + float(self.head[name][:-1] @ asked + self.head[name][-1])
            for name, cosine in near.items()
        }
