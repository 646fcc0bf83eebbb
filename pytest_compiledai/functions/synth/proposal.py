"""What builtin/synth proposes for a unit: the text of a program, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.linear.model import fitted
from pytest_compiledai.functions.linear.program import program as linear_program
from pytest_compiledai.functions.synth import documents
from pytest_compiledai.functions.synth import records
from pytest_compiledai.functions.synth import requests

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program as text, and what it answers: None where it abstains."""

    text: str
    answer: Callable[[Any], Any]
    tells: bool = True  # whether its answers to train rows say how it does on others


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A reply that proposes a program, and the weights that it is handed."""

    reply: str
    weights: bytes = b""


def programs(spec: FunctionSpec) -> list[Program]:
    """Return a program of each class that fits the unit."""
    if spec.capabilities:
        return []
    found: list[Program] = []
    readers = documents.learned(spec)
    text = documents.program(spec, readers) if readers else None
    if readers and text:
        read = partial(documents.answer, spec, readers)
        return [Program(text=text, answer=read, tells=False)]
    fields = records.learned(spec)
    text = records.program(spec, fields) if fields else None
    if fields and text:
        found.append(Program(text=text, answer=lambda data: records.answer(fields, data)))
    text = requests.program(spec)
    if text:
        found.append(Program(text=text, answer=lambda data: requests.answer(spec, data)))
    return found


def proposal(spec: FunctionSpec) -> Proposal | None:
    """Return the reply that proposes a program, None where no class of programs fits the unit.

    It is made of the schemas, the description and the train rows; equal specs give equal bytes. Of
    several programs the one that answers most train rows right is proposed.
    """
    found = programs(spec)
    if not found:
        return None
    best = max(found, key=lambda program: right_and_wrong(spec, program)[0])
    return Proposal(reply=_fenced(best.text))


def linear_proposal(spec: FunctionSpec) -> Proposal | None:
    """Return the linear model that a spec declares, and the program that asks it.

    Raises ``ModelError`` where it cannot be trained.
    """
    model = fitted(spec)
    text = linear_program(spec, model)
    return Proposal(reply=_fenced(text), weights=model.data) if text else None


def _fenced(text: str) -> str:
    return f"```python\n{text}```\n"


def has_proposal(spec: FunctionSpec) -> bool:
    """Return whether the train rows say that a program is worth the gates, without being asked.

    Train rows alone: what is kept back must not decide what is proposed.
    """
    if spec.linear:  # the spec asks for it
        return True
    rows = spec.answers_in(Split.TRAIN)
    bar = spec.accuracy
    for program in programs(spec):
        if not program.tells:
            continue
        right, wrong = right_and_wrong(spec, program)
        answered = right + wrong
        if right and bar.threshold * answered <= right and bar.coverage * len(rows) <= answered:
            return True
    return False


def right_and_wrong(spec: FunctionSpec, program: Program) -> tuple[int, int]:
    """Return how many train rows a program answers right, and how many wrong."""
    answers = [(row.output, program.answer(row.input)) for row in spec.answers_in(Split.TRAIN)]
    right = sum(expected == answer for expected, answer in answers)
    wrong = sum(answer is not None and expected != answer for expected, answer in answers)
    return right, wrong
