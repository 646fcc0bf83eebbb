"""The region's own sizes by a few programs: which write an element, and what they are held against."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_compiledai.kernels import families
from pytest_compiledai.kernels.candidate import read
from pytest_compiledai.kernels.executing import FaultError
from pytest_compiledai.kernels.executing import Step
from pytest_compiledai.kernels.executing import Written
from pytest_compiledai.kernels.inputs import in_part
from pytest_compiledai.kernels.inside.spread import Spread
from pytest_compiledai.kernels.owners import MOST_PROGRAMS
from pytest_compiledai.kernels.owners import Owners

SEED = 20260103


class Programs:
    """Programs of a grid that write where a function says; counts those that were asked."""

    def __init__(self, writes):
        self._writes, self.asked = writes, 0

    def call(self, held, steps):
        """Return what a worker would."""
        (step,) = steps
        self.asked += len(step.programs)
        trace = [[program, "writes", "out", self._writes(program)] for program in step.programs]
        return Written(data={}, broken=(), loads=1, stores=1, ns=0, traces=(trace,))


def owners(grid, writes):
    """Return the owners of one launch over a grid, and what counts its programs."""
    programs = Programs(writes)
    step = Step(kernel="k", grid=grid, arguments=("out",), constants={})
    return Owners(programs, [], [step]), programs


def tile(program):
    """Return eight rows of 64 columns, of a tensor with 2048 columns."""
    first = program // 32 * 8 * 2048 + program % 32 * 64
    return [[first + row * 2048, first + row * 2048 + 64] for row in range(8)]


@pytest.mark.parametrize(
    ("grid", "writes", "element", "owner", "most"),
    [
        ((1536,), lambda p: [[4 * p, 4 * p + 4]], 4297, 1074, 6),
        ((16, 8), lambda p: [[128 * p, 128 * p + 128]], 16000, 125, 8),
        ((2, 32), tile, 18502, 33, 8),
        ((512,), lambda p: [] if p < 400 else [[4 * (p - 400), 4 * (p - 400) + 4]], 3, 400, 8),
        (
            (512,),
            lambda p: [[p % 8 * 256 + p // 8 * 4, p % 8 * 256 + p // 8 * 4 + 4]],
            500,
            489,
            300,
        ),
    ],
    ids=["rows", "parts of heads", "tiles", "another pointer first", "columns first"],
)
def test_the_program_that_writes_an_element_is_found_by_asking_few(
    grid, writes, element, owner, most
):
    """Where programs step evenly a handful is run, and every guess before it counts."""
    found, programs = owners(grid, writes)

    assert found.of(0, "out", element) == owner
    assert programs.asked <= most


def test_an_element_that_no_program_writes_has_no_owner():
    """The search ends, and says so."""
    found, programs = owners((1 << 20,), lambda _: [])

    assert found.of(0, "out", 3) is None
    assert programs.asked <= MOST_PROGRAMS + 2


def test_the_parts_of_a_tensor_come_back_as_they_were_laid():
    """Between them lie numbers of the same kind, and none is as it was before."""
    spread = Spread(outer=3, count=5, inner=2, blocks=(1, 4), seed=7)
    given = np.arange(1, 13, dtype=np.float32)
    whole = np.zeros(4 * spread.elements, dtype=np.uint8)
    spread.lay(whole, 4, given.tobytes())

    laid = whole.view(np.float32)
    assert spread.gathered(whole, 4) == given.tobytes()
    assert (laid[spread.places()] == given).all()
    assert sorted(set(spread.block_of(spread.places()))) == [1, 4]
    assert set(laid) <= set(given)


@pytest.mark.parametrize("name", families.names())
def test_a_part_of_an_answer_needs_its_own_part_of_the_inputs(name):
    """What a family states of its sizes holds for its mathematics, and is stated where it cuts."""
    torch = pytest.importorskip("torch")
    from pytest_compiledai.kernels.inputs import Case
    from pytest_compiledai.kernels.inputs import draw
    from pytest_compiledai.kernels.parts import axis_of

    contract = families.family(name).contract()
    if not contract.apart:
        assert len(contract.cut) <= 1
        return
    four = {
        size: 4 * contract.dims[size] // contract.dims[contract.apart[0]] for size in contract.apart
    }
    dims = {**contract.dims, **contract.cut, **four} | {"pos": 5}
    case = Case(name="", dims=dims, seed=SEED, numbers=contract.numbers)
    drawn = draw(contract, case, "float32")

    def part(tensor, held):
        axis = axis_of(tensor, contract)
        return held if axis is None else held.chunk(4, dim=axis)[2].clone()

    few = {t.name: part(t, drawn[t.name]) for t in contract.tensors if t.name in drawn}
    right = contract.reference({n: t.clone() for n, t in drawn.items()}, contract.numbers)
    found = contract.reference(few, contract.numbers)

    for tensor in contract.outputs:
        assert axis_of(tensor, contract) is not None
        torch.testing.assert_close(found[tensor.name], part(tensor, right[tensor.name]))


def answered(edits=(), dims=None):
    """Return what a few programs of an edited kernel write, in the first case of two."""
    pytest.importorskip("triton")
    pytest.importorskip("torch")
    from pytest_compiledai.kernels import parts

    family = families.family("gate_up")
    contract = family.contract(dims)
    text = next(c for c in family.candidates(contract) if c.parameters["BN"] == 4).source
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    case = next(iter(in_part(contract, "float32", SEED)))
    return contract, parts.answered(contract, read(text, "triton", contract), case, "float32")


def test_a_few_programs_answer_for_the_sizes_that_are_too_large():
    """Of gate and up of 6144 rows those of twelve chosen ones run, and are right."""
    contract, found = answered()
    from pytest_compiledai.kernels.accuracy import compare
    from pytest_compiledai.kernels.truth import only

    assert found.ran <= 12 < found.of
    assert bool(found.written["out"].all())
    assert compare(contract, *only(found.found, found.right, found.written), "float32").wrong == ()


def test_what_is_wrong_at_several_full_sizes_at_once_is_seen():
    """No smaller size shows it."""
    wrong = "turned * share * tl.where((N > 6000) & (K > 2000), 1.01, 1.0)"
    contract, found = answered([("turned * share", wrong)])
    from pytest_compiledai.kernels.accuracy import compare
    from pytest_compiledai.kernels.truth import only

    assert compare(contract, *only(found.found, found.right, found.written), "float32").wrong


def test_rows_that_no_program_writes_are_told():
    """A grid that ends too early has no program for the last row."""
    from pytest_compiledai.kernels.parts import UnownedError

    with pytest.raises(UnownedError, match="no program that writes element"):
        answered([('"cdiv(N, ', '"cdiv(N - 64, ')], {"N": 640, "K": 256})


def test_addresses_that_depend_on_numbers_are_a_fault():
    """Which programs write what is learnt with other numbers than it is judged with."""
    moved = "row = tl.where(turned > 0, row, row ^ 1)\n    tl.store(out + row"
    with pytest.raises(FaultError):
        answered([("tl.store(out + row", moved), ("mask=live)", "mask=row % 2 == 0)")])
