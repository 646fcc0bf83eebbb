"""The step put together from its regions, kernels included, beside the framework's own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `kernels` is not installed")
pytest.importorskip("transformers", reason="the extra `kernels` is not installed")

from pytest_compiledai.kernels.capture import main as capturing
from pytest_compiledai.kernels.capture.twin import compared
from pytest_compiledai.kernels.matching import proposals
from pytest_compiledai.kernels.plan import read_plan

# Dynamo tells that the framework's own recorder of outputs is touched, and no more.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(sys.platform != "linux", reason="the wall of kernels is Linux's"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with"),
]
CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 64,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}
KERNEL = Path(__file__).parents[3] / "examples" / "model" / "down_proj.cpp"


@pytest.fixture(scope="module")
def plan():
    facts = {"config": CONFIG, "dtype": "float32", "context": 16, "made_from": ""}
    return capturing.capture(facts).render().decode()


def told(plan, text, region="down_proj", *, own=True):
    """Return what is said with a kernel of this text for one region."""
    kernel = {"file": "kernel.cpp", "text": text, "own": own, "upto": 16}
    order = {"plan": plan, "config": CONFIG, "dtype": "float32", "context": 16, "tokens": 12}
    return compared(order | {"seed": 3, "first": 1, "kernels": {region: [kernel]}})


def test_a_right_kernel_says_the_frameworks_tokens(plan):
    """Twelve tokens are equal, the logits but for rounding; the kernel ran in every step."""
    found = told(plan, KERNEL.read_text(encoding="utf-8"))

    assert (found["apart"], found["ran"]) == (-1, {"down_proj": 12})
    assert 0 < found["worst"] < 1e-5


def test_a_kernel_that_drops_a_term_is_seen_in_the_step(plan):
    """What was added before is missing: logits are far off, whatever the token."""
    text = KERNEL.read_text(encoding="utf-8").replace("along[row] + total", "total")

    assert told(plan, text)["worst"] > 1e-3


def test_a_familys_kernel_gets_scratch_and_writes_the_cache(plan):
    """Queries, keys and values by one kernel of a family, in every step, at every position."""
    region = read_plan(plan.encode()).region("q_k_v_proj")
    found = told(plan, proposals(region, ["cpu"], 1)[0].source, "q_k_v_proj", own=False)

    assert (found["apart"], found["ran"]) == (-1, {"q_k_v_proj": 12})
    assert 0 < found["worst"] < 1e-5
