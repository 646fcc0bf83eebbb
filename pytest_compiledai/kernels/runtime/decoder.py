"""A decoder as production runs it: a prompt in, tokens out, one request at a time.

Its plan says the order of regions, frozen kernels run those they were measured for, the
framework's operators the others. The batch is one; a longer context than the plan's needs another
plan.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.kernels.runtime.packing import pack
from pytest_compiledai.kernels.runtime.prefill import prefill
from pytest_compiledai.kernels.runtime.replay import Direct
from pytest_compiledai.kernels.runtime.replay import Graphs
from pytest_compiledai.kernels.runtime.replay import Replay
from pytest_compiledai.kernels.runtime.replay import buckets
from pytest_compiledai.kernels.runtime.replay import stretches
from pytest_compiledai.kernels.runtime.step import Buckets
from pytest_compiledai.kernels.runtime.step import Launched
from pytest_compiledai.kernels.runtime.step import Sampler
from pytest_compiledai.kernels.runtime.step import Step

if TYPE_CHECKING:
    import torch

    from pytest_compiledai.kernels.plan import Plan

_INPUTS = ("token", "position")


class Decoder:
    """One model over static buffers."""

    def __init__(
        self,
        model: Any,
        plan: Plan,
        kernels: Mapping[str, Launched | Buckets] | None = None,
        *,
        rooms: Sequence[int] = (),
        sampler: Sampler | None = None,
        replay: Replay | None = None,
        joined: bool = True,
        early: bool = False,
    ) -> None:
        """Lay siblings of ``model`` (transformers' own) together and allocate the cache.

        ``rooms`` are the ends of the buckets of context; ``sampler`` is greedy unless it is given;
        without ``joined`` weights stay where they are and each is a product of its own; ``early``
        says that the kernels start early, and lets the end of a step do so as well.
        Raises ``ValueError`` for a plan that is no decoding step, ``KeyError`` for one of another
        model.
        """
        if plan.inputs != _INPUTS:
            raise ValueError(f"a step of {', '.join(plan.inputs)}; expected token and position")
        self._model = model
        tensors, context = _tensors(model, plan)
        wholes = pack(plan, tensors) if joined else {}
        on_device = next(iter(tensors.values())).device.type == "cuda"
        self.step = Step(
            plan,
            tensors,
            wholes,
            kernels or {},
            context=context,
            sampler=sampler,
            advance=_advancing(early=early) if kernels and on_device else None,
        )
        self.rooms = tuple(rooms) or buckets(context)
        device = self.step.token.device
        self._replay = replay or Replay(Graphs() if device.type == "cuda" else Direct())
        #: Region -> what it runs by; `frozen.py` fills in the reasons.
        self.runs_by: Mapping[str, str] = {
            region.name: "kernel" if region.name in (kernels or {}) else "framework"
            for region in plan.regions
        }
        self._at = 0
        self._first = 0

    def reset(self) -> None:
        """Forget the prompt; what lies in the cache is beyond the position and not read."""
        self._at = self._first = 0
        self.step.token.zero_()
        self.step.position.zero_()

    def prefill(self, prompt: Sequence[int]) -> None:
        """Take a prompt into the cache and choose the token that follows it.

        Raises ``ValueError`` for one that is empty or does not fit.
        """
        import torch

        if not 0 < len(prompt) < self.rooms[-1]:
            raise ValueError(
                f"found a prompt of {len(prompt)} tokens; expected 1 to {self.rooms[-1] - 1}"
            )
        self.reset()
        ids = torch.tensor([list(prompt)], device=self.step.token.device)
        prefill(self._model, self.step, ids)
        self._first = len(prompt) - 1
        self._at = len(prompt)

    def jump(self, position: int) -> None:
        """Go on at a position as if everything before it had been said, for measuring."""
        self.step.position.fill_(position)
        self._at = self._first = position

    def decode(self, count: int) -> None:
        """Do ``count`` steps; nothing waits for the device."""
        import torch

        with torch.no_grad():
            for room, size in stretches(self._at, count, self.rooms):
                self._replay.run(self.step, room, size)
        self._at += count

    def tokens(self) -> list[int]:
        """Return the tokens chosen since the prompt; waits for the device."""
        found: list[int] = self.step.said[self._first : self._at].tolist()
        return found

    def generate(
        self, prompt: Sequence[int], count: int, *, stop: Collection[int] = (), every: int = 16
    ) -> list[int]:
        """Return up to ``count`` tokens after ``prompt``, up to and with the first of ``stop``.

        With ``stop`` tokens are read back each ``every`` steps, else once at the end.
        """
        self.prefill(prompt)
        left = count - 1
        while left > 0:
            size = min(left, every) if stop else left
            self.decode(size)
            left -= size
            if stop and (found := _until(self.tokens(), stop)):
                return found
        told = self.tokens()
        return _until(told, stop) or told


def _advancing(*, early: bool) -> Callable[[Mapping[str, torch.Tensor]], None] | None:
    """Return the end of a step as one launch, where there is Triton to compile it."""
    if importlib.util.find_spec("triton") is None:
        return None
    from pytest_compiledai.kernels.runtime.advancing import advancing

    return advancing(early=early)


def _until(tokens: list[int], stop: Collection[int]) -> list[int]:
    """Return the tokens up to and with the first of ``stop``; nothing where there is none."""
    return next((tokens[: at + 1] for at, one in enumerate(tokens) if one in stop), [])


def _tensors(model: Any, plan: Plan) -> tuple[dict[str, torch.Tensor], int]:
    """Return parameters, buffers and an empty cache by the plan's names, and its positions."""
    import torch

    named = {
        **dict(model.named_parameters(remove_duplicate=False)),
        **dict(model.named_buffers(remove_duplicate=False)),
    }
    device = next(model.parameters()).device
    tensors: dict[str, torch.Tensor] = {}
    context = 0
    for call in plan.calls:
        for value, place in zip(plan.region(call.region).inputs, call.inputs, strict=True):
            kind = getattr(torch, value.dtype)
            if value.role == "weight":
                tensors[place] = named[place.removeprefix("model.")]
            elif value.role == "state" and place not in tensors:
                tensors[place] = torch.zeros(value.shape, dtype=kind, device=device)
                context = value.shape[2]
            if place in tensors and (tuple(tensors[place].shape), tensors[place].dtype) != (
                value.shape,
                kind,
            ):
                raise ValueError(
                    f"{place}: found {tuple(tensors[place].shape)} of {tensors[place].dtype}; "
                    f"expected {value.shape} of {value.dtype}, the plan's"
                )
    if not context:
        raise ValueError("a step without a static cache; expected keys and values in one")
    return tensors, context
