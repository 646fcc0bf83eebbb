"""The judge of one kernel: a region's contract and a candidate's text in, a verdict a gate out.

    contract = families.family("rmsnorm").contract({"N": 2048})
    verdicts = judge(contract, text, language="triton", dtype="bfloat16", targets=("sm_90",))

The gates come in their order; after one that failed no later one is asked, so a text that failed
``security`` is never executed. ``judge`` is called by the kind for each candidate of a region; it
reads no file and keeps nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextlib import nullcontext
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from pytest_compiledai.core.errors import SandboxError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.core.verdict import Verdict
from pytest_compiledai.kernels import apart
from pytest_compiledai.kernels import csource
from pytest_compiledai.kernels import latency
from pytest_compiledai.kernels import static
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.candidate import Language
from pytest_compiledai.kernels.candidate import MalformedError
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.compiling import TARGETS
from pytest_compiledai.kernels.compiling import Built
from pytest_compiledai.kernels.compiling import compile_one
from pytest_compiledai.kernels.contract import Contract

#: Figures of the execution gate; the others are accuracy's.
_OF_THE_RUN: tuple[str, ...] = ("cases", "guarded", "wall", "cut", "own_sizes")
GATES = ("security", "syntax", "execution", "accuracy", "latency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Everything the gates found, and the code that passed ``syntax``."""

    verdicts: Mapping[str, Verdict]  # the gates that were asked, in their order
    candidate: Candidate | None = None
    built: Built = field(default_factory=Built)

    @property
    def passed(self) -> bool:
        """Whether every gate was asked and passed."""
        asked = tuple(self.verdicts) == GATES
        return asked and all(verdict.passed for verdict in self.verdicts.values())


