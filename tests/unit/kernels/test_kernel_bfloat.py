"""The interpreter is proven before it runs a kernel, and refused where it is not mended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_compiledai.kernels.inside.message import pack
from pytest_compiledai.kernels.inside.message import unpack

pytest.importorskip("triton")

_PROBE = """
from pytest_compiledai.kernels.inside import bfloat, memory, selftest
memory.watch()
if {mended}:
    bfloat.mend()
try:
    selftest.prove()
    selftest.prove_stores()
    print("proven")
except bfloat.MendedWrongError as error:
    print(error)
"""


def probe(*, mended: bool) -> str:
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    argv = [sys.executable, "-c", _PROBE.format(mended=mended)]
    ran = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_the_mended_interpreter_is_proven():
    """Dot, sum, compare and stores of bfloat16 are right once mended."""
    assert probe(mended=True) == "proven"


def test_the_unmended_interpreter_is_refused():
    """The self-test names an operation that computes on bits."""
    assert "of bfloat16 in this version of the interpreter" in probe(mended=False)


def test_what_locks_a_worker_loads_no_numpy():
    """How many threads it may start is said between the two; a worker may start none."""
    program = "import sys, pytest_compiledai.kernels.inside.work\nsys.exit('numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_message_that_is_cut_is_refused():
    """A body without its head is an error."""
    assert unpack(pack({"a": 1}, [b"xy"]))[0] == {"a": 1}
    with pytest.raises(ValueError, match="head"):
        unpack(b"\x00\x00\x01\x00{}")
