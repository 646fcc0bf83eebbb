"""What a kernel that passes most inputs is still refused for, and unusual kernels that are right."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from bench.kernel_cheats import bad
from bench.kernel_cheats import good
from bench.kernel_cheats import judged
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.kernels import apart
from pytest_compiledai.kernels import candidate
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels import judge
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.inputs import SECRET_POSITIONS
from pytest_compiledai.kernels.inputs import cases
from pytest_compiledai.kernels.inputs import draw
from pytest_compiledai.kernels.inputs import in_part

SEED = 20260101
_HEAD = '/* launch\n{"LAUNCH": []}\n*/\n#include <algorithm>\n#include <cmath>\n'


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("rmsnorm", "keeps an answer that stands there"),
        ("rmsnorm", "nothing written for zeros"),
        ("rmsnorm", "a hint that does not hold"),
        ("rmsnorm", "another way at an aligned address"),
        ("rmsnorm", "looks beyond the end"),
        ("rmsnorm", "a lane too many"),
        ("sampler", "a maximum that starts at zero"),
        ("gemv", "a count kept below the stack"),
    ],
)
def test_a_kernel_that_is_right_on_most_inputs_is_refused(family, name):
    """The gate named in the corpus refuses it."""
    pytest.importorskip("triton")
    pytest.importorskip("torch")
    (one,) = [one for one in bad(family) if one.name == name]

    assert judged(one, seed=SEED, compiled=False) == one.gate


def test_a_kernel_that_knows_the_size_that_is_timed_is_refused():
    """What was timed is compared with the framework's answer, whatever smaller sizes showed."""
    pytest.importorskip("torch")
    family = families.family("gemv")
    contract = family.contract({"N": 40, "K": 64})
    honest = family.candidates(contract, language="cpp")[0]
    text = honest.source.replace("row < N", "row < (N == 40 ? 20 : N)")
    half = candidate.read(text, "cpp", contract)

    with pytest.raises(apart.FailedError, match="not the framework's"):
        apart.ask("measured", contract, half, "float32")


def test_what_the_warm_up_wrote_is_gone_when_a_kernel_is_timed():
    """A kernel that would skip what stands there already finds what stood there before."""
    pytest.importorskip("torch")
    family = families.family("gemv")
    contract = family.contract({"N": 40, "K": 64})
    honest = family.candidates(contract, language="cpp")[0]
    # Where it finds its own answer it spoils it, in place of the time that it would save.
    text = honest.source.replace(
        "out[row] = ", "out[row] = out[row] == residual[row] + total ? 0 : "
    )
    lazy = candidate.read(text, "cpp", contract)

    own, framework = apart.ask("measured", contract, lazy, "float32")

    assert len(own) == len(framework)


@pytest.mark.parametrize("name", ["few programs, many rows", "sums in double by a moving pointer"])
def test_an_unusual_kernel_that_is_right_passes(name):
    """Helpers, presets, loops over rows, lambdas and templates are nobody's cheat."""
    pytest.importorskip("triton")
    pytest.importorskip("torch")
    (one,) = [one for one in good("rmsnorm") if one.name == name]

    assert judged(one, seed=SEED, compiled=False) == ""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('extern "C" int f() { auto exp = std::rand; return exp(); }', "the function rand"),
        ('inline int calls = 0;\nextern "C" int f() { return ++calls; }', "outlive a call"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs an ELF library")
def test_a_library_that_can_remember_is_not_built(tmp_path, body, told):
    """Functions with state and data that can be written are read from the finished file."""
    with pytest.raises(native.NotBuiltError, match=told):
        native.build(_HEAD + "#include <cstdlib>\n" + body, tmp_path)


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("out[0] = tex1Dfetch<float>(0, 1);", {"security.call"}),
        ("out[0] = tex1Dfetch<decltype(x[0])>(0, 1);", {"security.call"}),
        ("out[0] = fmaxf(static_cast<float>(N), 1.0f);", set()),
        ("if (0 < N && x[0] > (out[0])) out[0] = x[0];", set()),
    ],
)
def test_a_call_with_template_arguments_is_a_call(body, rules):
    """What it reads is nobody's argument; a comparison of two is no call."""
    contract = families.family("gemv").contract()
    launch = {"kernel": "k", "grid": ["N"], "block": [32], "args": ["x", "out", "N"]}
    text = (
        f"/* launch {json.dumps({'LAUNCH': [launch]})} */\n#include <cstdint>\n"
        f'extern "C" __global__ void k(const float *x, float *out, int64_t N) {{ {body} }}\n'
    )

    found = judge.security(contract, text, "cuda")[1].findings

    assert {finding.rule for finding in found} == rules


