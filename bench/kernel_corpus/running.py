"""Runs a program of the corpus behind the wall, twice with one object, and compares."""

from __future__ import annotations

import atexit
import os
import sys

import torch

from bench.kernel_corpus.problems import WRONG
from bench.kernel_corpus.problems import Question
from bench.kernel_corpus.problems import off
from bench.kernel_corpus.problems import problem
from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Limits
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import KernelZygote
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.inside import message

LIMITS = Limits(call_s=240.0, cpu_s=400, memory_mb=6000, answer_bytes=1 << 28)
_FURTHER = 3.0
SEED = 20260101
_HELD: list[KernelZygote] = []


class ProgramZygote(KernelZygote):
    """The process that has torch beside Triton's interpreter, for programs with host code."""

    @staticmethod
    def _argv(channel: int, granted: tuple[str, ...]) -> list[str]:  # noqa: ARG004 - none granted
        return [sys.executable, "-m", "bench.kernel_corpus.inside", str(channel), str(os.getpid())]


def judged(name: str, source: str) -> tuple[list[str], str]:
    """Return what running a program showed, and whether it ran (or why it did not)."""
    known = problem(name)
    if known is None:
        return [], "no mathematics of this problem here"
    if "__global__" in source or "triton" not in source:
        return [], "no Triton program"
    ran = 0
    why = ""
    for sizes in known.sizes:
        made = torch.Generator().manual_seed(SEED)
        questions = [known.ask(sizes, made) for _ in range(2)]
        try:
            shown = _asked(source, sizes, questions)
        except FaultError as error:
            if rule := _told(str(error)):
                return [rule], f"ran: {error}"
            why = why or str(error)
            continue
        ran += 1
        if shown:
            return shown, "ran"
    return [], "ran" if ran else f"cannot run here: {why}"


def _told(error: str) -> str:
    """Return the rule for an error that is the program's own, and not this place's."""
    if "TouchedWrong" in error:
        return "address" if " which has " in error or "in front of" in error else ""
    return "tuning" if "Conflicting meta-parameters" in error else ""


def _asked(source: str, sizes: tuple[int, ...], questions: list[Question]) -> list[str]:
    with Running(source, limits=LIMITS, zygote=_zygote()) as running:
        answers = [
            _call(running, sizes, question, first=not at) for at, question in enumerate(questions)
        ]
    first, second = (
        _worst(found, question) for found, question in zip(answers, questions, strict=True)
    )
    # The same object and the same addresses with other numbers in them: an answer that is further
    # off than the first one was made of what the first call left.
    if second > max(WRONG, _FURTHER * first):
        return [f"remembers: off by {second:.2g}"]
    return [f"wrong by {first:.2g}"] if first > WRONG else []


def _worst(found: list[bytes], question: Question) -> float:
    most = 0.0
    for data, right in zip(found, question.right, strict=False):
        if right.is_floating_point():
            kind = {2: torch.bfloat16, 4: torch.float32, 8: torch.float64}[
                len(data) // right.numel()
            ]
            most = max(most, off(torch.frombuffer(bytearray(data), dtype=kind), right))
    return most


def _call(
    running: Running, sizes: tuple[int, ...], question: Question, *, first: bool
) -> list[bytes]:
    named = [*_weights(question), *((f"{at}", one) for at, one in enumerate(question.inputs))]
    facts = [
        {"name": name, "dtype": str(one.dtype).split(".")[1], "shape": list(one.shape)}
        for name, one in named
    ]
    head = {"sizes": list(sizes), "first": first, "tensors": facts}
    blobs = [one.contiguous().view(torch.uint8).numpy().tobytes() for _, one in named]
    answer, data = message.unpack(running.ask(message.pack(head, blobs)))
    found, at = [], 0
    for size in answer["sizes"]:
        found.append(bytes(data[at : at + size]))
        at += size
    if len(found) < len(question.right):
        raise FaultError(f"{len(found)} outputs; expected {len(question.right)}")
    return found


def _weights(question: Question) -> list[tuple[str, torch.Tensor]]:
    return [
        (f"{number}:{name}", one)
        for number, stated in enumerate(question.weights)
        for name, one in stated.items()
    ]


def _zygote() -> KernelZygote:
    if not _HELD:
        _HELD.append(ProgramZygote(Conditions(), ()))
        atexit.register(_HELD[0].close)
    return _HELD[0]
