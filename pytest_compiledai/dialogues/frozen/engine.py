"""Take one turn of a conversation: a state and the user's text in, a state and a reply out.

    turn({"state": None, "text": ""})            # the first words
    turn({"state": state, "text": "a table"})    # {"state", "reply", "node", "intent", "terminal"}

The state is plain JSON. What is not surely understood raises ``Abstain`` and changes nothing.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

# tables: a flow's own take the place of these
FILES: Mapping[str, bytes] = {}
NODES: Mapping[str, Mapping[str, Any]] = {}
GUARDS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {}
INTENTS: Mapping[str, Mapping[str, Any]] = {}
VALUES: Mapping[str, Mapping[str, str]] = {}
PATTERNS: Mapping[str, re.Pattern[str]] = {}
NUMBERS: frozenset[str] = frozenset()
START = ""
# constants

MOST_TEXT = 1_000  # characters that are looked at
MOST_ROUTES = 100
MOST_TURNS = 1_000_000
MOST_WEIGHT = 127  # of eight bits with a sign
DIMENSIONS = 4_096  # hashed features
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|_[a-z0-9_]+_")


class Abstain(Exception):
    """Stand in for the exception that is given to the module when it is loaded."""


# code: the frozen file begins again here


class Span(NamedTuple):
    """A piece of the text that may be a slot's value."""

    start: int
    end: int
    slot: str
    value: str


class Model(NamedTuple):
    """The linear model: a row of whole numbers a feature, one for each intent."""

    labels: tuple[str, ...]
    rows: bytes
    examples: Mapping[str, list[list[str]]]  # of each intent, as words
    rarity: Mapping[str, float]  # of each word of the examples
    margin: float  # least lead of an answer
    support: float  # least share of an example that the text has


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case."""
    return [match[0] for match in _WORD.finditer(text.lower().replace("\u2019", "'"))]


def features(tokens: list[str]) -> list[int]:
    """Return the hashed features of a text: words, pairs of words, pieces of words; each once."""
    found = {f"w {word}": None for word in tokens}
    for first, second in zip(["^", *tokens], [*tokens, "$"], strict=True):
        found[f"p {first} {second}"] = None
    for word in tokens:
        if word[0] != "_":
            padded = f"<{word}>"
            for size in (3, 4):
                for at in range(len(padded) - size + 1):
                    found[f"c {padded[at : at + size]}"] = None
    return sorted({binascii.crc32(name.encode("utf-8")) % DIMENSIONS for name in found})


def spans(
    text: str, slots: list[str], values: Mapping[str, Mapping[str, str]], patterns: Any
) -> list[Span]:
    """Return what may be values of ``slots``; a longer piece hides those inside it."""
    found: list[Span] = []
    lowered = text.lower()
    pieces = [(match.start(), match.end()) for match in _WORD.finditer(lowered)]
    most = max((len(words(known)) for slot in slots for known in values.get(slot, {})), default=0)
    for first in range(len(pieces)):
        for last in range(first, min(len(pieces), first + most)):
            told = " ".join(words(text[pieces[first][0] : pieces[last][1]]))
            for slot in slots:
                if told in values.get(slot, {}):
                    place = (pieces[first][0], pieces[last][1])
                    found.append(Span(*place, slot, values[slot][told]))
    for slot in slots:
        if slot in patterns:
            places = patterns[slot].finditer(text)
            found += [Span(match.start(), match.end(), slot, match[0]) for match in places]
    longest = [
        span
        for span in found
        if not any(
            other.start <= span.start
            and span.end <= other.end
            and other.end - other.start > span.end - span.start
            for other in found
        )
    ]
    return sorted(longest)


def masked(text: str, found: list[Span]) -> list[str]:
    """Return the words of the text with each piece that may be a value replaced by its slots."""
    out: list[str] = []
    at = 0
    for start, end in sorted({(span.start, span.end) for span in found}):
        if start < at:
            continue
        out += words(text[at:start])
        out.append(_joined([span.slot for span in found if span.start == start]))
        at = end
    return [*out, *words(text[at:])]


def _joined(slots: list[str]) -> str:
    return f"_{'_or_'.join(sorted(set(slots)))}_"


def scores(tokens: list[str], model: Model) -> dict[str, float]:
    """Return how well each intent fits, by the square root of the number of features."""
    count = len(model.labels)
    totals = [0] * count
    present = features(tokens)
    for feature in present:
        row = model.rows[feature * count : (feature + 1) * count]
        totals = [
            total + (weight - 256 if weight > MOST_WEIGHT else weight)
            for total, weight in zip(totals, row, strict=True)
        ]
    scale = math.sqrt(len(present) or 1)
    return {name: total / scale for name, total in zip(model.labels, totals, strict=True)}


def ranked(tokens: list[str], legal: list[str], model: Model) -> tuple[str, float, float]:
    """Return the best legal intent, its lead over the next one, and its support."""
    fits = scores(tokens, model)
    order = sorted(legal, key=lambda name: (-fits[name], name))
    others = [fits[name] for name in order[1:]]
    lead = fits[order[0]] - max(others, default=0.0)
    return order[0], lead, support(tokens, model.examples[order[0]], model.rarity)


def support(tokens: list[str], examples: list[list[str]], rarity: Mapping[str, float]) -> float:
    """Return how much of the nearest example the text has, words that say much counting more."""
    have = set(tokens)
    best = 0.0
    for example in examples:
        whole = sum(rarity[word] for word in example)
        best = max(best, sum(rarity[word] for word in example if word in have) / whole)
    return best


def chosen(
    text: str, found: list[Span], intent: Mapping[str, Any]
) -> Iterator[tuple[str, str | int]]:
    """Yield the slots of an intent with their values; raise ``Abstain`` where it is not clear.

    Of several pieces, the one between the words that stand beside the slot in the examples is it.
    """
    rated = sorted(
        (-_beside(text, span, intent["beside"][span.slot]), span.start, span)
        for span in found
        if span.slot in intent["slots"]
    )
    taken: list[Span] = []
    for _, _, span in rated:
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        if free and span.slot not in [other.slot for other in taken]:
            taken.append(span)
    for rate, _, span in rated:
        rivals = [
            r for r, _, s in rated if s in taken and s.slot == span.slot and s.value != span.value
        ]
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        if free and rivals and rate <= rivals[0]:
            raise Abstain(f"slot: more than one {span.slot}")
    missing = [slot for slot in intent["required"] if slot not in [span.slot for span in taken]]
    if missing:
        raise Abstain(f"slot: no {missing[0]}")
    for span in taken:
        yield span.slot, int(span.value) if span.slot in NUMBERS else span.value


def _beside(text: str, span: Span, beside: list[list[str]]) -> int:
    before, after = words(text[: span.start])[-1:], words(text[span.end :])[:1]
    return 2 * (bool(before) and before[0] in beside[0]) + (bool(after) and after[0] in beside[1])


def read_model(data: bytes) -> Model:
    """Return the model in a safetensors file."""
    size = int.from_bytes(data[:8], "little")
    facts = json.loads(data[8 : 8 + size].decode("utf-8"))
    told = facts["__metadata__"]
    start, end = facts["weights"]["data_offsets"]
    return Model(
        labels=tuple(json.loads(told["labels"])),
        rows=data[8 + size + start : 8 + size + end],
        examples=json.loads(told["examples"]),
        rarity=json.loads(told["rarity"]),
        margin=float(told["margin"]),
        support=float(told["support"]),
    )


def arrived(target: str, slots: Mapping[str, Any], turns: int, intent: str | None) -> Any:
    """Return the turn's answer at the node that routes lead to from ``target``."""
    facts = {**slots, "turns": turns}
    name = target
    for _ in range(MOST_ROUTES):
        routes = NODES[name].get("routes")
        if routes is None:
            break
        name = next(to for guard, to in routes if guard is None or GUARDS[guard](facts))
    node = NODES[name]
    say = node["say"][turns % len(node["say"])]
    reply = re.sub(r"\{([a-z][a-z0-9_]*)\}", lambda match: str(slots.get(match[1], "")), say)
    return {
        "state": {"node": name, "slots": dict(sorted(slots.items())), "turns": turns},
        "reply": reply,
        "node": name,
        "intent": intent,
        "terminal": node.get("terminal"),
    }


