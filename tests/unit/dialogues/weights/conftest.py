"""A flow of five nodes with a loop, small enough to be trained in a test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_compiledai.dialogues.spec import DialogueSpec

PARCEL = """\
compiledai: 1
kind: dialogue
name: parcel
description: Finds parcels.
target: weights
start: greet
slots:
  parcel: {pattern: "[0-9]{4}", examples: ["1234", "8812", "4077"], holdout: ["9365"]}
intents:
  track: {examples: [where is my parcel, track a parcel, when does my box come], holdout: [has it left]}
  complain: {examples: [it came broken, i want to complain, the lid was damaged], holdout: [all smashed]}
  quit: {examples: [never mind, forget it, i have to go], holdout: [leave it]}
  number: {examples: ["it is {parcel}", "the number says {parcel}", "{parcel}"], holdout: ["under {parcel}"]}
  lost: {examples: [i do not have one, i lost the slip, no idea], holdout: [the paper is gone]}
  another: {examples: [one more parcel, and another one, a second one too], holdout: [again]}
anywhere: {quit: over}
nodes:
  greet: {say: [parcel desk how can i help], edges: {track: ask, complain: person}}
  ask: {say: [what is the parcel number], edges: {number: told, lost: person}}
  told: {say: ["parcel {parcel} comes tomorrow"], edges: {another: ask, complain: person}}
  person: {say: [a colleague takes over], terminal: escalation}
  over: {say: [goodbye], terminal: success}
weights: {width: 64, layers: 2, heads: 2, vocabulary: 420, context: 256, examples: 7200, batch: 48, steps: 150, lr: 0.008, visits: 3, proof_steps: 2, path_action: 0.97, path_conversation: 0.8}
gates: {latency: {memory_mb: 900, cold_ms: 20000}, accuracy: {wording: 0, wording_coverage: 0}}
"""


@pytest.fixture(scope="session")
def parcel(read: Callable[[str], DialogueSpec]) -> DialogueSpec:
    """The flow that finds parcels."""
    return read(PARCEL)


@pytest.fixture(scope="session")
def parcel_text() -> str:
    """Its text, to be changed."""
    return PARCEL
