"""A captured region finds its template family, and becomes the contract of a kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `kernels` is not installed")

from pytest_compiledai.kernels.adapting import contract_of
from pytest_compiledai.kernels.matching import language_of
from pytest_compiledai.kernels.matching import matched
from pytest_compiledai.kernels.matching import proposals
from pytest_compiledai.kernels.plan import read_plan
from pytest_compiledai.kernels.region import Op
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import Value

#: One decoding step of two small decoders with shared key heads, as the capture wrote it.
PLANS = Path(__file__).parents[2] / "data" / "regions"
FAMILIES = {
    "embed_tokens": "lookup",
    "rotary_emb": "angles",
    "q_k_v_proj": {"llama": "qkv", "qwen3": "qkv_norms"},
    "decode_attention": "decode_attention",
    "o_proj": "gemv",
    "gate_up_proj": "norm_gate_up",
    "down_proj": "gemv",
    "lm_head": "norm_gemv",
    "argmax": "sampler",
}
#: Operators that move no number, or only round, in these steps.
STILL = ("view", "reshape", "transpose", "unsqueeze", "select", "to")


def plan(model):
    return read_plan((PLANS / f"{model}.json").read_bytes())


def value(name, shape, role, dtype="float32", strides=None):
    steps, step = [], 1
    for size in reversed(shape):
        steps.insert(0, step)
        step *= size
    return Value(name=name, shape=shape, dtype=dtype, strides=strides or tuple(steps), role=role)


def op(target, args, out, shape, dtype="float32", **rest):
    return Op(
        target=target,
        args=args,
        kwargs=rest,
        out=out,
        shape=shape,
        dtype=dtype,
        contract="sum",
    )


def product(n=64, k=2048, **changes) -> Region:
    """Return a row of ``k`` numbers times ``n`` rows of weights, with something added."""
    facts = {
        "name": "down_proj",
        "family": "gemv",
        "inputs": (
            value("x0", (1, 1, k), "activation"),
            value("w0", (n, k), "weight"),
            value("x1", (1, 1, n), "activation"),
        ),
        "outputs": (value("t1", (1, 1, n), "activation"),),
        "ops": (
            op("aten.linear.default", ({"t": "x0"}, {"t": "w0"}), "t0", (1, 1, n)),
            op("aten.add.Tensor", ({"t": "x1"}, {"t": "t0"}), "t1", (1, 1, n)),
        ),
        "mutates": (),
        "flops": 2 * n * k,
        "count": 1,
    }
    return Region(**(facts | changes))


def test_a_product_with_a_sum_is_a_gemv():
    """Values get the family's names, whichever side the sum stands on."""
    names = {"x0": "x", "w0": "weight", "x1": "residual", "t1": "out"}
    region = product()
    (linear, added) = region.ops
    turned = replace(region, ops=(linear, replace(added, args=({"t": "t0"}, {"t": "x1"}))))

    for each in (region, turned):
        match = matched(each)
        assert match is not None
        assert (match.family, match.names, match.dims) == ("gemv", names, {"N": 64, "K": 2048})


def test_other_mathematics_has_no_family():
    """A product of one row alone, or one with more around it, is left to the framework."""
    region = product()
    (linear, added) = region.ops
    more = (linear, added, op("aten.silu.default", ({"t": "t1"},), "t2", (1, 1, 64)))

    alone = (value("t0", (1, 1, 64), "activation"),)
    assert matched(replace(region, ops=(linear,), outputs=alone)) is None
    beyond = (value("t2", (1, 1, 64), "activation"),)
    assert matched(replace(region, ops=more, outputs=beyond)) is None


def test_proposals_are_in_the_language_of_the_targets_and_few():
    """C++ for this processor, Triton for others, nothing for both at once."""
    assert {c.language for c in proposals(product(), ["cpu"], 4)} == {"cpp"}
    triton = proposals(product(n=2048), ["sm_80", "sm_90"], 4)

    assert ({c.language for c in triton}, len(triton)) == ({"triton"}, 4)
    assert len({c.source for c in triton}) == 4
    assert proposals(product(), ["cpu", "sm_90"], 4) == []
    assert language_of(["cpu", "sm_80"]) is None


def test_a_contract_bears_the_names_of_the_plan_or_of_the_family():
    """A kernel of the user's speaks the plan's names; its reference is the region's operators."""
    import torch

    region = product(n=3, k=5)
    own, family = (
        contract_of(region, "float32"),
        contract_of(region, "float32", match=matched(region)),
    )
    given = {"x0": torch.ones(1, 1, 5), "w0": torch.ones(3, 5), "x1": torch.ones(1, 1, 3)}

    assert own.names == ("x0", "w0", "x1", "t1")
    assert family.names == ("x", "weight", "residual", "out")
    assert family.dims == {"N": 3, "K": 5}
    assert own.reference(given, {})["t1"].flatten().tolist() == [6.0, 6.0, 6.0]
    renamed = dict(zip(("x", "weight", "residual"), given.values(), strict=True))
    renamed = {name: tensor.squeeze() for name, tensor in renamed.items()}
    assert family.reference(renamed, {})["out"].flatten().tolist() == [6.0, 6.0, 6.0]


