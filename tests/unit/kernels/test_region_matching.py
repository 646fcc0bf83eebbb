"""A captured region finds its template family, and becomes the contract of a kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the extra `kernels` is not installed")

from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels.adapting import contract_of
from pytest_compiledai.kernels.choosing import _beside_framework
from pytest_compiledai.kernels.matching import language_of
from pytest_compiledai.kernels.matching import matched
from pytest_compiledai.kernels.matching import proposals
from pytest_compiledai.kernels.region import Op
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import Value


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
    """A product alone, or one with more around it, is left to the framework."""
    region = product()
    (linear, added) = region.ops
    more = (linear, added, op("aten.silu.default", ({"t": "t1"},), "t2", (1, 1, 64)))

    assert matched(replace(region, ops=(linear,))) is None
    assert matched(replace(region, ops=more)) is None


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


@pytest.mark.parametrize(("own", "passes"), [(90.0, True), (99.0, False), (150.0, False)])
def test_a_kernel_has_to_beat_the_framework_by_the_margin(own, passes):
    """As fast as the framework is no reason to leave it."""
    verdict = Verdict(gate="latency", figures={"cpu.us": own, "cpu.framework_us": 100.0})

    assert _beside_framework(verdict, 0.02).passed is passes
