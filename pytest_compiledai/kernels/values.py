"""Execution and accuracy of one candidate: every case through a locked worker, then compared.

The reference runs here, in float64 and in the region's dtype; the candidate's process gets inputs
and buffers that hold nothing of use, and never an expected value. Needs torch, and so runs in the
process of ``answering``, not in pytest's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels import parts
from pytest_compiledai.kernels.accuracy import Right
from pytest_compiledai.kernels.accuracy import compare
from pytest_compiledai.kernels.call import buffers
from pytest_compiledai.kernels.call import bytes_of
from pytest_compiledai.kernels.call import steps
from pytest_compiledai.kernels.call import tensor_of
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.executing import LIMITS
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.executing import Written
from pytest_compiledai.kernels.inputs import Case
from pytest_compiledai.kernels.inputs import cases
from pytest_compiledai.kernels.inputs import draw
from pytest_compiledai.kernels.inputs import in_part
from pytest_compiledai.kernels.inputs import whole
from pytest_compiledai.kernels.truth import left
from pytest_compiledai.kernels.truth import only
from pytest_compiledai.kernels.truth import right_of
from pytest_compiledai.kernels.truth import states

if TYPE_CHECKING:
    import torch

MOST_FINDINGS = 5
#: The region's own sizes are run whole where that takes no more loads and stores (in the
#: interpreter 3 million take a second) and no more numbers than this.
WHOLE_TOUCHED, WHOLE_NUMBERS = 16_000_000, 5_000_000


@dataclass(slots=True)
class Asked:
    """What the cases of one candidate and dtype showed."""

    execution: list[Finding] = field(default_factory=list)
    accuracy: list[Finding] = field(default_factory=list)
    cases: int = 0
    guarded: int = 0  # sizes that the declared guard sends to the fallback
    error: float = 0.0
    own: float = 0.0
    share: float = 0.0
    wall: str = ""
    whole: bool = True  # the region's own sizes were run, nothing was cut
    parts: str = ""  # where they were not: how many programs ran at them
    touched: int = 0  # elements that the first case loaded and stored, of the interpreter's


def ask(contract: Contract, candidate: Candidate, *, dtype: str, seed: int) -> Asked:
    """Ask every case of ``dtype``.

    Raises ``SandboxError`` where there is no wall; ``ToolError`` and ``NotBuiltError`` for C++.
    """
    asked = Asked(whole=not contract.cut)
    with tempfile.TemporaryDirectory() as name:
        try:
            if candidate.language != "cpp":
                _ask(asked, contract, candidate, dtype, seed, None)
                return asked
            library = native.build(candidate.source, Path(name))
            _ask(asked, contract, candidate, dtype, seed, library)
            if not asked.execution:  # numbers that are wrong may come from behaviour that is
                checked = native.build(candidate.source, Path(name), flags=native.TRAPS)
                _trapped(contract, candidate, checked, dtype, seed)
        except FaultError as error:
            asked.execution.append(_finding("execution.fault", dtype, "", str(error), "an answer"))
    return asked


def _ask(
    asked: Asked,
    contract: Contract,
    candidate: Candidate,
    dtype: str,
    seed: int,
    library: Path | None,
) -> None:
    source = candidate.source if library is None else ""
    answered: dict[str, Mapping[str, bytes]] = {}
    with Running(source, library=library, limits=LIMITS) as running:
        asked.wall = running.wall
        for case in _affordable(asked, contract, dtype, seed):
            if not candidate.serves(case.dims):
                asked.guarded += 1
                continue
            _one(asked, running, contract, candidate, case, dtype, answered)
            if asked.execution or len(asked.accuracy) >= MOST_FINDINGS:
                return
    if asked.whole or library is not None or not contract.apart:
        return
    try:
        for case in in_part(contract, dtype, seed):
            _in_part(asked, parts.answered(contract, candidate, case, dtype), contract, case, dtype)
    except parts.UnownedError as error:
        place, expected = "own sizes, in part", "one, of the programs that were asked"
        asked.accuracy.append(_finding("accuracy.unwritten", dtype, place, str(error), expected))


def _in_part(asked: Asked, few: parts.Parts, contract: Contract, case: Case, dtype: str) -> None:
    asked.parts = f"{few.ran} of {few.of} programs"
    _held_against(asked, contract, few.found, few.right, few.drawn, case, dtype, few.written)


def _affordable(asked: Asked, contract: Contract, dtype: str, seed: int) -> Iterator[Case]:
    """Yield the cases, then the region's own sizes where those were cut and can be run whole."""
    yield from cases(contract, dtype, seed)
    case = whole(contract, seed)
    if case is None:
        return
    own, cut = (_numbers(contract, dims) for dims in (case.dims, {**case.dims, **contract.cut}))
    if own <= WHOLE_NUMBERS and asked.touched * own / cut <= WHOLE_TOUCHED:
        asked.whole = True
        yield case


