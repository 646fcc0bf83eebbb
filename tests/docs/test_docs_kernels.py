"""The kernel on the page about kernels is one that the gates let through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.contract import Tensor
from pytest_compiledai.kernels.families import FileReference
from pytest_compiledai.kernels.judge import execution
from pytest_compiledai.kernels.judge import security

PAGE = Path(__file__).parents[2] / "docs" / "kernels.md"


def test_the_kernel_of_the_page_passes(tmp_path):
    """It passes security, execution and accuracy against doubling."""
    pytest.importorskip("triton")
    pytest.importorskip("torch")
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    reference = tmp_path / "reference.py"
    reference.write_text('def reference(tensors, _):\n    return {"out": tensors["x"] * 2.0}\n')
    contract = Contract(
        name="double",
        family="",
        dims={"N": 1000},
        tensors=(
            Tensor(name="x", shape=("N",)),
            Tensor(name="out", shape=("N",), role="output"),
        ),
        reference=FileReference(reference),
        sweeps=({"N": 1}, {"N": 257}),
    )
    candidate, verdict = security(contract, source, "triton")
    assert verdict.findings == ()
    assert candidate is not None
    ran, right = execution(contract, candidate, dtypes=("float32", "bfloat16"), seed=1)

    assert (ran.findings, right.findings) == ((), ())
