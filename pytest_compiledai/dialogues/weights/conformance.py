"""Accuracy: what is right on walks, carriers and wording that no data was made of.

These figures are conformance on a grammar. They say nothing of how pleasant a dialogue is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from pytest_compiledai.core.interval import wilson
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.spec import DialogueSpec
from pytest_compiledai.dialogues.weights import edges
from pytest_compiledai.dialogues.weights.consistency import LEAST
from pytest_compiledai.dialogues.weights.consistency import LEAST_TURNS
from pytest_compiledai.dialogues.weights.data import Data
from pytest_compiledai.dialogues.weights.grammar import Conversation
from pytest_compiledai.dialogues.weights.grammar import heard
from pytest_compiledai.dialogues.weights.grammar import states
from pytest_compiledai.dialogues.weights.questions import Questions
from pytest_compiledai.dialogues.weights.talking import FILE
from pytest_compiledai.dialogues.weights.talking import best
from pytest_compiledai.dialogues.weights.talking import following


class Judged(NamedTuple):
    """One agent turn after words of the user."""

    path: str  # of nodes and intents: conversations of one walk share it
    share: float  # the probability of the chosen node
    right: bool  # as production chooses: among the nodes that may follow these words
    alone: bool  # as the weights choose among the nodes that may follow the node


def of_data(
    spec: DialogueSpec, data: Data, files: Mapping[str, bytes], figures: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield what the training data lacks: nodes, edges, words that tell the branch."""
    record = read_json(files[FILE].decode("utf-8"))
    covered = data.coverage(spec.flow)
    figures |= {"nodes": covered.nodes, "edges": covered.edges, "paths": covered.paths}
    figures["branch consistency"] = data.consistency.share
    if record["data"]["sha256"] != data.sha256:
        yield "data", "found weights of other data; expected the data of this spec: compile again"
    for missing in covered.missing:
        yield "coverage", f"found no conversation with {missing}; expected every node and edge"
    found = data.consistency
    if found.turns >= LEAST_TURNS and found.share < LEAST:
        yield (
            "branches",
            (
                f"found words that tell the branch in {found.share:.1%} of {found.turns} turns; "
                f"expected {LEAST:.0%}"
            ),
        )


def of_answers(
    asked: Questions,
    answers: Any,
    files: Mapping[str, bytes],
    figures: dict[str, Any],
    *,
    trained: bool = True,
) -> Iterator[tuple[str, str]]:
    """Yield what is not right often enough.

    On held-out walks weights that were ``trained`` on others have to be right in every turn, sure
    or not; a machine that is told its walks by code has to be right where it answers.
    """
    flow, settings, bounds = asked.spec.flow, asked.settings, asked.spec.accuracy
    threshold = read_json(files[FILE].decode("utf-8"))["threshold"]
    found = {
        name: [judged(flow, *pair) for pair in zip(talks, answers["scored"][name], strict=True)]
        for name, talks in asked.sets.items()
    }
    turns = [turn for talk in found["paths"] for turn in talk]
    least = settings.path_action if trained else 0.0
    yield from _share("path action", [t.right for t in turns], least, asked, figures)
    figures["path action: unshielded"] = sum(t.alone for t in turns) / max(1, len(turns))
    wanted = {
        "carriers": (bounds.right, bounds.coverage),
        "wording": (bounds.wording, bounds.wording_coverage),
    }
    if trained:
        whole = [all(turn.right for turn in talk) for talk in found["paths"]]
        yield from _share("path conversation", whole, settings.path_conversation, asked, figures)
        yield from _edges(asked, answers, figures)
    else:
        sound = [all(t.right or t.share < threshold for t in talk) for talk in found["paths"]]
        yield from _share("path conversation", sound, bounds.right, asked, figures)
        wanted["paths"] = (bounds.right, bounds.coverage)
    for name, (right, coverage) in wanted.items():
        if name in found:
            turns = [turn for talk in found[name] for turn in talk]
            kept = [turn.right for turn in turns if turn.share >= threshold]
            yield from _share(name, kept, right, asked, figures)
            yield from _covered(name, len(kept), len(turns), coverage, figures)
    if "wording" in found:
        every = [turn.right for talk in found["wording"] for turn in talk]
        yield from _share("wording: all", every, bounds.wording_all, asked, figures)
    yield from _slots(asked, answers, figures)
    figures["terminal confusion"] = _confusion(asked.free, answers["talks"]["free"])
    figures[f"pass^{bounds.repeats}"] = pass_k(
        [(talk[0].path, all(turn.right for turn in talk)) for talk in found["paths"] if talk],
        bounds.repeats,
    )


