"""Texts that users may write for a move along an edge, with the slots that they state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.flow import Intent
from pytest_compiledai.dialogues.flow import Slot
from pytest_compiledai.dialogues.flow import filled
from pytest_compiledai.dialogues.flow import placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """A user's text, and what it means."""

    text: str
    intent: str
    slots: tuple[tuple[str, str | int], ...]  # sorted; as the machine keeps them

    @property
    def values(self) -> dict[str, str | int]:
        """The slots by name."""
        return dict(self.slots)


def utterance(flow: Flow, intent: Intent, template: str, written: dict[str, str]) -> Utterance:
    """Return ``template`` with each slot as ``written``."""
    named = placeholders(template)
    values = {name: flow.slots[name].value_of(written[name]) for name in named}
    return Utterance(
        text=filled(template, written),
        intent=intent.name,
        slots=tuple(sorted(values.items())),
    )


def spoken(
    flow: Flow, intent: Intent, *, held_out: bool, values: int = 2, held_out_values: bool = False
) -> Iterator[tuple[int, Utterance]]:
    """Yield (template, utterance): each template with up to ``values`` choices of slot values.

    Values are taken in turn, so that different slots, and different templates, get different ones.
    """
    templates = intent.holdout if held_out else intent.examples
    for number, template in enumerate(templates):
        named = placeholders(template)
        for turn in range(values if named else 1):
            written = {
                name: _taken(
                    flow.slots[name], number * values + turn + offset, held_out=held_out_values
                )
                for offset, name in enumerate(named)
            }
            yield number, utterance(flow, intent, template, written)


def _taken(slot: Slot, index: int, *, held_out: bool) -> str:
    texts = slot.written(held_out=held_out)
    return texts[index % len(texts)]
