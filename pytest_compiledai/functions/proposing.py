"""Where candidates of kind `function` come from: a user's file, or a model and its repairs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.candidate import Candidate
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions import prompt
from pytest_compiledai.functions.assembly import TemplateError
from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.assembly import signature_text
from pytest_compiledai.functions.reference import BATCH
from pytest_compiledai.functions.reference import is_model
from pytest_compiledai.functions.synth.proposal import has_proposal
from pytest_compiledai.functions.synth.proposal import linear_proposal
from pytest_compiledai.functions.synth.proposal import proposal
from pytest_compiledai.functions.template import candidate_of
from pytest_compiledai.functions.weights import code_path
from pytest_compiledai.functions.weights import weights_path
from pytest_compiledai.llm.request import BYTES_A_TOKEN
from pytest_compiledai.llm.request import LEAST_BYTES_A_TOKEN
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS
from pytest_compiledai.llm.request import TOKENS_A_MESSAGE

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec
    from pytest_compiledai.functions.synth.proposal import Proposal

#: What a repair adds to a request beside the answer before it: findings, at most.
MOST_FINDING_TOKENS = 2_000


def propose(unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking) -> Candidate:
    """Return the next candidate. Raises ``ModelError`` when none can be had."""
    spec: FunctionSpec = unit.body
    if spec.candidate is not None:
        return _from_file(spec, history)
    if asking.model == BUILTIN or _is_linear_next(spec, history, sample):
        return _synthesised(spec, history, sample)
    history = [judged for judged in history if judged.candidate.proposer != BUILTIN]
    messages = [*opening(spec), *_conversation(spec, history)]
    try:
        answered = asking.ask(messages, sample=sample)
    except RecordingMissing:
        if asking.model is not None or sample or history or not has_proposal(spec):
            raise
        return _synthesised(spec, history, sample)
    attempt = 1 + sum(bool(judged.candidate.reply) for judged in history)
    return _assembled(spec, answered.text, proposer=answered.model, attempt=attempt)


def opening(spec: FunctionSpec) -> tuple[prompt.Message, ...]:
    """Return the messages that ask for the first candidate of a chain."""
    return prompt.opening(spec, signature=signature_text(spec))


def bill(unit: Unit, attempts: int) -> tuple[int, int, int]:
    """Return the most that compiling can cost: calls, tokens in, tokens out."""
    spec: FunctionSpec = unit.body
    if spec.candidate is not None:
        return (0, 0, 0)
    messages = opening(spec)
    size = sum(len(text.encode("utf-8")) for _, text in messages)
    first = size // LEAST_BYTES_A_TOKEN + TOKENS_A_MESSAGE * (len(messages) + 2 * attempts)
    grown = MOST_ANSWER_TOKENS + MOST_FINDING_TOKENS
    chain_in = sum(first + turn * grown for turn in range(attempts))
    calls = attempts * unit.candidates
    asked = _reference_calls(unit)
    return (
        calls + asked,
        chain_in * unit.candidates + asked * first * 2,
        (calls + asked) * MOST_ANSWER_TOKENS,
    )


def _reference_calls(unit: Unit) -> int:
    if not is_model(unit):
        return 0
    spec: FunctionSpec = unit.body
    return math.ceil(spec.fuzz.reference_examples / BATCH)


def direct_tokens(spec: FunctionSpec) -> float | None:
    """Return the tokens of answering one input with the model itself.

    An estimate at four bytes a token of the reference's prompt with one input and of that row's
    output, averaged over the train rows.
    """
    rows = spec.rows_in(Split.TRAIN)
    if not rows:
        return None
    empty = sum(len(text.encode("utf-8")) for _, text in prompt.reference(spec, []))
    sizes = [
        len(json.dumps([row.input, row.output], ensure_ascii=False).encode("utf-8")) for row in rows
    ]
    return (empty + sum(sizes) / len(sizes)) / BYTES_A_TOKEN


def _from_file(spec: FunctionSpec, history: Sequence[Judged]) -> Candidate:
    if history:
        raise RecordingMissing(
            where=spec.candidate or "",
            found="a candidate of yours that was judged",
            expected="changes in that file: no model mends it",
            next=f"edit {spec.candidate}, then pytest --compile {spec.path}::{spec.name}",
        )
    return _assembled(spec, spec.candidate_text or "", proposer=f"file:{spec.candidate}", attempt=1)


def _is_linear_next(spec: FunctionSpec, history: Sequence[Judged], sample: int) -> bool:
    """Return whether the pool begins with the linear model that the spec declares."""
    return spec.linear is not None and not sample and not history


def _synthesised(spec: FunctionSpec, history: Sequence[Judged], sample: int) -> Candidate:
    """Return the next idea of builtin/synth: a linear model where one is declared, then code."""
    judged = {one.candidate.address for one in history}
    made = 0
    for idea in _ideas(spec)[sample:]:
        candidate = idea()
        made += candidate is not None
        if candidate is not None and candidate.address not in judged:
            return candidate
    raise RecordingMissing(
        where=f"{spec.path}::{spec.name}",
        found=f"{'no further' if made or sample else 'no'} program of {BUILTIN}",
        expected="more train rows, a schema it can read, or a model",
        next=f"pytest --compile --compile-model NAME {spec.path}::{spec.name}",
    )


def _ideas(spec: FunctionSpec) -> list[Callable[[], Candidate | None]]:
    ideas = [lambda: _offered(spec, proposal(spec))]
    return [lambda: _offered(spec, linear_proposal(spec)), *ideas] if spec.linear else ideas


def _offered(spec: FunctionSpec, made: Proposal | None) -> Candidate | None:
    if made is None:
        return None
    return _assembled(spec, made.reply, proposer=BUILTIN, attempt=1, weights=made.weights)


def _assembled(
    spec: FunctionSpec, reply: str, *, proposer: str, attempt: int, weights: bytes = b""
) -> Candidate:
    fenced = spec.candidate is None
    try:
        made = assemble(spec, reply, fenced=fenced, weights=bool(weights))
    except TemplateError as error:
        return Candidate(
            files={}, proposer=proposer, attempt=attempt, reply=reply, refusal=error.finding
        )
    files = {code_path(spec.name): made.text.encode("utf-8")}
    if weights:
        files[weights_path(spec.name)] = weights
    return Candidate(files=files, proposer=proposer, attempt=attempt, reply=reply)


def _conversation(spec: FunctionSpec, history: Sequence[Judged]) -> list[prompt.Message]:
    """Return the turns since the opening: each answer, and what the gates found in it."""
    messages: list[prompt.Message] = []
    for judged in history:
        code = None
        if judged.candidate.reply:
            messages.append(("assistant", judged.candidate.reply))
        else:
            artifact = next(d for path, d in judged.candidate.files.items() if path.endswith(".py"))
            code = candidate_of(artifact.decode("utf-8"))
        messages.append(prompt.repair(judged.verdicts, code=code, version=spec.proposing.repair))
    return messages