def _numbers(contract: Contract, dims: Mapping[str, int]) -> int:
    return sum(prod(tensor.sizes(dims)) for tensor in contract.tensors)


def _trapped(
    contract: Contract, candidate: Candidate, library: Path, dtype: str, seed: int
) -> None:
    """Run every case again in code that ends where the language leaves behaviour undefined.

    Raises ``FaultError`` for such behaviour.
    """
    with Running("", library=library, limits=LIMITS) as running:
        for case in cases(contract, dtype, seed):
            if candidate.serves(case.dims):
                drawn = draw(contract, case, dtype)
                held = buffers(contract, candidate, case, dtype, drawn)
                try:
                    running.call(held, steps(candidate, contract, case.dims))
                except FaultError as error:
                    raise FaultError(f"undefined behaviour, {case.name}: {error}") from error


def _one(
    asked: Asked,
    running: Running,
    contract: Contract,
    candidate: Candidate,
    case: Case,
    dtype: str,
    answered: dict[str, Mapping[str, bytes]],
) -> None:
    drawn = draw(contract, case, dtype)
    held = buffers(contract, candidate, case, dtype, drawn)
    try:
        written = running.call(held, steps(candidate, contract, case.dims))
    except FaultError as error:
        asked.execution.append(
            _finding("execution.fault", dtype, case.name, str(error), "an answer")
        )
        return
    asked.cases += 1
    asked.touched = asked.touched or written.loads + written.stores
    asked.execution += _beside(written, held, contract, case, dtype)
    if case.again:
        asked.accuracy += _repeated(written, answered[case.again], contract, case, dtype)
    answered[case.name] = written.data
    _compare(asked, contract, written, drawn, case, dtype)


def _compare(
    asked: Asked,
    contract: Contract,
    written: Written,
    drawn: Mapping[str, torch.Tensor],
    case: Case,
    dtype: str,
) -> None:
    right = right_of(contract, drawn, case, dtype)
    found = {t.name: tensor_of(written.data[t.name], right.eager[t.name]) for t in contract.outputs}
    _held_against(asked, contract, found, right, drawn, case, dtype, {})


def _held_against(
    asked: Asked,
    contract: Contract,
    found: Mapping[str, torch.Tensor],
    right: Right,
    drawn: Mapping[str, torch.Tensor],
    case: Case,
    dtype: str,
    written: Mapping[str, torch.Tensor],
) -> None:
    """Hold an answer against the right one; ``written`` says where programs wrote, if not all."""
    for name in _touched(contract, found, right, drawn):
        place = f"{case.name}: {name}"
        text = "state changed where the region leaves it"
        asked.accuracy.append(_finding("accuracy.state", dtype, place, text, "the same bits"))
    # A row that is written must not hide in the norm of a cache.
    kept = {name: ~left(name, right, drawn) for name in states(contract)}
    kept |= {name: kept[name] & at if name in kept else at for name, at in written.items()}
    found, right = only(found, right, kept)
    compared = compare(contract, found, right, dtype)
    if compared.share > asked.share:
        asked.share, asked.error, asked.own = compared.share, compared.error, compared.own
    for wrong in compared.wrong:
        place = f"{case.name}: {wrong.output}"
        asked.accuracy.append(_finding(wrong.rule, dtype, place, wrong.found, wrong.expected))


def _touched(
    contract: Contract,
    found: Mapping[str, torch.Tensor],
    right: Right,
    drawn: Mapping[str, torch.Tensor],
) -> Iterator[str]:
    """Yield the states of which other elements have other bits than before."""
    for name in states(contract):
        kept = left(name, right, drawn)
        if bytes_of(found[name].reshape(kept.shape)[kept]) != bytes_of(drawn[name][kept]):
            yield name


def _beside(
    written: Written, held: Sequence[Held], contract: Contract, case: Case, dtype: str
) -> list[Finding]:
    found = [
        _finding("execution.guard", dtype, f"{case.name}: {name}", "a write beside it", "none")
        for name in written.broken
    ]
    before = {item.name: item.data for item in held}
    for tensor in contract.tensors:
        if tensor.role == "input" and written.data[tensor.name] != before[tensor.name]:
            place = f"{case.name}: {tensor.name}"
            found.append(_finding("execution.mutation", dtype, place, "changed", "left as it was"))
    return found


def _repeated(
    written: Written, first: Mapping[str, bytes], contract: Contract, case: Case, dtype: str
) -> list[Finding]:
    return [
        _finding("accuracy.repeat", dtype, f"{case.name}: {t.name}", "other bits", "the same bits")
        for t in contract.outputs
        if written.data[t.name] != first[t.name]
    ]


def _finding(rule: str, dtype: str, place: str, found: str, expected: str) -> Finding:
    where = f"{dtype}, {place}" if place else dtype
    # Inputs come from a secret seed: naming a case tells a model nothing it could learn by heart.
    return Finding(rule=rule, message=f"{where}: found {found}; expected {expected}")