def test_infinities_of_both_signs_are_drawn_and_mixed_where_no_token_is_chosen():
    """Which of NaN and infinity is the larger is no mathematics."""
    drawn = {
        name: [
            case for case in cases(families.family(name).contract(), "float32", SEED) if case.odd
        ]
        for name in ("gemv", "sampler")
    }
    numbers = [number for case in drawn["gemv"] for _, number in case.odd]

    assert {math.inf, -math.inf} <= set(numbers)
    assert any(len(case.odd) > 1 for case in drawn["gemv"])
    assert all(len(case.odd) == 1 for case in drawn["sampler"])


def test_the_first_and_the_last_row_of_a_table_are_asked_for():
    """Of a hundred thousand rows chance alone takes neither."""
    torch = pytest.importorskip("torch")
    contract = families.family("lookup").contract({"V": 5000, "N": 3})
    drawn = [
        (case.dims["V"], int(torch.flatten(draw(contract, case, "float32")["token"])[0]))
        for case in (*cases(contract, "float32", SEED), *in_part(contract, "float32", SEED))
    ]

    assert any(at == 0 and rows > 1 for rows, at in drawn)
    assert (5000, 4999) in drawn


def test_a_varying_size_is_never_larger_than_the_regions_own():
    """Secret positions lie in the cache, whatever the seed; static sizes are at least one."""
    contract = families.family("kv_write").contract()
    asked = [case.dims for seed in range(40) for case in cases(contract, "float32", seed)]
    found = [dims["pos"] for dims in asked]
    free = families.family("gemv").contract()
    least = [case.dims["K"] for seed in range(40) for case in cases(free, "float32", seed)]

    assert min(found) == 0
    assert all(dims["pos"] < dims["L"] for dims in asked)
    assert len(set(found)) > len(contract.sweeps) + 10
    assert min(least) >= 1


def test_secret_positions_have_every_remainder_by_a_small_number():
    """What is wrong at one position of every eleven is asked about, in every run."""
    contract = families.family("kv_write").contract()
    for seed in range(20):
        asked = [case.dims for case in cases(contract, "float32", seed)]
        shallow = [dims["pos"] for dims in asked if dims["L"] == contract.cut["L"]]
        assert {at % 11 for at in shallow[-SECRET_POSITIONS:]} == set(range(11))


def test_positions_beyond_a_cut_cache_are_asked_about_at_the_edges_of_blocks():
    """A cache is cut for time; what a kernel does further on is seen with one head."""
    contract = families.family("kv_write").contract()
    for seed in range(20):
        deep = [
            dims["pos"]
            for dims in (case.dims for case in cases(contract, "float32", seed))
            if dims["L"] == contract.dims["L"]
        ]
        assert {63, 0, 1} <= {at % 64 for at in deep if 512 <= at < contract.dims["L"] - 1}
        assert len(deep) == 7


def test_secret_scales_leave_no_wide_window():
    """Of numbers between the stated scales every eighth of the range is asked about."""
    contract = families.family("gemv").contract()
    for seed in range(20):
        scales = [case.scale for case in cases(contract, "float32", seed)][-14:]
        parts = {int(math.log(scale / 1e-6) / math.log(300 / 1e-6) * 8) for scale in scales}
        assert parts == set(range(8))


def test_naming_a_family_does_not_load_torch():
    """The process that reads families and judges texts stays without torch."""
    program = (
        "import sys\n"
        "from pytest_compiledai.kernels import apart, families, judge\n"
        "one = families.family('gemv')\n"
        "contract = one.contract()\n"
        "text = one.candidates(contract)[0].source\n"
        "assert judge.security(contract, text, 'triton')[1].passed\n"
        "sys.exit('torch' in sys.modules)\n"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_process_that_ended_is_told_as_a_tool():
    """No answer is never a verdict that passed."""
    held = apart.Apart()
    held._process.kill()
    held._process.wait()

    with pytest.raises(ToolError, match="a process with torch that answers"):
        held.ask("compared")


def test_a_question_that_fails_says_why():
    """An error on the other side comes back in words, and the process goes on."""
    held = apart.Apart()
    try:
        with pytest.raises(apart.FailedError, match="nonsense"):
            held.ask("nonsense")
        assert held.is_alive
    finally:
        held.close()
