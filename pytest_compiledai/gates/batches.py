"""Calling generated code in batches, without waiting long for code that never ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_compiledai.gates.promise import KILLS

if TYPE_CHECKING:
    from pytest_compiledai.core.calls import Answer
    from pytest_compiledai.core.calls import Session


def call_bounded(
    session: Session, inputs: Sequence[bytes], *, batch: int, kills: int
) -> list[Answer]:
    """Return the answers in order; fewer than inputs once ``kills`` workers had to be killed.

    The first call goes alone: code that never ends is known after one timeout. As long as no
    worker is killed, all the rest is one batch, afterwards ``batch`` inputs are. Inputs that the
    sandbox gave up on without calling the code have no answer.
    """
    answers: list[Answer] = []
    size = 1
    while len(answers) < len(inputs):
        asked = session.call(inputs[len(answers) : len(answers) + size])
        answers += itertools.takewhile(_was_called, asked)
        killed = sum(answer.status in KILLS for answer in answers)
        if killed >= kills or answers[0].status in KILLS:
            break
        size = batch if killed else len(inputs)
    return answers


def _was_called(answer: Answer) -> bool:
    """Return False where the sandbox passes on the ending of calls before, uncalled."""
    return answer.status not in KILLS or not answer.detail.startswith("not called: ")
