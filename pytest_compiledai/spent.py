"""What recordings say that a model was paid for one function: its proposals, and its reference.

Counted are the exchanges of the model that made the artifact, rejected proposals included. What
no recording says is None, never an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.asking import request_of
from pytest_compiledai.core.result import Cost
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions import proposing
from pytest_compiledai.functions import reference
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.request import Message

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec
    from pytest_compiledai.llm.request import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Recorded exchanges of one model and their tokens."""

    model: str
    exchanges: int
    tokens: Cost
    estimated: int  # exchanges whose tokens the endpoint did not tell, or told wrongly
    inputs: int = 0  # that they answered, for the reference


def on_proposals(spec: FunctionSpec, folder: Path, model: str) -> Spent | None:
    """Return the exchanges that begin with the unit's first request; None where none is recorded.

    Raises ``ModelError`` for a broken recording.
    """
    messages = [Message(role=role, content=text) for role, text in proposing.opening(spec)]
    replies = Recordings(folder).beginning(messages)
    return _spent(reply for reply in replies if reply.model == model)


def on_reference(spec: FunctionSpec, folder: Path, model: str) -> Spent | None:
    """Return the exchanges in which the model answered inputs itself; None where one is missing.

    Raises ``ModelError`` for a broken recording.
    """
    if spec.fuzz.reference != "model":
        return None
    inputs = reference.inputs_of(spec, folder)
    recordings = Recordings(folder)
    replies = [
        recordings.choose(request_of(prompt.reference(spec, batch), 0), model=None, preferred=model)
        for batch in reference.batches(inputs or ())
    ]
    known = [reply for reply in replies if reply is not None]
    return _spent(known, inputs=len(inputs or ())) if len(known) == len(replies) else None


def _spent(replies: Iterable[Reply], *, inputs: int = 0) -> Spent | None:
    counted = list(replies)
    tokens = sum(
        (Cost(tokens_in=reply.tokens_in, tokens_out=reply.tokens_out) for reply in counted), Cost()
    )
    estimated = sum(reply.usage == "estimated" for reply in counted)
    if not counted:
        return None
    return Spent(
        model=counted[0].model,
        exchanges=len(counted),
        tokens=tokens,
        estimated=estimated,
        inputs=inputs,
    )
