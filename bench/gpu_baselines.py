"""What the framework does at its best: eager, compiled in its modes, each also in our own graph.

Attention over heads that share keys is forced into one call, and the static cache is as long as
the request and no longer: without both the framework copies the cache in every step.
Strong forms come first, for every model, so that a stage out of time has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.gpu_decoding import freed
from bench.gpu_setting import Row
from bench.gpu_setting import Setting
from bench.gpu_simple import Simple

#: Tokens before the measured steps, and the steps of a round.
PROMPT, STEPS = 128, 32


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to run a step."""

    step: str  # `simple` is the plain fast step, `static` transformers with its static cache
    mode: str = ""  # of torch.compile; empty for none
    graph: bool = False  # recorded by us
    shared: bool = True  # heads that share keys are forced into one call
    early: bool = False  # the compiler's dependent launch

    @property
    def label(self) -> str:
        """What the table calls it."""
        words = [self.step, self.mode or "eager"]
        words += ["own graph"] if self.graph else []
        words += [] if self.shared else ["heads repeated"]
        words += ["early launch"] if self.early else []
        return ", ".join(words)


FORMS = (
    Form(step="static"),
    Form(step="static", graph=True),
    Form(step="static", graph=True, shared=False),
    Form(step="simple", graph=True),
    Form(step="simple", mode="default", graph=True),
    Form(step="static", mode="default", graph=True),
    Form(step="simple", mode="reduce-overhead"),
    Form(step="static", mode="reduce-overhead"),
    Form(step="simple", mode="default", graph=True, early=True),
    Form(step="simple", mode="max-autotune"),
    Form(step="simple", mode="max-autotune-no-cudagraphs", graph=True),
    Form(step="static", mode="max-autotune"),
    Form(step="static", mode="max-autotune-no-cudagraphs", graph=True),
    Form(step="static", mode="default"),
)


def baselines(setting: Setting) -> Iterator[Row]:
    """Yield a row a form and model."""
    for form in FORMS:
        for name in setting.models:
            row: Row = {"what": "baseline", "model": name, "form": form.label}
            try:
                us = _measured(setting, name, form)
                floor = setting.floor_us(setting.plan(name), PROMPT + STEPS)
                row |= {"us": round(us, 1), "tokens_s": round(1e6 / us, 1)}
                row |= {"floor_share": round(floor / us, 3)} if floor else {}
            except Exception as error:  # noqa: BLE001 - a form that this torch cannot run
                row |= {"failed": f"{type(error).__name__}: {error}"[:300]}
            yield row
            _forget()


def _measured(setting: Setting, name: str, form: Form) -> float:
    """Return the median microseconds of a step."""
    import torch

    prompt, steps = (4, 4) if setting.reduced else (PROMPT, STEPS)
    rounds = 2 if setting.reduced else 6
    # Warming and recording take steps of their own.
    length = prompt + steps * (rounds + 4)
    with _told(form, reduced=setting.reduced), torch.no_grad():
        ids = torch.tensor([setting.prompt(name, prompt)], device=setting.device)
        made = {"simple": Simple, "static": _Static}[form.step](setting.model(name), ids, length)
        step = _compiled(made.step, form, reduced=setting.reduced)

        def one() -> None:
            if "cudagraphs" not in form.mode and form.mode:
                torch.compiler.cudagraph_mark_step_begin()
            made.token.copy_(step(made.token, made.position))
            made.position.add_(1)

        for _ in range(3):
            one()
        work = setting.recorded(one) if form.graph else one
        found = [
            setting._once(lambda: [work() for _ in range(steps)]) / steps for _ in range(rounds)
        ]
    return sorted(found)[len(found) // 2]


def _compiled(step: Callable[..., Any], form: Form, *, reduced: bool) -> Callable[..., Any]:
    import torch

    if not form.mode:
        return step
    if reduced:  # the tracer alone: to generate code for this processor takes minutes
        return torch.compile(step, backend="eager", fullgraph=True)
    return torch.compile(step, mode=form.mode, fullgraph=True)


@contextmanager
def _told(form: Form, *, reduced: bool) -> Iterator[None]:
    """Set what transformers and the compiler read."""
    import torch
    import torch._inductor.config as known

    before = os.environ.get("TRANSFORMERS_SDPA_FORCE_GQA")
    os.environ["TRANSFORMERS_SDPA_FORCE_GQA"] = "1" if form.shared else "0"
    held = getattr(known.triton, "enable_pdl", None)
    if form.early and held is None:
        raise RuntimeError(f"torch {torch.__version__} compiles no dependent launch")
    if held is not None and not reduced:
        known.triton.enable_pdl = form.early
    try:
        yield
    finally:
        if held is not None:
            known.triton.enable_pdl = held
        os.environ.pop("TRANSFORMERS_SDPA_FORCE_GQA")
        if before is not None:
            os.environ["TRANSFORMERS_SDPA_FORCE_GQA"] = before


def _forget() -> None:
    import torch

    torch._dynamo.reset()
    freed()


class _Static:
    """Transformers' model with its static cache."""

    def __init__(self, model: Any, prompt: Any, length: int) -> None:
        from transformers import StaticCache

        self._model = model
        self._cache = StaticCache(config=model.config, max_cache_len=length)
        out = model(prompt, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self.token = out.logits.argmax(-1).clone()
        self.position = self.token.new_full((1, 1), prompt.shape[1])

    def step(self, token: Any, position: Any) -> Any:
        """Return the next token."""
        out = self._model(token, position_ids=position, past_key_values=self._cache, use_cache=True)
        return out.logits[:, -1:].argmax(-1)
