"""The token streams of one turn, and what of them is learned.

    <|agent|> <|has:SLOT|>… <|act:NODE|> <|user|> words of the user <|end|> <|agent|> <|act:NEXT|>
    <|agent|> <|act:NEXT|> words of the agent <|end|>

The state machine keeps the state, so a turn begins with it: the slots that guards look at, and the
node. The action comes before the words, so one forward pass decides. ``<|unsure|>`` stands in its
place where the user's words mean nothing that the node has an edge for. What the agent says depends
on the action alone.
Slots stay out of the weights: the agent's words hold ``{slot}``, which code fills in.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final
from typing import NamedTuple

PAD: Final = "<|pad|>"
END: Final = "<|end|>"
USER: Final = "<|user|>"
AGENT: Final = "<|agent|>"
UNSURE: Final = "<|unsure|>"
SPECIAL: Final = (PAD, END, USER, AGENT, UNSURE)


def action(node: str) -> str:
    """Return the token that stands for being at ``node``, or for going there."""
    return f"<|act:{node}|>"


def known(slot: str) -> str:
    """Return the token that stands for a slot that is filled."""
    return f"<|has:{slot}|>"


def own(choices: Mapping[str, Sequence[str]], slots: Sequence[str]) -> list[str]:
    """Return the tokens of a flow that are no words."""
    return [*SPECIAL, *map(action, choices), *map(known, slots)]


def trained(texts: Iterable[str], special: Sequence[str], size: int) -> Any:
    """Return a byte-level vocabulary of at most ``size`` tokens, made of ``texts`` alone."""
    import tokenizers  # a compiled package that only this target needs

    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    found.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    found.train_from_iterator(texts, trainer=trainer)
    return found


def extended(data: bytes, special: Sequence[str]) -> Any:
    """Return the vocabulary in ``data`` with these tokens added where they are missing."""
    import tokenizers

    found = tokenizers.Tokenizer.from_str(data.decode("utf-8"))
    found.add_special_tokens(list(special))
    return found


class Encoded(NamedTuple):
    """A turn as numbers."""

    ids: list[int]
    action: int  # index of the action token; what follows it are the agent's words
    node: str  # where the user spoke; "" where the agent does


class Encoder:
    """Writes turns as tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.pad, self.end, self.user, self.agent, self.unsure = map(tokenizer.token_to_id, SPECIAL)

    def words(self, text: str) -> list[int]:
        """Return the tokens of words; what looks like a special token is taken apart."""
        # A user who types `<|act:done|>` must not write an action.
        return list(self.tokenizer.encode(text.replace("<|", "< |"), add_special_tokens=False).ids)

    def act(self, node: str) -> int:
        """Return the token of a node. Raises ``ValueError`` where there is none."""
        found: int | None = self.tokenizer.token_to_id(action(node))
        if found is None:
            raise ValueError(f"found a vocabulary without `{node}`; expected a token for each node")
        return found

    def heard(self, node: str, has: Sequence[str], text: str) -> list[int]:
        """Return the tokens of a user's turn, up to where the agent has the word."""
        slots = [self.tokenizer.token_to_id(known(slot)) for slot in has]
        if None in slots:
            raise ValueError("found a vocabulary without some slots; expected a token for each")
        told = [self.agent, *slots, self.act(node), self.user]
        return [*told, *self.words(text), self.end, self.agent]

    def spoken(self, node: str, text: str) -> list[int]:
        """Return the tokens of what the agent says at a node."""
        return [self.agent, self.act(node), *self.words(text), self.end]

    def example(self, row: Mapping[str, Any]) -> Encoded:
        """Return a turn of the data, which is the row of an ``Example``."""
        if not row["node"]:
            return Encoded(self.spoken(row["after"], row["say"]), 1, "")
        ids = self.heard(row["node"], row["has"], row["user"])
        action = self.act(row["action"]) if row["action"] else self.unsure
        return Encoded([*ids, action], len(ids), row["node"])