def checked(state: Any) -> Mapping[str, Any]:
    """Return the state, or raise ``Abstain`` for one that this conversation cannot be in."""
    if not isinstance(state, dict) or sorted(state) != ["node", "slots", "turns"]:
        raise Abstain("state: not one of this conversation")
    node, slots, turns = state["node"], state["slots"], state["turns"]
    if not isinstance(node, str) or "edges" not in NODES.get(node, {}):
        raise Abstain("state: no node that waits for an answer")
    if type(turns) is not int or not 0 <= turns < MOST_TURNS:
        raise Abstain("state: no number of turns")
    if not isinstance(slots, dict) or not all(is_value(*item) for item in slots.items()):
        raise Abstain("state: no slots of this conversation")
    return state


def is_value(slot: Any, value: Any) -> bool:
    """Return whether a slot can hold a value."""
    if slot in VALUES:
        return value in VALUES[slot].values()
    if slot in NUMBERS:
        return type(value) is int
    return slot in PATTERNS and isinstance(value, str) and bool(PATTERNS[slot].fullmatch(value))


MODEL = Model((), b"", {}, {}, 0.0, 0.0)


def turn(data: dict[str, Any]) -> Any:
    """Return what follows the user's text; the state None begins a conversation."""
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise Abstain("input: no text")
    if data.get("state") is None:
        return arrived(START, {}, 0, None)
    state = checked(data["state"])
    text = data["text"][:MOST_TEXT]
    edges = NODES[state["node"]]["edges"]
    legal = sorted(edges)
    slots = sorted({slot for name in legal for slot in INTENTS[name]["slots"]})
    found = spans(text, slots, VALUES, PATTERNS)
    tokens = masked(text, found)
    if not tokens:
        raise Abstain("intent: no words")
    name, lead, near = ranked(tokens, legal, MODEL)
    if lead < MODEL.margin or near < MODEL.support:
        raise Abstain("intent: not sure")
    given = dict(chosen(text, found, INTENTS[name]))
    kept = {key: value for key, value in state["slots"].items() if key not in edges[name][1]}
    return arrived(edges[name][0], {**kept, **given}, state["turns"] + 1, name)
