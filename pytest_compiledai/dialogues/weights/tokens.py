"""The token stream of a conversation, and what of it is learned.

    <|agent|> <|act:NODE|> words of the agent <|end|> <|user|> words of the user <|end|> <|agent|> …

The action comes before the words, so one forward pass decides; only agent tokens are learned.
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
SPECIAL: Final = (PAD, END, USER, AGENT)


def action(node: str) -> str:
    """Return the token that stands for the action of going to ``node``."""
    return f"<|act:{node}|>"


def trained(texts: Iterable[str], nodes: Sequence[str], size: int) -> Any:
    """Return a byte-level vocabulary of at most ``size`` tokens, made of ``texts`` alone."""
    import tokenizers  # a compiled package that only this target needs

    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    found.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *map(action, nodes)],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    found.train_from_iterator(texts, trainer=trainer)
    return found


def extended(data: bytes, nodes: Sequence[str]) -> Any:
    """Return the vocabulary in ``data`` with the tokens of these nodes added where missing."""
    import tokenizers

    found = tokenizers.Tokenizer.from_str(data.decode("utf-8"))
    found.add_special_tokens([*SPECIAL, *map(action, nodes)])
    return found


class Encoded(NamedTuple):
    """A conversation as numbers."""

    ids: list[int]
    learned: list[bool]  # whether the token is one that the agent writes
    actions: list[int]  # indices of the action tokens


class Encoder:
    """Writes conversations as tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.pad, self.end, self.user, self.agent = map(tokenizer.token_to_id, SPECIAL)

    def words(self, text: str) -> list[int]:
        """Return the tokens of words; what looks like a special token is taken apart."""
        # A user who types `<|act:done|>` must not write an action.
        return list(self.tokenizer.encode(text.replace("<|", "< |"), add_special_tokens=False).ids)

    def said(self, text: str) -> list[int]:
        """Return the tokens of a user turn, up to where the agent has the word."""
        return [self.user, *self.words(text), self.end, self.agent]

    def conversation(self, turns: Sequence[Mapping[str, Any]]) -> Encoded:
        """Return a conversation; ``turns`` have ``node``, ``say`` and ``user``."""
        ids, learned, actions = [self.agent], [False], []
        for turn in turns:
            actions.append(len(ids))
            spoken = [
                self.tokenizer.token_to_id(action(turn["node"])),
                *self.words(turn["say"]),
                self.end,
            ]
            ids += spoken
            learned += [True] * len(spoken)
            if turn["user"]:
                heard = self.said(turn["user"])
                ids += heard
                learned += [False] * len(heard)
        return Encoded(ids, learned, actions)
