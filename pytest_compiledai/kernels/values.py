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
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.kernels import expression
from pytest_compiledai.kernels import native
from pytest_compiledai.kernels.accuracy import MOVED_STEP
from pytest_compiledai.kernels.accuracy import STEP
from pytest_compiledai.kernels.accuracy import Right
from pytest_compiledai.kernels.accuracy import compare
from pytest_compiledai.kernels.accuracy import is_exact
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.contract import ANY
from pytest_compiledai.kernels.contract import Contract
from pytest_compiledai.kernels.executing import LIMITS
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Held
from pytest_compiledai.kernels.executing import Running
from pytest_compiledai.kernels.executing import Step
from pytest_compiledai.kernels.executing import Written
from pytest_compiledai.kernels.inputs import Case
from pytest_compiledai.kernels.inputs import cases
from pytest_compiledai.kernels.inputs import draw
from pytest_compiledai.kernels.inputs import whole

if TYPE_CHECKING:
    import torch

MOST_FINDINGS = 5
#: What a buffer holds before a call, a byte repeated: NaN in every float format and -1 in every
#: signed integer; a small number in the former and a large one in the latter.
_BEFORE: Mapping[str, bytes] = {"nan": b"\xff", "last": b"\xff", "number": b"\x3c"}
#: The region's own sizes are run whole where that takes no more loads and stores (in the
#: interpreter 3 million take a second) and no more numbers than this.
WHOLE_TOUCHED, WHOLE_NUMBERS = 16_000_000, 5_000_000
#: What was timed at sizes that are cut elsewhere is as near as this to the framework's answer. Both
#: round: honest kernels are up to 1.7e-6 away (attention); float16 inside is 2e-4 away.
TIMED_NEAR = 1e-5
#: Inputs one step away, for the scatter of rounding.
NEIGHBOURS = 3
#: Turns of a measurement; ``latency.judge_cpu`` says what interval they give.
ROUNDS = 15


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
    return sum(_count(tensor.sizes(dims)) for tensor in contract.tensors)


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


def measure(
    contract: Contract, candidate: Candidate, *, dtype: str, rounds: int = ROUNDS
) -> tuple[list[int], list[int]]:
    """Return the nanoseconds of a C++ candidate and of the framework, taken in turns.

    At the region's own sizes, no cut; raises ``FaultError``, ``SandboxError``, ``ToolError`` and
    ``NotBuiltError``.
    """
    with tempfile.TemporaryDirectory() as name:
        library = native.build(candidate.source, Path(name))
        return _measure(contract, candidate, library, dtype, rounds)


def _measure(
    contract: Contract, candidate: Candidate, library: Path, dtype: str, rounds: int
) -> tuple[list[int], list[int]]:
    import time

    import torch

    threads = torch.get_num_threads()
    case = Case(name="timed", dims=contract.dims, seed=1, numbers=contract.numbers)
    drawn = draw(contract, case, dtype)
    held = buffers(contract, candidate, case, dtype, drawn)
    todo = steps(candidate, contract, case.dims)
    own: list[int] = []
    framework: list[int] = []
    with Running("", library=library, limits=LIMITS) as running:
        for _ in range(rounds):
            written = running.call(held, todo, warm=True)
            own.append(written.ns)
            # Many threads are slower than one where the work is small or the machine is busy.
            taken = []
            for count in (threads, 1):
                torch.set_num_threads(count)
                begun = time.perf_counter_ns()
                answer = contract.reference(drawn, case.numbers)
                taken.append(time.perf_counter_ns() - begun)
            framework.append(min(taken))
    torch.set_num_threads(threads)
    _near(contract, written, answer)
    return own, framework


def _near(contract: Contract, written: Written, answer: Mapping[str, torch.Tensor]) -> None:
    """Raise ``FaultError`` where the last timed call is not the framework's answer.

    The region's own sizes may be too large for the accuracy gate; a kernel must not know them.
    """
    import torch

    for name in (tensor.name for tensor in contract.outputs):
        found = _tensor(written.data[name], answer[name]).double()
        true = answer[name].double()
        apart = torch.where((found == true) | (found.isnan() & true.isnan()), 0.0, found - true)
        most = 0.0 if is_exact(contract, name, answer[name]) else TIMED_NEAR
        # Written so that NaN fails.
        if not bool(apart.norm() <= most * torch.nan_to_num(true).norm()):
            raise FaultError(f"{name} at the sizes that were timed is not the framework's")


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
    right = _right(contract, drawn, case, dtype)
    found = {t.name: _tensor(written.data[t.name], right.eager[t.name]) for t in contract.outputs}
    for name in _touched(contract, found, right, drawn):
        place = f"{case.name}: {name}"
        text = "state changed where the region leaves it"
        asked.accuracy.append(_finding("accuracy.state", dtype, place, text, "the same bits"))
    found, right = _written_only(contract, found, right, drawn)
    compared = compare(contract, found, right, dtype)
    if compared.share > asked.share:
        asked.share, asked.error, asked.own = compared.share, compared.error, compared.own
    for wrong in compared.wrong:
        place = f"{case.name}: {wrong.output}"
        asked.accuracy.append(_finding(wrong.rule, dtype, place, wrong.found, wrong.expected))


