"""What a device would be told, launch by launch: Triton's back end runs over a driver without one.

Nothing of a device is imitated but its interface; the interpreter does what the launches ask for.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_compiledai.kernels.runtime.waiting import too_early

for package in ("torch", "transformers", "triton"):
    pytest.importorskip(package, reason="the extra `kernels` is not installed")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="CUDA's driver is Linux's here"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc to build a driver with"),
]
ROOT = Path(__file__).parents[3]
AHEAD = """
.visible .entry gemv(
	.param .u64 .ptr .global .align 1 gemv_param_0,
	.param .u64 .ptr .global .align 1 gemv_param_1,
	.param .u32 gemv_param_2
)
.reqntid 64
{
	ld.param.b64 	%rd1, [gemv_param_0];
	ld.param.b64 	%rd2, [gemv_param_1];
	ld.param.b32 	%r1, [gemv_param_2];
	mul.wide.s32 	%rd3, %r1, 2;
	add.s64 	%rd4, %rd2, %rd3;
	mov.u32 %r2, %r1;
	@%p1 ld.volatile.global.v4.b32 { %r5, %r6, %r7, %r8 }, [ %rd4 + 0 ];
	griddepcontrol.wait; // dummy %r9
$L__BB0_1:
	ld.global.b32 	%r3, [%rd1];
	st.global.b32 	[%rd1], %r3;
"""
POINTERS = {0: "x", 1: "weight"}


def said(program):
    """Return what a program says that changes its process for good."""
    argv = [sys.executable, "-m", f"tests.unit.kernels.device.{program}"]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def told():
    """Return what two decodings said: as the kernels were judged, and starting early."""
    return said("decoding")


def test_launches_say_the_frameworks_tokens(told):
    """Grids, addresses and numbers that a driver got compute what the framework does."""
    assert [one["tokens"] for one in told] == [one["wanted"] for one in told]
    for one in told:
        assert one["kernels"][-1] == "advance"
        assert {"argmax", "decode_attention", "down_proj", "q_k_v_proj"} <= {*one["regions"]}


def test_a_kernel_that_starts_early_is_launched_so(told):
    """Each of its launches carries the attribute, and none does where it was not asked for."""
    assert [one["attributes"] for one in told] == [[[]], [[[6, 1]]]]


def test_machine_code_is_launched_as_its_header_says():
    """Whole numbers are of 64 bits, others of 32; shared memory beyond 48 KiB is asked for."""
    found = said("machine_code")

    assert (found["grid"], found["block"]) == ([3, 2, 1], [64, 1, 1])
    assert (found["shared"], found["stream"]) == (100 << 10, 5)
    assert found["attributes"] == [["scale", 8, 100 << 10]]
    expected = struct.pack("<Qqf", found["place"], -7, 0.5)
    assert bytes.fromhex("".join(found["parameters"])) == expected


def test_reading_a_weight_is_no_reason_to_wait():
    """What follows the wait may read and write anything."""
    assert not too_early(AHEAD, POINTERS, {"weight"})


def test_one_of_two_weights_is_a_weight():
    """A compiler may choose between the places of parameters, and read the chosen one."""
    chosen = "mov.b64 %rd5, gemv_param_0;\n selp.b64 %rd6, %rd5, %rd5, %p1;\n"
    text = AHEAD.replace(
        "ld.param.b64 	%rd2, [gemv_param_1];", f"{chosen} ld.param.b64 %rd2, [%rd6];"
    )
    assert text != AHEAD

    assert not too_early(text, POINTERS, {"x"})
    assert too_early(text, POINTERS, {"weight"}) == "it reads x before it waits"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("add.s64 	%rd4, %rd2", "add.s64 	%rd4, %rd1", "it reads x before it waits"),
        ("add.s64 	%rd4, %rd2", "add.s64 	%rd4, %rd9", "it reads an unknown place"),
        ("	mov.u32 %r2, %r1;", "	st.global.b32 [%rd2], %r1;", "st.global.b32 stands before"),
        ("	mov.u32 %r2, %r1;", "$L__BB0_7:", "more than one way"),
        ("	mov.u32 %r2, %r1;", "	@%p1 bra 	$L__BB0_1;", "bra stands before"),
        ("griddepcontrol.wait", "griddepcontrol.launch_dependents", "it never waits"),
    ],
)
def test_what_may_be_unwritten_is_seen(old, new, reason):
    """A read of another buffer, a write, a second way and a kernel without a wait are told."""
    assert old in AHEAD
    assert reason in too_early(AHEAD.replace(old, new), POINTERS, {"weight"})


def test_a_load_that_a_compiler_moved_is_seen():
    """Without the list of weights the load in front of the wait has a reason against it."""
    assert too_early(AHEAD, POINTERS, ()) == "it reads weight before it waits"