def _edges(asked: Questions, answers: Any, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield edges that are wrong too often, however seldom walks take them."""
    least, shares = asked.settings.edge_action, []
    for (edge, turns), rows in zip(asked.edges.items(), answers["scored"]["edges"], strict=True):
        right = sum(good for good, _ in edges.right(asked.spec.flow, turns, rows))
        shares.append(right / len(turns))
        if shares[-1] < least:
            found = f"{right} of {len(turns)} right; expected {least:g}"
            yield "edge", f"{edge[0]} --{edge[1]}-->: found {found}"
    figures["edge action"] = sum(shares) / len(shares) if shares else 0.0
    figures["edge action: least"] = min(shares, default=0.0)


def abstained(asked: Questions, answers: Any, files: Mapping[str, bytes]) -> float:
    """Return the share of turns, their words between unseen carriers, below the threshold."""
    threshold = read_json(files[FILE].decode("utf-8"))["threshold"]
    talks = zip(asked.sets["carriers"], answers["scored"]["carriers"], strict=True)
    shares = [turn.share for talk in talks for turn in judged(asked.spec.flow, *talk)]
    return sum(share < threshold for share in shares) / len(shares) if shares else 1.0


def judged(flow: Flow, talk: Conversation, rows: Sequence[Mapping[str, float]]) -> list[Judged]:
    """Return the agent turns of a conversation that was forced along its walk."""
    path = " ".join(f"{turn.node}>{turn.intent}" for turn in talk)
    found = []
    for (state, text), after, shares in zip(heard(flow, talk), talk[1:], rows, strict=True):
        node, share = best(following(flow, state, text), shares)
        alone = max(sorted(shares), key=shares.__getitem__)
        found.append(Judged(path, share, node == after.node, alone == after.node))
    return found


def _share(
    name: str, right: Sequence[bool], least: float, asked: Questions, figures: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    count, total = sum(right), len(right)
    low = wilson(count, total, asked.spec.accuracy.confidence).low
    figures[name], figures[f"{name}: low end"] = count / total if total else 0.0, low
    if not total or count / total < least:
        yield (
            name.replace(":", "").replace(" ", "-"),
            f"{name}: found {count} of {total} right, low end {low:.4f}; expected {least:g}",
        )


def _covered(
    name: str, kept: int, total: int, least: float, figures: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    figures[f"{name}: answered"] = kept / total if total else 0.0
    if not total or kept / total < least:
        yield (
            f"{name}-coverage",
            f"{name}: found {kept} of {total} turns answered; expected {least:g}",
        )


def _slots(asked: Questions, answers: Any, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Compare slots after each right turn of free conversations with those of the state machine."""
    right = []
    for talk, replies in zip(asked.free, answers["talks"]["free"], strict=True):
        expected = list(states(asked.spec.flow, talk))
        for turn, state, reply in zip(talk, expected[1:], replies[1:], strict=False):
            if reply["abstained"] or reply["node"] != state.node:
                break
            if turn.values:
                right.append(reply["state"]["slots"] == dict(state.slots))
    if right:
        yield from _share("slots", right, asked.spec.accuracy.slots, asked, figures)


def _confusion(talks: Sequence[Conversation], replies: Any) -> dict[str, dict[str, int]]:
    """Return expected end -> reached end -> count, of conversations with the free network."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for talk, said in zip(talks, replies, strict=True):
        last = said[-1]
        found[talk[-1].node]["abstained" if last["abstained"] else last["node"]] += 1
    return {end: dict(sorted(counts.items())) for end, counts in sorted(found.items())}


def pass_k(trials: Sequence[tuple[str, bool]], k: int) -> float:
    """Return the chance that k conversations of one walk are all right, averaged over walks.

    With n conversations of a walk, c of them right, it is C(c, k) / C(n, k); walks with fewer than
    k count with k = n. Source: S. Yao et al., "tau-bench", arXiv 2406.12045 (2024).
    """
    walks: dict[str, list[bool]] = defaultdict(list)
    for path, right in trials:
        walks[path].append(right)
    shares = [
        math.comb(sum(rights), min(k, len(rights))) / math.comb(len(rights), min(k, len(rights)))
        for rights in walks.values()
    ]
    return sum(shares) / len(shares) if shares else 0.0
