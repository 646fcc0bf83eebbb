"""Which kernels a decoder runs: those of the lock, for this device, measured; and how early."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the extra `kernels` is not installed")

import torch

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import render
from pytest_compiledai.kernels.compiling import compile_one
from pytest_compiledai.kernels.families import family
from pytest_compiledai.kernels.matching import proposals
from pytest_compiledai.kernels.plan import Call
from pytest_compiledai.kernels.plan import Plan
from pytest_compiledai.kernels.region import Op
from pytest_compiledai.kernels.region import Region
from pytest_compiledai.kernels.region import Value
from pytest_compiledai.kernels.runtime import driver
from pytest_compiledai.kernels.runtime.dependent import NEXT
from pytest_compiledai.kernels.runtime.dependent import WAIT
from pytest_compiledai.kernels.runtime.dependent import dependent
from pytest_compiledai.kernels.runtime.frozen import NotFrozen
from pytest_compiledai.kernels.runtime.frozen import frozen

CPU = torch.device("cpu")
N, K = 8, 16


def value(name, shape, role):
    strides = tuple(torch.empty(shape).stride())
    return Value(name=name, shape=shape, dtype="float32", strides=strides, role=role)


def op(target, args, out):
    facts = {"kwargs": {}, "shape": (1, 1, N), "dtype": "float32", "contract": "sum"}
    return Op(target=target, args=args, out=out, **facts)


@pytest.fixture
def plan():
    """A step of one region: a product with something added."""
    inputs = (
        value("x0", (1, 1, K), "activation"),
        value("w0", (N, K), "weight"),
        value("x1", (1, 1, N), "activation"),
    )
    ops = (
        op("aten.linear.default", ({"t": "x0"}, {"t": "w0"}), "t0"),
        op("aten.add.Tensor", ({"t": "x1"}, {"t": "t0"}), "t1"),
    )
    region = Region(
        name="down",
        family="gemv",
        inputs=inputs,
        outputs=(value("t1", (1, 1, N), "activation"),),
        ops=ops,
        mutates=(),
        flops=2 * N * K,
        count=1,
    )
    call = Call(region="down", inputs=("a", "weight", "b"), outputs=("sum",))
    facts = {"made_from": "0", "tools": {}, "parameters": N * K, "inputs": ("a", "b")}
    return Plan(regions=(region,), calls=(call,), outputs=("sum",), **facts)


def freeze(root, plan, *, basis="measured", **changes):
    """Write the artifacts and the lock of ``plan`` with a family's kernel for its region."""
    (kernel,) = proposals(plan.regions[0], ["cpu"], 1)
    manifest = {
        "signature": plan.regions[0].signature,
        "dtype": "float32",
        "targets": ["cpu"],
        "kernels": [{"upto": 32, "file": "kernel.cpp", "sha256": digest(kernel.source.encode())}],
    }
    files = {
        "m/regions.json": plan.render(),
        "m.down/region.json": json.dumps(manifest | changes).encode(),
        "m.down/kernel.cpp": kernel.source.encode(),
    }
    entries = []
    for path, data in files.items():
        (root / "compiled" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "compiled" / path).write_bytes(data)
    for name in ("m", "m.down"):
        held = {path: digest(data) for path, data in files.items() if path.startswith(f"{name}/")}
        entries.append(
            Entry(
                name=name,
                kind="model",
                spec="specs/m.yaml",
                files=held,
                source="0" * 64,
                evidence="0" * 64,
                proposer="plan",
                attempts=1,
                target="any",
                gates=("security@1", "syntax@1", "execution@1"),
                basis=basis,
            )
        )
    (root / "compiledai.lock").write_bytes(render(Lock().with_entries(*entries)))


def runs_by(root):
    return frozen(root, "m", device=CPU, dtype="float32").runs_by["down"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to build a kernel with")
def test_a_measured_kernel_of_this_device_runs(tmp_path, plan):
    """The kernel computes the region over tensors as they lie."""
    freeze(tmp_path, plan)
    found = frozen(tmp_path, "m", device=CPU, dtype="float32")
    a, b, weight = torch.randn(1, 1, K), torch.randn(1, 1, N), torch.randn(N, K)
    values = {"a": a, "b": b}
    found.kernels["down"].at(plan.calls[0], {"weight": weight}).run(values)

    assert found.runs_by == {"down": "kernel: cpp"}
    torch.testing.assert_close(values["sum"], b + a @ weight.T)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"basis": "modelled"},
            "framework: the kernel was chosen by a modelled time, not measured on cpu",
        ),
        ({"targets": ["sm_90"]}, "framework: the kernel was frozen for sm_90"),
        ({"dtype": "bfloat16"}, "framework: the kernel computes in bfloat16"),
        ({"signature": "0" * 64}, "framework: frozen for another region than the plan's"),
    ],
)
def test_any_other_kernel_leaves_its_region_to_the_framework(tmp_path, plan, changes, reason):
    """Each reason is told by name, and nothing of the kernel is built."""
    freeze(tmp_path, plan, **changes)

    assert runs_by(tmp_path) == reason


