"""Planted kernels are refused by the gate they are planted for, honest ones pass."""

from __future__ import annotations

import pytest

from bench.kernel_cheats import bad
from bench.kernel_cheats import judged
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels import latency
from pytest_compiledai.kernels.judge import GATES
from pytest_compiledai.kernels.judge import execution
from pytest_compiledai.kernels.judge import judge
from pytest_compiledai.kernels.judge import security

pytest.importorskip("triton")
torch = pytest.importorskip("torch")
SEED = 20260101


@pytest.fixture(scope="module")
def planted():
    return list(bad("rmsnorm"))


def test_every_text_planted_for_security_is_refused_unread(planted):
    """None of the texts that the security gate is for gets further."""
    passed = [
        one.name
        for one in bad()
        if one.gate == "security" and security(one.contract, one.text, one.language)[1].passed
    ]

    assert passed == []


def test_texts_planted_for_later_gates_pass_security(planted):
    """What a later gate is for does not fall to the first one."""
    refused = [
        one.name
        for one in bad()
        if one.gate != "security" and not security(one.contract, one.text, one.language)[1].passed
    ]

    assert refused == []


@pytest.mark.parametrize(
    "name",
    [
        "zeros",
        "one output never written",
        "eps left out",
        "NaN swallowed",
        "right at one size only",
        "another way for small inputs",
        "read past the end",
        "input used as scratch",
        "two programs write one row",
    ],
)
def test_a_planted_kernel_is_refused_by_its_gate(planted, name):
    """The gate named in the corpus is the one that refuses."""
    (one,) = [one for one in planted if one.name == name and one.language == "triton"]

    assert judged(one, seed=SEED, compiled=False) == one.gate


@pytest.mark.parametrize("name", ["rmsnorm", "layernorm", "softmax", "elementwise", "sampler"])
def test_an_honest_kernel_passes(name):
    """The last legal candidate of a family passes execution and accuracy in its dtypes."""
    family = families.family(name)
    contract = family.contract()
    candidate = family.candidates(contract)[-1]
    ran, right = execution(contract, candidate, dtypes=("float32", "bfloat16"), seed=SEED)

    assert (ran.findings, right.findings) == ((), ())


def test_every_gate_is_asked_of_a_kernel_that_passes():
    """Five verdicts come back, and the code that was compiled."""
    contract = families.family("rmsnorm").contract()
    text = families.family("rmsnorm").candidates(contract)[0].source
    found = judge(
        contract, text, language="triton", dtype="bfloat16", targets=("sm_90",), seed=SEED
    )

    assert tuple(found.verdicts) == GATES
    assert found.passed
    assert list(found.built.cubins or ()) == ["sm_90/0"]
    assert found.verdicts["latency"].figures["basis"] == "modelled"


def test_nothing_of_a_refused_text_is_executed():
    """After security no gate is asked."""
    contract = families.family("rmsnorm").contract()
    found = judge(contract, "import os\nos.abort()\n", language="triton", dtype="float32")

    assert list(found.verdicts) == ["security"]
    assert not found.passed


def test_a_kernel_without_a_target_fails():
    """A gate that has nothing to compile for has failed."""
    contract = families.family("rmsnorm").contract()
    text = families.family("rmsnorm").candidates(contract)[0].source
    found = judge(contract, text, language="triton", dtype="float32", targets=())

    assert found.verdicts["syntax"].findings


def test_every_family_states_a_bounded_space_of_readable_candidates():
    """Each family yields 1 to 64 candidates a variant that the security gate lets through."""
    for name in families.names():
        family = families.family(name)
        contract = family.contract()
        for language in ("triton", "cpp"):
            found = family.candidates(contract, language=language)
            assert found, name
            for candidate in (found[0], found[-1]):
                assert security(contract, candidate.source, language)[1].findings == (), name


def test_a_kernel_of_this_processor_is_measured():
    """A C++ candidate passes five gates, and its time is no model."""
    family = families.family("elementwise")
    contract = family.contract()
    text = family.candidates(contract, language="cpp")[0].source
    found = judge(contract, text, language="cpp", dtype="float32", targets=("cpu",), seed=SEED)

    assert [verdict.findings for verdict in found.verdicts.values()] == [()] * len(GATES)
    assert found.verdicts["latency"].figures["basis"] == "measured"


def test_a_time_that_no_processor_has_is_refused():
    """Faster than its bytes can move is a finding, not a record."""
    contract = families.family("gemv").contract()
    found = latency.judge_cpu(contract, "float32", [1] * 15, [1000] * 15)

    assert [finding.rule for finding in found.findings] == ["latency.physics"]


def test_a_target_without_a_model_fails():
    """No model, no verdict that passes."""
    contract = families.family("rmsnorm").contract()
    candidate = families.family("rmsnorm").candidates(contract)[0]
    found = latency.judge(contract, candidate, (), ("sm_75",), "float32")

    assert [finding.rule for finding in found.findings] == ["latency.target"]