def test_whole_numbers_stay_below_what_they_pick_from():
    """A token picks one of the table's rows; any other whole number is a position."""
    table = replace(
        product(),
        inputs=(value("w0", (7, 4), "weight"), value("x0", (1, 1), "activation", "int64")),
        outputs=(value("t0", (1, 1, 4), "activation"),),
        ops=(op("aten.embedding.default", ({"t": "w0"}, {"t": "x0"}), "t0", (1, 1, 4)),),
    )
    position = replace(table, ops=(op("aten.cos.default", ({"t": "x0"},), "t0", (1, 1, 4)),))

    assert contract_of(table, "float32", context=99).tensor("x0").below == "7"
    assert contract_of(position, "float32", context=99).tensor("x0").below == "99"


def test_strides_of_another_order_are_refused():
    """A kernel's interface has no strides, so that a turned tensor cannot be handed over."""
    turned = value("w0", (64, 2048), "weight", strides=(1, 64))
    region = product()

    with pytest.raises(ValueError, match="row-major"):
        contract_of(replace(region, inputs=(region.inputs[0], turned)), "float32")


@pytest.mark.parametrize("model", ["llama", "qwen3"])
def test_every_region_of_a_decoders_step_finds_its_family(model):
    """Nine regions, from the embedding to the token, whatever they and their values are called."""
    for region in plan(model).regions:
        expected = FAMILIES[region.name]
        match = matched(replace(region, name="other", family="framework"))
        assert match is not None, region.name
        assert match.family == (expected if isinstance(expected, str) else expected[model])
        values = (*region.inputs, *region.outputs)
        assert set(match.names) == {each.name for each in values}


def changed(region):
    """Yield the region with one operator another, or one whole number in it another."""
    for place, each in enumerate(region.ops):
        name = each.target.split(".")[1]
        if name in STILL:
            continue
        yield f"{place} {name}", place, replace(each, target="aten.sub.Tensor")
        for at, arg in enumerate(each.args):
            if type(arg) is int and abs(arg) < 1 << 60 and name != "argmax":
                args = (*each.args[:at], 1 if arg == 0 else 0, *each.args[at + 1 :])
                yield f"{place} {name} {arg}", place, replace(each, args=args)


@pytest.mark.parametrize("model", ["llama", "qwen3"])
def test_one_operator_more_or_other_leaves_a_region_to_the_framework(model):
    """No operator and no axis, bound or power can be exchanged without being seen."""
    for region in plan(model).regions:
        for told, place, one in changed(region):
            ops = (*region.ops[:place], one, *region.ops[place + 1 :])
            assert matched(replace(region, ops=ops)) is None, (region.name, told)


def test_operands_in_each_others_place_are_another_region():
    """Sine for cosine, keys for values, gate for up: sizes agree, the mathematics does not."""
    regions = {region.name: region for region in plan("llama").regions}
    for name, one, other in (("q_k_v_proj", "x1", "x2"), ("gate_up_proj", "w1", "w2")):
        region = regions[name]
        found = matched(region)
        text = repr(region.ops).replace(repr(one), "'?'").replace(repr(other), repr(one))
        ops = eval(text.replace("'?'", repr(other)), {"Op": Op})
        turned = matched(replace(region, ops=ops))
        assert turned is not None
        assert found is not None
        assert turned.names[one] == found.names[other]


def test_integers_of_either_width_are_taken_as_they_are():
    """A position in 32 bits is one in the contract and in the text of C++."""
    region = next(r for r in plan("llama").regions if r.name == "rotary_emb")
    narrow = replace(region.inputs[0], dtype="int32")
    for each, kind in (
        (region, "int64"),
        (replace(region, inputs=(narrow, region.inputs[1])), "int32"),
    ):
        contract = contract_of(each, "float32", match=matched(each))
        assert contract.tensor("position").dtype == kind
        assert f"const {kind}_t *position" in proposals(each, ["cpu"], 1)[0].source


def test_a_family_states_how_inputs_are_drawn_and_the_region_what_is_right():
    """Of a cache nothing beyond the position may be read; heads stay as wide as operators say."""
    region = next(r for r in plan("qwen3").regions if r.name == "decode_attention")
    contract = contract_of(region, "bfloat16", match=matched(region))

    assert contract.tensor("k").poison_from == "pos + 1"
    assert contract.numbers == {"scale": 0.25}
    assert {"pos": 0} in contract.sweeps
    assert {"pos": 47} in contract.sweeps
    assert not any("D" in sweep for sweep in contract.sweeps)


def test_cpp_is_not_proposed_for_half_precision():
    """A template of C++ reads float32 and nothing else."""
    regions = {r.name: r for r in plan("qwen3").regions}

    assert proposals(regions["lm_head"], ["cpu"], 4) == []
    assert proposals(plan("llama").region("lm_head"), ["cpu"], 4) != []