def _left(name: str, right: Right, drawn: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return where the truth leaves a state as it was."""
    before, after = drawn[name].double(), right.truth[name].reshape(drawn[name].shape).double()
    left: torch.Tensor = (before == after) | (before.isnan() & after.isnan())
    return left


def _states(contract: Contract) -> list[str]:
    return [t.name for t in contract.outputs if t.role == "inout" and t.name not in contract.exact]


def _touched(
    contract: Contract,
    found: Mapping[str, torch.Tensor],
    right: Right,
    drawn: Mapping[str, torch.Tensor],
) -> Iterator[str]:
    """Yield the states of which other elements have other bits than before."""
    for name in _states(contract):
        left = _left(name, right, drawn)
        same = bytes_of(found[name].reshape(left.shape)[left]) == bytes_of(drawn[name][left])
        if not same:
            yield name


def _written_only(
    contract: Contract,
    found: dict[str, torch.Tensor],
    right: Right,
    drawn: Mapping[str, torch.Tensor],
) -> tuple[dict[str, torch.Tensor], Right]:
    """Return both without what a state keeps: a row must not hide in the norm of a cache."""
    written = {name: ~_left(name, right, drawn) for name in _states(contract)}

    def only(table: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {
            name: tensor.reshape(written[name].shape)[written[name]] if name in written else tensor
            for name, tensor in table.items()
        }

    return only(found), Right(
        truth=only(right.truth),
        eager=only(right.eager),
        beside=[(only(truth), only(eager)) for truth, eager in right.beside],
        moved=[only(one) for one in right.moved],
    )


def _right(contract: Contract, drawn: Mapping[str, torch.Tensor], case: Case, dtype: str) -> Right:
    def truth(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        return contract.reference(_wide(tensors), case.numbers)

    eager = contract.reference(_copies(drawn), case.numbers)
    if all(is_exact(contract, name, tensor) for name, tensor in eager.items()):
        return Right(truth=eager, eager=eager, beside=(), moved=())

    moved, beside = [], []
    for number in range(1, 1 + NEIGHBOURS):
        there = _moved(drawn, case.seed + number, MOVED_STEP)
        moved.append(truth(there))
        if STEP[dtype] != MOVED_STEP:
            there = _moved(drawn, case.seed - number, STEP[dtype])
        held = {name: tensor.to(drawn[name].dtype) for name, tensor in there.items()}
        # Of float32 the same truth does: rounding inputs is little beside what moving them costs.
        true = moved[-1] if STEP[dtype] == MOVED_STEP else truth(held)
        beside.append((true, contract.reference(held, case.numbers)))
    return Right(truth=truth(drawn), eager=eager, beside=beside, moved=moved)


def _copies(drawn: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in drawn.items()}


def _wide(drawn: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name: tensor.double() if tensor.is_floating_point() else tensor.clone()
        for name, tensor in drawn.items()
    }


def _moved(drawn: Mapping[str, torch.Tensor], seed: int, step: float) -> dict[str, torch.Tensor]:
    """Return the inputs in float64, each number moved by up to a step, relative to itself."""
    import torch

    generator = torch.Generator().manual_seed(seed % (1 << 62))
    found = _wide(drawn)
    for name, tensor in found.items():
        if tensor.is_floating_point():
            by = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * 2.0 - 1.0
            found[name] = tensor * (1.0 + step * by)
    return found


def _tensor(data: bytes, like: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.frombuffer(bytearray(data), dtype=like.dtype).reshape(like.shape)


def buffers(
    contract: Contract,
    candidate: Candidate,
    case: Case,
    dtype: str,
    drawn: Mapping[str, torch.Tensor],
) -> list[Held]:
    """Return the buffers of a call: the inputs, and what outputs and scratch hold before it."""
    found = []
    blank, kept = _BEFORE[case.before], case.before == "last"
    for tensor in contract.tensors:
        kind = dtype if tensor.dtype == ANY else tensor.dtype
        writable = tensor.role != "input"
        data = (
            blank * (_count(tensor.sizes(case.dims)) * _width(kind))
            if tensor.role == "output"
            else bytes_of(drawn[tensor.name])
        )
        found.append(
            Held(
                name=tensor.name,
                dtype=kind,
                data=data,
                skew=case.skew,
                writable=writable,
                returned=True,
                kept=kept and tensor.role == "output",
            )
        )
    for scratch in candidate.scratch:
        sizes = tuple(expression.value(size, case.dims) for size in scratch.shape)
        kind = dtype if scratch.dtype == ANY else scratch.dtype
        data = blank * (_count(sizes) * _width(kind))
        found.append(Held(name=scratch.name, dtype=kind, data=data, writable=True, kept=kept))
    return found


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Return a tensor's elements in row-major order as bytes."""
    import torch

    data: bytes = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return data


def _width(dtype: str) -> int:
    import torch

    return int(getattr(torch, dtype).itemsize)


def _count(sizes: Sequence[int]) -> int:
    count = 1
    for size in sizes:
        count *= size
    return count


def steps(candidate: Candidate, contract: Contract, dims: Mapping[str, int]) -> list[Step]:
    """Return the launches with every expression computed at these sizes."""
    pointers = {*contract.names, *(item.name for item in candidate.scratch)}

    def argument(text: str | int) -> str | float:
        if isinstance(text, str) and text in pointers:
            return text
        if isinstance(text, str) and text in contract.numbers:
            return float(contract.numbers[text])
        return expression.value(text, dims)

    return [
        Step(
            kernel=launch.kernel,
            grid=tuple(expression.value(size, dims) for size in launch.grid),
            arguments=tuple(argument(text) for text in launch.arguments),
            constants={k: expression.value(v, dims) for k, v in launch.constants.items()},
        )
        for launch in candidate.launches
    ]


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