def judge(
    contract: Contract,
    source: str,
    *,
    language: Language,
    dtype: str,
    targets: Sequence[str] = TARGETS,
    dtypes: Sequence[str] = (),
    seed: int | None = None,
    exclusive: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Judged:
    """Ask every gate until one fails.

    ``dtype`` is what the region runs in and what is compiled; ``dtypes`` are those whose values are
    compared (``dtype`` alone where empty). Without a ``seed`` inputs come from a secret one.
    ``exclusive`` is held while measuring.
    """
    verdicts: dict[str, Verdict] = {}
    candidate, verdicts["security"] = security(contract, source, language)
    built = Built()
    if candidate is not None and verdicts["security"].passed:
        built = compile_one(contract, candidate, dtype=dtype, targets=targets)
        verdicts["syntax"] = _syntax(built, targets)
        for verdict in _rest(contract, candidate, verdicts, dtype, dtypes, seed):
            verdicts[verdict.gate] = verdict
    found = Judged(verdicts=verdicts, candidate=candidate, built=built)
    if tuple(verdicts) == GATES[:-1] and verdicts["accuracy"].passed:
        verdicts["latency"] = timed(contract, found, dtype, targets, exclusive)
    return found


def timed(
    contract: Contract,
    found: Judged,
    dtype: str,
    targets: Sequence[str],
    exclusive: Callable[[], AbstractContextManager[None]],
) -> Verdict:
    """Judge the time of a kernel that passed the other gates, at the sizes of ``contract``."""
    assert found.candidate is not None
    if found.candidate.language == "cpp":
        with exclusive():
            return _measured(contract, found.candidate, dtype)
    return latency.judge(contract, found.candidate, found.built.facts, targets, dtype)


def security(
    contract: Contract, source: str, language: Language
) -> tuple[Candidate | None, Verdict]:
    """Read a candidate's text and judge it; nothing of it is executed."""
    try:
        candidate = read(source, language, contract)
    except MalformedError as error:
        finding = Finding(rule="security.head", message=f"candidate: found {error}")
        # A head that cannot be read is no reason to stay silent on the rest of a text.
        bare = Candidate(source=source, language=language, launches=())
        return None, Verdict(gate="security", findings=(finding, *_text(bare)))
    return candidate, Verdict(gate="security", findings=tuple(_text(candidate)))


def execution(
    contract: Contract,
    candidate: Candidate,
    *,
    dtypes: Sequence[str],
    seed: int | None = None,
) -> tuple[Verdict, Verdict]:
    """Run every case of every dtype in a locked process; return execution's and accuracy's verdict.

    A worker answers both: what it wrote beside its buffers, and how far its answer is off.
    """
    chosen = secrets.randbits(60) if seed is None else seed
    failed: list[Finding] = []
    wrong: list[Finding] = []
    figures: dict[str, Any] = {"cases": 0, "guarded": 0}
    cut = False
    for dtype in dtypes:
        try:
            asked = apart.ask("compared", contract, candidate, dtype, chosen)
        except (SandboxError, ToolError, apart.FailedError) as error:
            failed.append(Finding(rule="execution.sandbox", message=str(error)))
            break
        failed += [Finding(**found) for found in asked["execution"]]
        wrong += [Finding(**found) for found in asked["accuracy"]]
        figures["cases"] += asked["cases"]
        figures["guarded"] += asked["guarded"]
        figures[f"{dtype}.error"] = float(f"{asked['error']:.3g}")
        figures[f"{dtype}.own_error"] = float(f"{asked['own']:.3g}")
        figures[f"{dtype}.share_of_limit"] = float(f"{asked['share']:.3g}")
        figures["wall"] = asked["wall"]
        cut = cut or not asked["whole"]
        figures |= {"own_sizes": asked["parts"]} if asked["parts"] else {}
    if not failed and not figures["cases"]:
        failed.append(Finding(rule="execution.none", message="found no case that was run"))
    if cut:
        figures["cut"] = ", ".join(f"{name}={n}" for name, n in sorted(contract.cut.items()))
    ran: dict[str, Any] = {key: figures[key] for key in _OF_THE_RUN if key in figures}
    return (
        Verdict(gate="execution", findings=tuple(failed), figures=ran),
        Verdict(gate="accuracy", findings=tuple(wrong), figures=figures),
    )


def _text(candidate: Candidate) -> list[Finding]:
    try:
        if candidate.language == "triton":
            return static.findings(candidate)
        return csource.findings(candidate)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [Finding(rule="security.text", message=f"candidate: found {error}")]


def _syntax(built: Built, targets: Sequence[str]) -> Verdict:
    figures: dict[str, Any] = {}
    for fact in built.facts:
        figures[f"{fact.target}.{fact.kernel}.registers"] = fact.registers
        figures[f"{fact.target}.{fact.kernel}.shared_bytes"] = fact.shared_bytes
        figures[f"{fact.target}.{fact.kernel}.wide_loads"] = fact.wide_loads
    findings = built.findings
    if not targets:
        findings = (Finding(rule="syntax.target", message="found no target to compile for"),)
    return Verdict(gate="syntax", findings=findings, figures=figures)


def _rest(
    contract: Contract,
    candidate: Candidate,
    verdicts: Mapping[str, Verdict],
    dtype: str,
    dtypes: Sequence[str],
    seed: int | None,
) -> Iterator[Verdict]:
    if not verdicts["syntax"].passed:
        return
    if candidate.language == "cuda":
        yield Verdict(gate="execution", findings=(_unasked(),))
        return
    ran, right = execution(contract, candidate, dtypes=dtypes or (dtype,), seed=seed)
    yield ran
    if ran.passed:
        yield right


def _measured(contract: Contract, candidate: Candidate, dtype: str) -> Verdict:
    try:
        own, framework = apart.ask("measured", contract, candidate, dtype)
    except (SandboxError, ToolError, apart.FailedError) as error:
        finding = Finding(rule="latency.fault", message=f"cpu: found {error}; expected a time")
        return Verdict(gate="latency", findings=(finding,))
    return latency.judge_cpu(contract, dtype, own, framework)


def _unasked() -> Finding:
    return Finding(
        rule="execution.device",
        message="candidate: found a CUDA kernel and no device; expected a machine with its target; "
        "next: run bench.gpu there, or propose the Triton twin",
    )
