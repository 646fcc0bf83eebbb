"""Where candidates of kind `function` come from: a user's file, or a model and its repairs."""

from __future__ import annotations

import json
import math
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
from pytest_compiledai.functions.synth.proposal import has_proposal
from pytest_compiledai.functions.synth.proposal import proposal
from pytest_compiledai.functions.template import candidate_of
from pytest_compiledai.llm.request import BYTES_A_TOKEN
from pytest_compiledai.llm.request import LEAST_BYTES_A_TOKEN
from pytest_compiledai.llm.request import MOST_ANSWER_TOKENS
from pytest_compiledai.llm.request import TOKENS_A_MESSAGE

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Judged
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec

#: What a repair adds to a request beside the answer before it: findings, at most.
MOST_FINDING_TOKENS = 2_000


def propose(unit: Unit, history: Sequence[Judged], *, sample: int, asking: Asking) -> Candidate:
    """Return the next candidate. Raises ``ModelError`` when none can be had."""
    spec: FunctionSpec = unit.body
    if spec.candidate is not None:
        return _from_file(spec, history)
    if asking.model == BUILTIN:
        return _synthesised(spec, history, sample)
    messages = [*opening(spec), *_conversation(history)]
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
    spec: FunctionSpec = unit.body
    if spec.fuzz.reference != "model" or "fuzz" in unit.off:
        return 0
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


def _synthesised(spec: FunctionSpec, history: Sequence[Judged], sample: int) -> Candidate:
    """Return what builtin/synth proposes, once: it has no second idea."""
    text = proposal(spec)
    candidate = _assembled(spec, text, proposer=BUILTIN, attempt=1) if text else None
    judged = candidate and any(one.candidate.address == candidate.address for one in history)
    if candidate is None or judged or sample:
        raise RecordingMissing(
            where=f"{spec.path}::{spec.name}",
            found=f"{'a candidate' if candidate else 'no program'} of {BUILTIN}"
            f"{' that was judged' if candidate else ''}",
            expected="more train rows, a schema it can read, or a model",
            next=f"pytest --compile --compile-model NAME {spec.path}::{spec.name}",
        )
    return candidate


def _assembled(spec: FunctionSpec, reply: str, *, proposer: str, attempt: int) -> Candidate:
    try:
        data = assemble(spec, reply, fenced=spec.candidate is None).text.encode("utf-8")
    except TemplateError as error:
        return Candidate(
            files={}, proposer=proposer, attempt=attempt, reply=reply, refusal=error.finding
        )
    return Candidate(
        files={f"{spec.name}.py": data}, proposer=proposer, attempt=attempt, reply=reply
    )


def _conversation(history: Sequence[Judged]) -> list[prompt.Message]:
    """Return the turns since the opening: each answer, and what the gates found in it."""
    messages: list[prompt.Message] = []
    for judged in history:
        failed = judged.verdicts[-1]
        findings = [finding for finding in failed.findings if finding.quotable]
        code = None
        if judged.candidate.reply:
            messages.append(("assistant", judged.candidate.reply))
        else:
            (artifact,) = judged.candidate.files.values()
            code = candidate_of(artifact.decode("utf-8"))
        messages.append(prompt.repair(findings, gate=failed.gate, code=code))
    return messages
