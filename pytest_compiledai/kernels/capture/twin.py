"""Greedy tokens of a plan's regions, kernels included, beside the framework's own.

An order in, JSON out; in a process of its own, for it imports torch. Weights are random, by the
order's seed; kernels run behind their wall, everything else by the regions' operators.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Generator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from math import prod
from pathlib import Path
from typing import Any
from typing import Self

import torch

from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.adapting import contract_of
from pytest_compiledai.kernels.call import bytes_of
from pytest_compiledai.kernels.call import steps
from pytest_compiledai.kernels.candidate import LANGUAGES
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.capture import step
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.matching import matched
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.reference import evaluate
from pytest_compiledai.kernels.region import WIDTHS
from pytest_compiledai.kernels.region import Region

Tensors = dict[str, torch.Tensor]
#: The end of a bucket, and what runs up to it; None for the region's operators.
_Buckets = Sequence[tuple[float, "_Kernel | None"]]


def main() -> int:
    """Read an order, write what both said; return 0, or 3 with the reason on standard error."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(1)
    try:
        told = compared(order)
    except Exception as error:  # noqa: BLE001 - whatever a kernel or the framework raises
        sys.stderr.write(f"\n{type(error).__name__}: {error}\n")
        return 3
    out.write(json.dumps(told))
    return 0


