"""Runs a frozen cascade: samples of the student, the teacher where they disagree, else nothing.

It asks through a function that the caller hands in (``litellm_ask`` asks over LiteLLM). A task that
nobody answers raises ``Abstained``: the caller keeps its own way for it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.distill.agreeing import agreed
from pytest_compiledai.distill.agreeing import is_open
from pytest_compiledai.distill.demos import Demos
from pytest_compiledai.distill.demos import Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request to one model."""

    model: str
    messages: Messages
    temperature: float
    max_tokens: int
    sample: int  # sent as the seed


#: Answers a question, at once or as an awaitable; raises whatever it likes.
Ask = Callable[[Question], "str | Awaitable[str]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """An answer, and how it was had."""

    answer: str
    escalated: bool  # the teacher gave it
    samples: int  # asked of the student


class Abstained(RuntimeError):
    """The samples disagreed and the teacher did not answer."""


def run(demos: Demos, task: Mapping[str, Any], ask: Ask, *, timeout_s: float = 120.0) -> Ran:
    """Return the answer to ``task``. Raises ``Abstained``; not for use inside a running loop."""
    return asyncio.run(arun(demos, task, ask, timeout_s=timeout_s))


async def arun(demos: Demos, task: Mapping[str, Any], ask: Ask, *, timeout_s: float = 120.0) -> Ran:
    """Return the answer to ``task``; ``timeout_s`` bounds each request. Raises ``Abstained``."""
    cascade = demos.cascade
    question = student_question(demos, task)
    first = cascade.agree if cascade.early_stop else cascade.samples
    answers = list(
        await asyncio.gather(*(_asked(ask, question(n), timeout_s) for n in range(first)))
    )
    while is_open(answers, cascade.agree, cascade.samples):
        answers.append(await _asked(ask, question(len(answers)), timeout_s))
    answer = agreed(answers, cascade.agree)
    if answer is not None:
        return Ran(answer=answer, escalated=False, samples=len(answers))
    told = await _asked(ask, teacher_question(demos, task), timeout_s)
    if told is None:
        raise Abstained(
            f"{len(answers)} samples of {cascade.student} disagreed and {cascade.teacher} gave none"
        )
    return Ran(answer=told, escalated=True, samples=len(answers))


def student_question(demos: Demos, task: Mapping[str, Any]) -> Callable[[int], Question]:
    """Return what makes the question of a sample."""
    cascade, messages = demos.cascade, demos.student(task)
    return lambda sample: Question(
        model=cascade.student,
        messages=messages,
        temperature=cascade.temperature,
        max_tokens=cascade.max_tokens,
        sample=sample,
    )


def teacher_question(demos: Demos, task: Mapping[str, Any]) -> Question:
    """Return the question to the teacher, which is asked once and without temperature."""
    cascade = demos.cascade
    return Question(
        model=cascade.teacher,
        messages=demos.teacher(task),
        temperature=0.0,
        max_tokens=cascade.max_tokens,
        sample=0,
    )


async def _asked(ask: Ask, question: Question, timeout_s: float) -> str | None:
    """Return the answer; None for none, an empty one, an error or one that took too long."""
    try:
        async with asyncio.timeout(timeout_s):
            answer = ask(question)
            text = await answer if inspect.isawaitable(answer) else answer
    except Exception:  # noqa: BLE001 - a client may raise anything; a sample that fails agrees with none
        return None
    return text if isinstance(text, str) and text.strip() else None


async def litellm_ask(question: Question) -> str:
    """Return the answer of the question's model, asked over LiteLLM."""
    from pytest_compiledai.llm.client import load_litellm

    reply = await load_litellm().acompletion(
        model=question.model,
        messages=[{"role": role, "content": text} for role, text in question.messages],
        temperature=question.temperature,
        max_tokens=question.max_tokens,
        seed=question.sample,
    )
    return str(reply.choices[0].message.content or "")
