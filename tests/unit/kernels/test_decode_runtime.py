"""The decode runtime on this processor: the framework's greedy tokens, by static buffers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra `kernels` is not installed")
transformers = pytest.importorskip("transformers", reason="the extra `kernels` is not installed")

from pytest_compiledai.core.canonical import digest  # noqa: E402 - beside them
from pytest_compiledai.core.entry import Entry  # noqa: E402 - beside them
from pytest_compiledai.core.lock import Lock  # noqa: E402 - beside them
from pytest_compiledai.core.lock import render  # noqa: E402 - beside them
from pytest_compiledai.kernels.capture import main as capturing  # noqa: E402 - needs torch
from pytest_compiledai.kernels.capture import step  # noqa: E402 - needs torch
from pytest_compiledai.kernels.matching import proposals  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.decoder import Decoder  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.kernel import fitted  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.kernel import launched  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.packing import siblings  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.replay import Direct  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.replay import Replay  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.replay import buckets  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.replay import stretches  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.sampler import sampled  # noqa: E402 - beside them
from pytest_compiledai.kernels.runtime.table import Table  # noqa: E402 - beside them

# Dynamo tells that the framework's own recorder of outputs is touched, and no more.
pytestmark = pytest.mark.filterwarnings("ignore")
PAGE = Path(__file__).parents[3] / "docs" / "decoding.md"
CONTEXT = 32
ROOMS = (8, 16, CONTEXT)
PROMPT = [3, 27, 12, 50, 9]
CONFIG = {
    "model_type": "qwen3",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 64,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
    "initializer_range": 0.3,  # tokens that differ from step to step
}
LLAMA = CONFIG | {"model_type": "llama", "num_hidden_layers": 1, "tie_word_embeddings": True}


def planned(config):
    facts = {"config": config, "dtype": "float32", "context": CONTEXT, "made_from": ""}
    return capturing.capture(facts)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def plan():
    return planned(CONFIG)


def model_of(config, seed=5):
    known = step.made_config(config)
    known._attn_implementation = "sdpa"
    torch.manual_seed(seed)
    return transformers.AutoModelForCausalLM.from_config(known, dtype=torch.float32).eval()


def greedy(model, prompt, count):
    """Return what the framework generates with its own cache."""
    ids = torch.tensor([prompt])
    facts = {"max_new_tokens": count, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    return model.generate(ids, attention_mask=torch.ones_like(ids), **facts)[0, ids.shape[1] :]


def kernels_of(plan, change=lambda text: text):
    """Return a family's C++ kernel for the two products with a sum, its text changed."""
    found = {}
    for region in map(plan.region, ("o_proj", "down_proj")):
        for one in proposals(region, ["cpu"], 1):
            text = change(one.source)
            kernel = fitted(region, text, ".cpp", dtype="float32", context=CONTEXT)
            found[region.name] = launched(kernel, torch.device("cpu"))
    return found


@pytest.mark.parametrize("config", [CONFIG, LLAMA], ids=lambda config: config["model_type"])
def test_it_says_the_frameworks_greedy_tokens(config, request):
    """Twenty tokens over three buckets, in recordings of four steps and of one, are equal."""
    plan = request.getfixturevalue("plan") if config is CONFIG else planned(config)
    model = model_of(config)
    expected = greedy(model, PROMPT, 20).tolist()
    decoder = Decoder(model, plan, rooms=ROOMS, replay=Replay(Direct(), many=4))

    assert expected == decoder.generate(PROMPT, 20)
    assert len(set(expected)) > 5


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with")
def test_kernels_run_where_they_are_given(plan):
    """With C++ kernels the tokens are the framework's; with a wrong one the logits are not."""
    model = model_of(CONFIG)
    expected = greedy(model, PROMPT, 8).tolist()
    decoder = Decoder(model, plan, kernels_of(plan), rooms=ROOMS)

    assert expected == decoder.generate(PROMPT, 8)
    assert decoder.runs_by["down_proj"] == "kernel"
    assert decoder.runs_by["argmax"] == "framework"

    wrong = kernels_of(plan, lambda text: text.replace("residual[row] +", ""))
    other = Decoder(model, plan, wrong, rooms=ROOMS)
    other.generate(PROMPT, 2)
    decoder.generate(PROMPT, 2)
    assert (other.step.logits - decoder.step.logits).abs().max() > 1e-2


def test_a_second_prompt_knows_nothing_of_the_first(plan):
    """What an earlier request left in the cache is not read, by a shorter prompt either."""
    model = model_of(CONFIG)
    decoder = Decoder(model, plan, rooms=ROOMS)
    fresh = decoder.generate(PROMPT[:3], 5)
    for keys, values in decoder.step.cache():
        keys.fill_(1e4)
        values.fill_(-1e4)

    assert fresh == decoder.generate(PROMPT[:3], 5)
    decoder.generate(PROMPT, 12)
    assert fresh == decoder.generate(PROMPT[:3], 5)


