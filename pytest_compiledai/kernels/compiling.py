"""The syntax gate's work: compile a candidate for every target, and hold its code to a budget."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.parsing import parse
from pytest_compiledai.core.process import run
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.candidate import Launch
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.facts import Facts
from pytest_compiledai.kernels.facts import read
from pytest_compiledai.kernels.policy import policy

TARGETS = ("sm_80", "sm_90", "sm_100")
_TYPES = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float64": "fp64",
    "int32": "i32",
    "int64": "i64",
    "bool": "i1",
}
#: A stream below this size rides on latency: the width of its loads decides nothing.
_STREAM_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What compiling one candidate gave."""

    facts: tuple[Facts, ...] = ()
    cubins: Mapping[str, bytes] | None = None  # "<target>/<place of the launch>" -> bytes
    findings: tuple[Finding, ...] = ()


def compile_all(
    contract: Contract, candidates: Sequence[Candidate], *, dtype: str, targets: Sequence[str]
) -> list[Built]:
    """Compile Triton candidates in one process, which saves its start for all but the first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = [
            job
            for number, candidate in enumerate(candidates)
            for job in _jobs(folder, number, contract, candidate, dtype, targets)
        ]
        done = _run(folder, jobs)
        return [
            _built(number, contract, candidate, dtype, jobs, done)
            for number, candidate in enumerate(candidates)
        ]


def compile_one(
    contract: Contract, candidate: Candidate, *, dtype: str, targets: Sequence[str]
) -> Built:
    """Compile one candidate of any language; what cannot be compiled here is a finding."""
    try:
        if candidate.language == "triton":
            return compile_all(contract, [candidate], dtype=dtype, targets=targets)[0]
        if candidate.language == "cuda":
            return _cuda(contract, candidate, dtype=dtype, targets=targets)
        return _cpp(candidate, targets)
    except ToolError as error:
        return Built(findings=(Finding(rule="syntax.tool", message=error.render()),))


def _jobs(
    folder: Path,
    number: int,
    contract: Contract,
    candidate: Candidate,
    dtype: str,
    targets: Sequence[str],
) -> Iterator[dict[str, Any]]:
    path = folder / f"candidate_{number}.py"
    path.write_text(candidate.source, encoding="utf-8", newline="\n")
    for target in targets:
        for place, launch in enumerate(candidate.launches):
            identity = f"{number}/{target}/{place}"
            yield {
                "id": identity,
                "path": str(path),
                "kernel": launch.kernel,
                "out": str(folder / f"{identity.replace('/', '-')}.cubin"),
                "capability": int(target.removeprefix("sm_") or 0) if target[:3] == "sm_" else 0,
                "options": {"num_warps": launch.warps, "num_stages": launch.stages},
                "timeout_s": policy()["budget"]["compile_s"],
                **_signature(contract, candidate, launch, dtype),
            }


def _signature(
    contract: Contract, candidate: Candidate, launch: Launch, dtype: str
) -> dict[str, Any]:
    """Return types and alignment of the parameters, as a launch at the region's sizes has them.

    Buffers of the runtime are aligned to 16 bytes. A whole number counts as divisible by 16 only
    where it is and no size that varies is in it.
    """
    pointers = {tensor.name: tensor.dtype for tensor in contract.tensors}
    pointers |= {item.name: item.dtype for item in candidate.scratch}
    parameters = _parameters(candidate.source, launch.kernel)
    signature: dict[str, str] = {}
    aligned = []
    for place, argument in enumerate(launch.arguments):
        name = parameters[place]
        if argument in pointers:
            kind = pointers[str(argument)]
            signature[name] = "*" + _TYPES[dtype if kind == ANY else kind]
            aligned.append(place)
        elif argument in contract.numbers:
            signature[name] = "fp32"
        else:
            worth = expression.value(argument, contract.dims)
            signature[name] = "i32" if abs(worth) < 1 << 31 else "i64"
            if worth % 16 == 0 and not expression.names_of(argument) & set(contract.dynamic):
                aligned.append(place)
    constants = {k: expression.value(v, contract.dims) for k, v in launch.constants.items()}
    signature |= dict.fromkeys(constants, "constexpr")
    return {"signature": signature, "constants": constants, "aligned": aligned}


def _parameters(source: str, kernel: str) -> list[str]:
    import ast

    for node in parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == kernel:
            return [argument.arg for argument in node.args.args]
    return []


def _run(folder: Path, jobs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    (folder / "jobs.json").write_text(json.dumps(list(jobs)), encoding="utf-8")
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TRITON_CACHE_DIR": str(folder / "cache"),
        "TRITON_DEFAULT_FP_FUSION": "1",
        "TRITON_DISABLE_LINE_INFO": "1",  # a place on disk would be another cubin each time
        "LC_ALL": "C.UTF-8",
    }
    argv = [sys.executable, "-P", "-m", "pytest_compiledai.kernels.inside.compile", "jobs.json"]
    limit_s = 60.0 + policy()["budget"]["compile_s"] * len(jobs)
    ran = run(argv, cwd=folder, env=environment, timeout_s=limit_s)
    done: dict[str, dict[str, Any]] = {}
    for line in ran.out.decode("utf-8", "replace").splitlines():
        try:
            fact = json.loads(line)
            done[fact["id"]] = fact
        except (ValueError, KeyError, TypeError):
            continue  # a word of the compiler; a job without its line is a finding
    if not done:
        said = ran.err.decode("utf-8", "replace").strip().splitlines()
        raise ToolError(
            where="triton",
            found=said[-1][:200] if said else "no answer of the compiler",
            expected="Triton with its NVIDIA back end",
            next="pip install 'pytest-compiledai[kernels]'",
        )
    return done


def _built(
    number: int,
    contract: Contract,
    candidate: Candidate,
    dtype: str,
    jobs: Sequence[Mapping[str, Any]],
    done: Mapping[str, Mapping[str, Any]],
) -> Built:
    facts: list[Facts] = []
    cubins: dict[str, bytes] = {}
    findings: list[Finding] = []
    for job in jobs:
        if not job["id"].startswith(f"{number}/"):
            continue
        answer = done.get(job["id"], {"error": "no answer of the compiler"})
        target = job["id"].split("/")[1]
        if "error" in answer:
            findings.append(
                _found("syntax.compile", target, job["kernel"], answer["error"], "code")
            )
            continue
        cubin = Path(job["out"])
        fact = read(cubin, job["kernel"], target, shared=int(answer["shared"]))
        facts.append(fact)
        cubins[job["id"].partition("/")[2]] = cubin.read_bytes()
        launch = candidate.launches[int(job["id"].split("/")[2])]
        findings += _over_budget(fact, contract, launch, dtype)
    return Built(facts=tuple(facts), cubins=cubins, findings=tuple(findings))


def _over_budget(fact: Facts, contract: Contract, launch: Launch, dtype: str) -> Iterator[Finding]:
    budget = policy()["budget"]
    # At the architectural limit the compiler has started to move values elsewhere.
    if fact.registers >= budget["registers"]:
        found = f"{fact.registers} registers a thread"
        expected = f"less than {budget['registers']}"
        yield _found("syntax.registers", fact.target, fact.kernel, found, expected)
    if fact.local_bytes > budget["spill_bytes"] or fact.spill_loads:
        found = f"{fact.local_bytes} bytes of local memory, {fact.spill_loads} spills"
        yield _found("syntax.spill", fact.target, fact.kernel, found, "none")
    most = budget["shared_bytes"].get(fact.target, 0)
    if fact.shared_bytes > most:
        found = f"{fact.shared_bytes} bytes of shared memory"
        yield _found("syntax.shared", fact.target, fact.kernel, found, f"at most {most}")
    if _streams(contract, launch, dtype) and not fact.wide_loads + fact.bulk_loads:
        found = f"{fact.narrow_loads} loads, none of 16 bytes a thread"
        yield _found("syntax.vector", fact.target, fact.kernel, found, "wide loads of the stream")


def _streams(contract: Contract, launch: Launch, dtype: str) -> bool:
    """Return whether the launch takes the region's largest input, and that one is a stream."""
    sizes = {
        tensor.name: tensor_bytes(contract, tensor.name, dtype)
        for tensor in contract.tensors
        if tensor.role == "input"  # what is updated in place is touched, not read through
    }
    if not sizes:
        return False
    largest = max(sizes, key=lambda name: sizes[name])
    inner = contract.tensor(largest).sizes(contract.dims)[-1]
    whole = inner * (4 if dtype == "float32" else 2) % 16 == 0
    return whole and sizes[largest] >= _STREAM_BYTES and largest in launch.arguments


