"""What builtin/synth proposes for a unit: the text of a program, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.synth import requests

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec


def proposal(spec: FunctionSpec) -> str | None:
    """Return the reply that proposes a program, None where no class of programs fits the unit.

    It is made of the schemas, the description and the train rows; equal specs give equal bytes.
    """
    if spec.capabilities:
        return None
    text = requests.program(spec)
    return None if text is None else f"```python\n{text}```\n"


def has_proposal(spec: FunctionSpec) -> bool:
    """Return whether the train rows say that a program is worth the gates, without being asked.

    Train rows alone: what is kept back must not decide what is proposed.
    """
    rows = spec.rows_in(Split.TRAIN)
    if not rows or proposal(spec) is None:
        return False
    answers = [(row.output, requests.answer(spec, row.input)) for row in rows]
    answered = [pair for pair in answers if pair[1] is not None]
    right = sum(expected == answer for expected, answer in answered)
    bar = spec.accuracy
    return 0 < bar.threshold * len(answered) <= right and len(answered) >= bar.coverage * len(rows)
