"""Whether a decoder says what it has to, however its steps are launched.

Random weights in half precision come to ties, after which two right answers go apart. So the
framework's tokens are put in one by one, and a choice that differs is told with the gap of the
framework's best two and how far logits were off.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from bench.gpu_setting import Row


def equal(found: Sequence[int], expected: Sequence[int]) -> int:
    """Return how many tokens are equal until the first that is not."""
    pairs = zip(found, expected, strict=True)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), len(found))


def called(decoder: Any, prompt: Sequence[int], count: int) -> list[int]:
    """Return the tokens of the decoder's steps called one after the other, without a recording."""
    decoder.prefill(prompt)
    for _ in _steps(decoder, len(prompt), count - 1):
        pass
    found: list[int] = decoder.step.said[len(prompt) - 1 :][:count].tolist()
    return found


def forced(decoder: Any, model: Any, prompt: Sequence[int], told: Sequence[int]) -> Row:
    """Return how many of the framework's choices the decoder makes after its very tokens.

    A choice that differs where the framework's best two are nearer than twice the error of logits
    is no fault.
    """
    import torch

    ids = torch.tensor([[*prompt, *told[:-1]]], device=decoder.step.token.device)
    with torch.no_grad():
        right = model(ids, logits_to_keep=len(told) - 1).logits[0].float()
    best = right.topk(2).values
    decoder.prefill(prompt)
    gaps, error = [], 0.0
    for place, _ in enumerate(_steps(decoder, len(prompt), len(told) - 1, told)):
        own = decoder.step.logits.flatten().float()
        error = max(error, float((own - right[place]).abs().max()))
        if int(own.argmax()) != int(right[place].argmax()):
            gaps.append(float(best[place, 0] - best[place, 1]))
    row: Row = {"forced": len(told) - 1 - len(gaps), "forced_of": len(told) - 1}
    row |= {"gap": max(gaps, default=0.0), "logits_error": error}
    return row | {"right": max(gaps, default=0.0) <= 2 * error}


def _steps(decoder: Any, start: int, count: int, tokens: Sequence[int] = ()) -> Iterator[None]:
    """Do steps from a position, each from its own token or from one of ``tokens``."""
    import torch

    for number in range(count):
        if tokens:
            decoder.step.token.fill_(tokens[number])
        with torch.no_grad():
            decoder.step.run(next(end for end in decoder.rooms if start + number < end))
        yield
