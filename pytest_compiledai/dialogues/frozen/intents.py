"""Trains the linear intent model: whole numbers throughout, so equal specs give equal bytes.

An averaged multi-class perceptron with a margin (M. Collins, "Discriminative training methods for
hidden Markov models", EMNLP 2002, without the Markov part). No random number, no floating point in
training: the same weights on every machine.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.dialogues.carriers import LEARNT
from pytest_compiledai.dialogues.carriers import carried
from pytest_compiledai.dialogues.frozen import engine
from pytest_compiledai.dialogues.frozen.tables import Tables
from pytest_compiledai.dialogues.utterances import spoken

if TYPE_CHECKING:
    import numpy as np

    from pytest_compiledai.dialogues.flow import Flow

EPOCHS: Final = 8
#: By how much the right intent has to win while learning, in weight units a feature's root.
LEAD: Final = 6
FOLDS: Final = 5
CARRIERS: Final = 3  # carriers that each utterance is learnt in, the bare one among them
#: The cuts that are tried, and the share that has to be right on wording left out of a fold.
SUPPORTS: Final = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MARGINS: Final = (0.0, 3.0, 6.0, 10.0, 15.0, 20.0, 30.0)
RIGHT: Final = 0.975
STRIDE: Final = 7919  # a prime: items are visited in the order of its multiples


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An utterance as the model sees it at some node."""

    intent: int
    template: int
    nodes: tuple[str, ...]  # where it looks like this
    tokens: tuple[str, ...]
    bare: bool  # without a carrier


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What an answer needs, and how often it is given and right on wording not learnt from."""

    margin: float
    support: float
    coverage: float
    right: float
    tried: int


def items(flow: Flow) -> tuple[Item, ...]:
    """Return what is learnt from: each example in a few carriers, at each kind of node."""
    tables = Tables(flow)
    labels = sorted(flow.intents)
    found: dict[tuple[int, int, tuple[str, ...], bool], list[str]] = {}
    for label, name in enumerate(labels):
        nodes = [node.name for node in flow.asking if node.edge(name)]
        for count, (template, said) in enumerate(spoken(flow, flow.intents[name], held_out=False)):
            chosen = [LEARNT[0]] + [
                LEARNT[1 + (count * (CARRIERS - 1) + i + label) % (len(LEARNT) - 1)]
                for i in range(CARRIERS - 1)
            ]
            for number, text in enumerate(carried(said.text, tuple(chosen))):
                for node in nodes:
                    tokens = tuple(tables.masked(text, node))
                    key = (label, template, tokens, number == 0)
                    found.setdefault(key, []).append(node)
    return tuple(
        Item(intent=label, template=template, nodes=tuple(nodes), tokens=tokens, bare=bare)
        for (label, template, tokens, bare), nodes in sorted(found.items())
    )


def rivals(flow: Flow) -> np.ndarray[Any, Any]:
    """Return, for each pair of intents, whether some node has both."""
    import numpy as np

    labels = sorted(flow.intents)
    share = np.zeros((len(labels), len(labels)), dtype=bool)
    for node in flow.asking:
        here = [labels.index(edge.intent) for edge in node.edges]
        share[np.ix_(here, here)] = True
    np.fill_diagonal(share, val=False)
    return share


def weights_of(taught: Sequence[Item], share: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the averaged weights as eight-bit whole numbers: [features, intents]."""
    import numpy as np

    count = share.shape[0]
    now = np.zeros((engine.DIMENSIONS, count), dtype=np.int64)
    moved = np.zeros_like(now)  # each change times when it was made
    rows = [np.array(engine.features(list(item.tokens)), dtype=np.int64) for item in taught]
    leads = [LEAD * math.isqrt(100 * len(row)) // 10 for row in rows]
    low = np.iinfo(np.int64).min // 2
    blocked = np.where(share, 0, low)
    clock = 1
    for _ in range(EPOCHS):
        for step in range(len(taught)):
            index = step * STRIDE % len(taught)
            item, row = taught[index], rows[index]
            fits = now[row].sum(axis=0)
            rival = int(np.argmax(fits + blocked[item.intent]))
            if share[item.intent, rival] and fits[item.intent] - fits[rival] < leads[index]:
                now[row, item.intent] += 1
                now[row, rival] -= 1
                moved[row, item.intent] += clock
                moved[row, rival] -= clock
            clock += 1
    total = now * clock - moved
    most = int(np.abs(total).max()) or 1
    rounded = (2 * total * 127 + np.sign(total) * most) // (2 * most)
    return np.asarray(rounded.clip(-127, 127), dtype=np.int8)


def model_of(
    labels: Sequence[str],
    taught: Sequence[Item],
    weights: np.ndarray[Any, Any],
    *,
    margin: float = 0,
    support: float = 0,
) -> engine.Model:
    """Return weights as the engine reads them, beside the bare examples."""
    told: dict[str, set[tuple[str, ...]]] = {name: set() for name in labels}
    for item in taught:
        if item.bare:
            told[labels[item.intent]].add(tuple(sorted(set(item.tokens))))
    having: dict[str, set[str]] = {}
    for name, examples in told.items():
        for word in (word for example in examples for word in example):
            having.setdefault(word, set()).add(name)
    return engine.Model(
        labels=tuple(labels),
        rows=weights.tobytes(),
        examples={name: [list(e) for e in sorted(examples)] for name, examples in told.items()},
        rarity={word: round(1 / len(names), 3) for word, names in sorted(having.items())},
        margin=margin,
        support=support,
    )


def judged(
    flow: Flow, model: engine.Model, asked: Iterable[Item]
) -> list[tuple[float, float, bool]]:
    """Return (lead, fit, whether the best intent is right) for each item at each of its nodes."""
    found = []
    for item in asked:
        for legal in {tuple(sorted(e.intent for e in flow.nodes[n].edges)) for n in item.nodes}:
            best, lead, fit = engine.ranked(list(item.tokens), list(legal), model)
            found.append((lead, fit, best == model.labels[item.intent]))
    return found


def cut_of(outcomes: Sequence[tuple[float, float, bool]], *, right: float) -> Cut:
    """Return the cut with the most answers of which at least the share ``right`` is right.

    Where none reaches it, nothing is answered.
    """
    best = Cut(margin=1e9, support=2.0, coverage=0.0, right=1.0, tried=len(outcomes))
    for support, margin in itertools.product(SUPPORTS, MARGINS):
        kept = [good for lead, near, good in outcomes if lead >= margin and near >= support]
        if len(kept) > best.coverage * len(outcomes) and sum(kept) >= right * len(kept):
            best = Cut(
                margin=margin,
                support=support,
                coverage=len(kept) / len(outcomes),
                right=sum(kept) / len(kept),
                tried=len(outcomes),
            )
    return best


def trained(flow: Flow) -> tuple[bytes, Cut]:
    """Return the safetensors of the model, and the cut that cross-validation calibrated.

    A fold leaves out a fifth of each intent's examples with all their carriers, so what is asked
    of it is wording that it has not seen. Held-out wording of the spec is not looked at.
    """
    taught = items(flow)
    share = rivals(flow)
    labels = sorted(flow.intents)
    outcomes: list[tuple[float, float, bool]] = []
    for fold in range(FOLDS):
        kept = [item for item in taught if item.template % FOLDS != fold]
        left = [item for item in taught if item.template % FOLDS == fold]
        known = {item.intent for item in kept}
        model = model_of(labels, kept, weights_of(kept, share))
        outcomes += judged(flow, model, [item for item in left if item.intent in known])
    cut = cut_of(outcomes, right=RIGHT)
    model = model_of(
        labels, taught, weights_of(taught, share), margin=cut.margin, support=cut.support
    )
    return safetensors(model), cut


def safetensors(model: engine.Model) -> bytes:
    """Return the file that the engine reads: one tensor, and all else as metadata."""
    told = {
        "labels": list(model.labels),
        "examples": model.examples,
        "rarity": model.rarity,
        "margin": model.margin,
        "support": model.support,
    }
    header = canonical_json(
        {
            "__metadata__": {k: canonical_json(v).decode("ascii") for k, v in told.items()},
            "weights": {
                "dtype": "I8",
                "shape": [engine.DIMENSIONS, len(model.labels)],
                "data_offsets": [0, len(model.rows)],
            },
        }
    )
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + model.rows