def tensor_bytes(contract: Contract, name: str, dtype: str) -> int:
    """Return the bytes of a tensor at the region's own sizes."""
    tensor = contract.tensor(name)
    kind = dtype if tensor.dtype == ANY else tensor.dtype
    width = {"float32": 4, "int32": 4, "float64": 8, "int64": 8, "bool": 1}.get(kind, 2)
    count = 1
    for size in tensor.sizes(contract.dims):
        count *= size
    return count * width


def _cuda(contract: Contract, candidate: Candidate, *, dtype: str, targets: Sequence[str]) -> Built:
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        raise ToolError(
            where="nvcc",
            found="no such program",
            expected="the CUDA compiler, for a candidate in CUDA",
            next="install the CUDA toolkit, or propose a Triton candidate",
        )
    facts: list[Facts] = []
    findings: list[Finding] = []
    cubins: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kernel.cu").write_text(candidate.source, encoding="utf-8", newline="\n")
        for target in targets:
            argv = [nvcc, "-cubin", f"-arch={target}", "-O3", "kernel.cu", "-o", f"{target}.cubin"]
            environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": name, "TMPDIR": name}
            limit_s = float(policy()["budget"]["compile_s"])
            ran = run(argv, cwd=folder, env=environment, timeout_s=limit_s)
            if ran.code != 0:
                said = ran.err.decode("utf-8", "replace")
                errors = [line for line in said.splitlines() if "error" in line] or [said]
                findings.append(_found("syntax.compile", target, "file", errors[0][:300], "code"))
                continue
            cubin = folder / f"{target}.cubin"
            for place, launch in enumerate(candidate.launches):
                fact = read(cubin, launch.kernel, target)
                facts.append(fact)
                cubins[f"{target}/{place}"] = cubin.read_bytes()
                findings += _over_budget(fact, contract, launch, dtype)
    return Built(facts=tuple(facts), cubins=cubins, findings=tuple(findings))


def _cpp(candidate: Candidate, targets: Sequence[str]) -> Built:
    if other := [target for target in targets if target != "cpu"]:
        found = "a C++ candidate"
        finding = _found("syntax.target", other[0], "file", found, "a kernel for that target")
        return Built(findings=(finding,))
    with tempfile.TemporaryDirectory() as name:
        try:
            native.build(candidate.source, Path(name))
        except native.NotBuiltError as error:
            return Built(findings=(_found("syntax.compile", "cpu", "file", str(error), "code"),))
    return Built()


def _found(rule: str, target: str, kernel: str, found: str, expected: str) -> Finding:
    return Finding(rule=rule, message=f"{target}, {kernel}: found {found}; expected {expected}")