def test_generation_ends_with_a_stop_token(plan):
    """Tokens end with the first of the stop tokens, whenever they are read back."""
    decoder = Decoder(model_of(CONFIG), plan, rooms=ROOMS)
    whole = decoder.generate(PROMPT, 12)
    stop = whole[5]
    expected = whole[: whole.index(stop) + 1]

    assert expected == decoder.generate(PROMPT, 12, stop={stop}, every=4)
    assert expected == decoder.generate(PROMPT, 12, stop={stop}, every=100)


def test_siblings_share_one_tensor_with_the_framework(plan):
    """Three weights over one row become views of one tensor, and the model's own stay equal."""
    model = model_of(CONFIG)
    attention = model.model.layers[1].self_attn
    before = attention.k_proj.weight.detach().clone()
    Decoder(model, plan, rooms=ROOMS)

    assert siblings(plan.region("q_k_v_proj")) == (("w1", "w3", "w5"),)
    rows = attention.q_proj.weight.shape[0]
    joined = attention.q_proj.weight.data_ptr() + rows * before.shape[1] * 4
    assert attention.k_proj.weight.data_ptr() == joined
    assert torch.equal(attention.k_proj.weight, before)


def test_joined_and_single_products_say_the_same(plan):
    """Logits differ by rounding alone."""
    joined, single = (
        Decoder(model_of(CONFIG), plan, rooms=ROOMS, joined=joined) for joined in (True, False)
    )

    assert joined.generate(PROMPT, 6) == single.generate(PROMPT, 6)
    assert (joined.step.logits - single.step.logits).abs().max() < 1e-4


def test_angles_are_a_table_of_all_positions(plan):
    """The region of the angles became a look-up, whose rows are the region's own numbers."""
    decoder = Decoder(model_of(CONFIG), plan, rooms=ROOMS)
    place = next(n for n, call in enumerate(plan.calls) if call.region == "rotary_emb")
    values = {"position": torch.tensor([[13]])}
    site = decoder.step._in(ROOMS[0])[place]
    site.run(values)

    assert isinstance(site, Table)
    frequency = decoder.step._fixed["model.model.rotary_emb.inv_freq"]
    expected = torch.cos(torch.cat([frequency * 13, frequency * 13]))
    torch.testing.assert_close(values[plan.calls[place].outputs[0]][0, 0], expected)


def test_weights_of_another_model_are_refused(plan):
    """A plan of other sizes is refused with the place and both shapes."""
    other = model_of(CONFIG | {"intermediate_size": 128})

    with pytest.raises(ValueError, match=r"gate_proj.weight: found \(128, 64\).*\(96, 64\)"):
        Decoder(other, plan)


@pytest.mark.parametrize("length", [0, CONTEXT])
def test_a_prompt_has_to_fit(plan, length):
    """No prompt, and one that fills the cache, are refused."""
    with pytest.raises(ValueError, match=f"a prompt of {length} tokens; expected 1 to 31"):
        Decoder(model_of(CONFIG), plan).prefill([1] * length)


def test_stretches_follow_the_buckets():
    """Steps are cut where a bucket ends, and those beyond the cache are refused."""
    assert buckets(1500) == (512, 1024, 1500)
    assert list(stretches(500, 600, (512, 1024, 1500))) == [(512, 12), (1024, 512), (1500, 76)]
    with pytest.raises(ValueError, match="found 1501 positions; expected at most 1500"):
        list(stretches(1000, 501, (512, 1024, 1500)))


def test_a_sampler_draws_from_the_largest(plan):
    """Of one token it is greedy; of many it says others, by torch's own generator."""
    logits = torch.tensor([[[0.0, 3.0, 2.9, -50.0]]])
    torch.manual_seed(0)
    draw = sampled(1.0, top_k=2)

    assert {int(sampled(0.7, top_k=1)(logits)) for _ in range(20)} == {1}
    assert {int(draw(logits)) for _ in range(60)} == {1, 2}
    with pytest.raises(ValueError, match="found the temperature 0; expected a positive one"):
        sampled(0)
    decoder = Decoder(model_of(CONFIG), plan, rooms=ROOMS, sampler=sampled(1.0, top_k=1))
    assert decoder.generate(PROMPT, 8) == greedy(model_of(CONFIG), PROMPT, 8).tolist()


def test_the_code_of_the_page_decodes(plan, tmp_path, monkeypatch, capsys):
    """What the page of decoding shows runs, and regions that were not frozen say so."""
    model = model_of(CONFIG)
    model.save_pretrained(tmp_path / "model")
    path = tmp_path / "compiled" / "tiny" / "regions.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(plan.render())
    entry = Entry(
        name="tiny",
        kind="model",
        spec="specs/tiny.yaml",
        files={"tiny/regions.json": digest(plan.render())},
        source="0" * 64,
        evidence="0" * 64,
        proposer="plan",
        attempts=1,
        target="any",
        gates=("security@1", "syntax@1", "execution@1"),
    )
    (tmp_path / "compiledai.lock").write_bytes(render(Lock().with_entries(entry)))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    told = {}
    exec(code, told)

    assert told["tokens"] == greedy(model, [1, 2, 3], 16).tolist()
    assert "o_proj framework: tiny.o_proj: found no entry" in capsys.readouterr().out