def compared(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the tokens part, and how far the logits do.

    ``apart`` is the step (-1: none), ``worst`` the logits' largest difference until there, ``gap``
    how far the framework's best two are apart there, ``ran`` how often each kernel ran. Both are
    given the framework's tokens, so that one difference is not the cause of the next.
    """
    plan = read_plan(order["plan"].encode())
    torch.manual_seed(order["seed"])
    model = step.decoder(
        order["config"], dtype=order["dtype"], context=order["context"], device="cpu"
    )
    wrapped = step.Step(model)
    known = dict(wrapped.named_parameters()) | dict(wrapped.named_buffers())
    framework = _framework(order["config"], order["dtype"], model.state_dict())
    # Kernels are right at every position: buckets shrink with the steps, so that all of them run.
    share = order["tokens"] / order["context"]
    with torch.no_grad(), ExitStack() as stack:
        kernels = {
            name: [
                (each["upto"] * share, _entered(stack, plan.region(name), each, order))
                for each in by_end
            ]
            for name, by_end in order["kernels"].items()
        }
        worst, own, token = 0.0, _said(plan, known, kernels), torch.tensor([[order["first"]]])
        next(own)
        for number in range(order["tokens"]):
            expected = framework.send(token)
            chosen, found = own.send((token, number))
            worst = max(worst, float((found - expected).abs().max()))
            top = expected.flatten().float().topk(2).values
            token = expected.flatten().argmax().reshape(1, 1)
            if int(chosen) != int(token):
                return _told(number, worst, float(top[0] - top[1]), kernels)
    return _told(-1, worst, 0.0, kernels)


def _entered(
    stack: ExitStack, region: Region, facts: Mapping[str, Any], order: Mapping[str, Any]
) -> _Kernel | None:
    return stack.enter_context(_Kernel(region, facts, order)) if facts["file"] else None


def _told(apart: int, worst: float, gap: float, kernels: Mapping[str, _Buckets]) -> dict[str, Any]:
    ran = {
        f"{name}{f' ({number})' if number else ''}": kernel.calls
        for name, by_end in kernels.items()
        for number, (_, kernel) in enumerate(by_end)
        if kernel
    }
    return {"apart": apart, "worst": worst, "gap": gap, "ran": ran}


def _said(plan: Plan, known: Tensors, kernels: Mapping[str, _Buckets]) -> Generator[Any, Any, None]:
    """Take a token and its position, yield the step's token and logits."""
    given: Any = yield
    while True:
        token, position = given
        values = known | {"token": token, "position": torch.tensor([[position]])}
        for call in plan.calls:
            region = plan.region(call.region)
            names = dict(zip([value.name for value in region.inputs], call.inputs, strict=True))
            inputs = {name: values[place] for name, place in names.items()}
            by_end = kernels.get(region.name, [])
            kernel = next((kernel for end, kernel in by_end if position < end), None)
            found = kernel.call(inputs) if kernel else evaluate(region, inputs)
            written = {names[name]: found[name] for name in region.mutates}
            known |= written
            values |= written
            made = [found[value.name] for value in region.outputs]
            values |= dict(zip(call.outputs, made, strict=True))
        given = yield values[plan.outputs[0]], values[plan.outputs[1]]


def _framework(
    config: Mapping[str, Any], dtype: str, weights: Mapping[str, Any]
) -> Generator[Any, Any, None]:
    """Take a token, yield the logits that the framework's own attention and cache give."""
    from transformers import AutoModelForCausalLM
    from transformers import DynamicCache

    made = step.made_config(config)
    made._attn_implementation = "eager"  # noqa: SLF001 - the only way to name one
    model: Any = AutoModelForCausalLM.from_config(made, dtype=getattr(torch, dtype)).eval()  # type: ignore[no-untyped-call]
    model.load_state_dict(weights)

    def says() -> Generator[Any, Any, None]:
        cache = DynamicCache(config=made)
        token: Any = yield
        while True:
            token = yield model(token, past_key_values=cache, use_cache=True).logits

    generator = says()
    next(generator)
    return generator


class _Kernel:
    """A frozen kernel of a region, loaded behind its wall."""

    def __init__(self, region: Region, facts: Mapping[str, Any], order: Mapping[str, Any]) -> None:
        self.region = region
        self.calls = 0
        self.match = None if facts["own"] else matched(region)
        self.dtype = order["dtype"]
        self.contract = contract_of(region, self.dtype, context=order["context"], match=self.match)
        language = LANGUAGES[Path(facts["file"]).suffix]
        self.candidate = read(facts["text"], language, self.contract)
        self.steps = steps(self.candidate, self.contract, self.contract.dims)
        self.stack = ExitStack()
        library = None
        if language == "cpp":
            folder = self.stack.enter_context(tempfile.TemporaryDirectory())
            library = native.build(facts["text"], Path(folder))
        source = "" if library else facts["text"]
        self.running = self.stack.enter_context(Running(source, library=library))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def call(self, inputs: Mapping[str, torch.Tensor]) -> Tensors:
        """Return outputs and mutated state by the region's names."""
        self.calls += 1
        names = self.match.names if self.match else {}
        back = {names.get(v.name, v.name): v for v in (*self.region.inputs, *self.region.outputs)}
        held = []
        for tensor in self.contract.tensors:
            value = back[tensor.name]
            kind = self.dtype if tensor.dtype == ANY else tensor.dtype
            output = tensor.role == "output"
            data = b"\xff" * value.size if output else bytes_of(inputs[value.name])
            writable = tensor.role != "input"
            held.append(
                Held(name=tensor.name, dtype=kind, data=data, writable=writable, returned=writable)
            )
        written = self.running.call([*held, *self._scratch()], self.steps)
        if written.broken:
            raise RuntimeError(f"{self.region.name}: wrote beside {', '.join(written.broken)}")
        return {
            back[name].name: torch.frombuffer(
                bytearray(data), dtype=getattr(torch, back[name].dtype)
            ).reshape(back[name].shape)
            for name, data in written.data.items()
        }

    def _scratch(self) -> list[Held]:
        """Return the memory between launches, which holds NaN before the first."""
        found = []
        for item in self.candidate.scratch:
            kind = self.dtype if item.dtype == ANY else item.dtype
            count = prod(expression.value(size, self.contract.dims) for size in item.shape)
            data = b"\xff" * (count * WIDTHS[kind])
            found.append(Held(name=item.name, dtype=kind, data=data, writable=True))
        return found


if __name__ == "__main__":
    sys.exit(main())