def test_edited_bytes_never_run(tmp_path, plan):
    """A kernel that is not the lock's leaves its region to the framework; a plan is refused."""
    freeze(tmp_path, plan)
    path = tmp_path / "compiled" / "m.down" / "kernel.cpp"
    path.write_bytes(path.read_bytes() + b"// more\n")

    assert runs_by(tmp_path).startswith("framework: m.down: found ")
    path = tmp_path / "compiled" / "m" / "regions.json"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(NotFrozen, match=r"m: found .*; expected the artifact m as it was frozen"):
        runs_by(tmp_path)


def test_a_project_without_a_lock_has_nothing_frozen(tmp_path):
    """The message names the file that is missing."""
    with pytest.raises(NotFrozen, match=r"compiledai\.lock: found no such file"):
        runs_by(tmp_path)


def early(name, weights=frozenset(), **dims):
    """Return a family's last candidate, its contract, what moves, and the early form of its text."""
    kind = family(name)
    contract = kind.contract(dims or None)
    candidate = kind.candidates(contract)[-1]
    moving = {*contract.names, *(item.name for item in candidate.scratch)} - weights
    return candidate, contract, moving, dependent(candidate, moving, weights)


@pytest.mark.parametrize(
    ("name", "weights"), [("gemv", {"weight"}), ("decode_attention", set()), ("sampler", set())]
)
def test_an_early_kernel_waits_before_it_touches_what_moves(name, weights):
    """Every kernel waits once at the top of its body, and nothing that moves is read before."""
    candidate, _, moving, text = early(name, weights)
    tree = ast.parse(text)

    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for launch in candidate.launches:
        function = functions[launch.kernel]
        told = [ast.unparse(node) for node in function.body]
        assert told.count(WAIT) == told.count(NEXT) == 1
        given = dict(zip([a.arg for a in function.args.args], launch.arguments, strict=False))
        before = {
            node.id
            for statement in function.body[: told.index(WAIT)]
            for node in ast.walk(statement)
            if isinstance(node, ast.Name)
        }
        assert not {name for name in before if given.get(name) in moving}


def test_an_early_kernel_loads_weights_while_it_waits():
    """The first round's masked load of the loop stands in front of the wait, and only that one."""
    *_, text = early("gemv", {"weight"})
    before, _, after = text.partition(WAIT)

    assert before.count("tl.load(weight + ") == 1
    assert "volatile=True" in before
    assert "tl.load(x" not in before
    assert after.count("tl.load(weight + ") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range(0, steps)", "range(which, steps)"),  # the first round may not run
        (", mask=live[:, None] & inside[None, :], other=0.0", ""),  # nothing bounds it
        ("start = (which * steps + step) * BK", "start = tl.load(x)"),  # needs what moves
    ],
)
def test_a_load_that_may_not_come_early_stays_where_it_is(old, new):
    """Of a round that may not run, without a mask, or by a value that moves."""
    kind = family("gemv")
    contract = kind.contract()
    candidate = kind.candidates(contract)[-1]
    assert old in candidate.source
    changed = replace(candidate, source=candidate.source.replace(old, new))
    text = dependent(changed, {*contract.names, "parts"} - {"weight"}, {"weight"})

    assert "volatile" not in text
    assert WAIT in text


def test_an_early_kernel_compiles_for_a_device_that_is_not_here():
    """The dependent form of a two-launch kernel compiles for sm_90."""
    pytest.importorskip("triton", reason="the extra `kernels` is not installed")
    candidate, contract, _, text = early("gemv", {"weight"}, N=64, K=2048)
    built = compile_one(
        contract, replace(candidate, source=text), dtype="bfloat16", targets=["sm_90"]
    )

    assert set(built.cubins or {}) == {"sm_90/0", "sm_90/1"}


def test_machine_code_needs_the_devices_driver(monkeypatch):
    """Without the library of a CUDA driver the message says what is missing."""
    driver._driver.cache_clear()
    monkeypatch.setattr(driver, "_LIBRARIES", ("libcompiledai-none.so",))

    with pytest.raises(ToolError, match="CUDA: found no driver library; expected libcompiledai"):
        driver.function(b"", "kernel")


INTERPRETED = """
import torch
from pytest_compiledai.kernels.families import family
from pytest_compiledai.kernels.runtime.launching import TritonLaunches
from pytest_compiledai.kernels.call import steps

torch.manual_seed(0)
kind = family("gemv")
contract = kind.contract({"N": 24, "K": 300})
candidate = kind.candidates(contract)[0]
x, weight, residual = torch.randn(300), torch.randn(24, 300), torch.randn(24)
buffers = {"x": x, "weight": weight, "residual": residual, "out": torch.full((24,), torch.nan)}
buffers |= {item.name: torch.empty(4096) for item in candidate.scratch}
TritonLaunches(candidate, steps(candidate, contract, contract.dims))(buffers)
torch.testing.assert_close(buffers["out"], residual + weight @ x, rtol=1e-5, atol=1e-4)
print("equal")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Triton is Linux's")
def test_triton_kernels_are_launched_by_their_own_text():
    """The launches of a family's kernel, through Triton's interpreter, compute its mathematics."""
    pytest.importorskip("triton", reason="the extra `kernels` is not installed")
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    argv = [sys.executable, "-W", "ignore", "-c", INTERPRETED]
    ran = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    assert (ran.stdout, ran.returncode) == ("equal\n", 0), ran.stderr
