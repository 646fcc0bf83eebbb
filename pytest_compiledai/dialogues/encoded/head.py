"""One linear layer on vectors that stand still: which intent words have, or none of the node's.

It learns what the nearest example cannot tell: which words round an utterance mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

#: The label of words that mean nothing at their node.
NOTHING: Final = ""
#: How much large weights cost; of the shapes that were tried the one that learned least by heart.
_DECAY: Final = 1e-3
_ROUNDS: Final = 300


def labels(intents: Sequence[str]) -> list[str]:
    """Return the rows of a head: the intents by name, and nothing."""
    return [*sorted(intents), NOTHING]


def fitted(
    vectors: Any, told: Sequence[tuple[str, str]], legal: Mapping[str, Sequence[str]]
) -> Any:
    """Return a tensor of one row a label: its weights, and its bias as the last of them.

    ``told`` is the node and the label of each row of ``vectors``, ``legal`` the intents of a node.
    Logistic regression among the labels of the node; L-BFGS finds its one minimum, from zero.
    """
    import torch

    names = labels(sorted({name for intents in legal.values() for name in intents}))
    inputs = torch.cat([vectors, torch.ones(len(vectors), 1)], 1)
    chosen = torch.tensor([names.index(label) for _, label in told])
    shut = {
        node: torch.tensor([0.0 if n in (*intents, NOTHING) else -torch.inf for n in names])
        for node, intents in legal.items()
    }
    masks = torch.stack([shut[node] for node, _ in told])
    head = torch.zeros(len(names), inputs.shape[1], requires_grad=True)
    search: Any = torch.optim.LBFGS([head], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Any:
        search.zero_grad()
        found: Any = torch.nn.functional.cross_entropy(inputs @ head.T + masks, chosen)
        found = found + _DECAY * (head[:, :-1] ** 2).sum() / 2
        found.backward()
        return found

    search.step(loss)
    return head.detach()
