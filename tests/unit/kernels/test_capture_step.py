"""A captured step: its regions, called in the plan's order, are the model."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra `kernels` is not installed")
transformers = pytest.importorskip("transformers", reason="the extra `kernels` is not installed")

from pytest_compiledai.kernels.capture import main as capturing  # noqa: E402 - needs torch
from pytest_compiledai.kernels.capture import step  # noqa: E402 - needs torch
from pytest_compiledai.kernels.reference import evaluate  # noqa: E402 - beside them

# Dynamo tells that the framework's own recorder of outputs is touched, and no more.
pytestmark = pytest.mark.filterwarnings("ignore")
TOKENS = 64
CONFIG = {
    "model_type": "qwen3",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 256,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
}
BUILDER = """
from torch import nn, zeros
from torch.nn import functional

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.norm, self.narrow = nn.Linear(32, 64), nn.LayerNorm(64), nn.Linear(64, 10)

    def forward(self, x):
        return functional.softmax(self.narrow(functional.gelu(self.norm(self.wide(x)))), -1)

def build():
    return Small(), (zeros(1, 32),)
"""


def test_the_regions_in_order_say_the_frameworks_tokens():
    """Greedy tokens of the plan's regions equal those of the framework's own attention and cache."""
    plan = capturing.capture({"config": CONFIG, "dtype": "float32", "context": 96, "made_from": ""})
    torch.manual_seed(1)
    model = step.decoder(CONFIG, dtype="float32", context=96, device="cpu")
    wrapped = step.Step(model)
    known = dict(wrapped.named_parameters()) | dict(wrapped.named_buffers())
    assert _said(plan, known) == _framework(model.state_dict())


def test_a_builder_may_define_its_own_classes():
    """A module of a class that the user's file defines is captured and cut at its products."""
    order = {"config": None, "path": "b.py", "text": BUILDER, "function": "build"}
    plan = capturing.capture(order | {"dtype": "float32", "made_from": ""})
    assert [region.name for region in plan.regions] == ["wide", "narrow", "softmax"]


def _said(plan, known):
    token, said = torch.tensor([[7]]), []
    for position in range(TOKENS):
        values = known | {"token": token, "position": torch.tensor([[position]])}
        for call in plan.calls:
            region = plan.region(call.region)
            names = dict(zip([value.name for value in region.inputs], call.inputs, strict=True))
            found = evaluate(region, {name: values[place] for name, place in names.items()})
            written = {names[name]: found[name] for name in region.mutates}
            known |= written
            values |= written
            made = [found[value.name] for value in region.outputs]
            values |= dict(zip(call.outputs, made, strict=True))
        token = values[plan.outputs[0]]
        said.append(int(token))
    return said


def _framework(weights):
    config = step.made_config(CONFIG)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    model.load_state_dict(weights)
    cache, token, said = transformers.DynamicCache(config=config), torch.tensor([[7]]), []
    with torch.no_grad():
        for _ in range(TOKENS):
            logits = model(token, past_key_values=cache, use_cache=True).logits
            token = logits[:, -1].argmax(-1, keepdim=True)
            said.append(int(token))
    return said
