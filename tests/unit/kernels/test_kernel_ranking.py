"""Advice on an order changes what is tried first, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bench.kernel_search.__main__ as searching
from bench.kernel_search import space
from bench.kernel_search.curves import best_after
from bench.kernel_search.curves import regret
from pytest_compiledai.core.kind import Answered
from pytest_compiledai.kernels import families
from pytest_compiledai.kernels import ranking
from pytest_compiledai.kernels.instructions import _counted

WITHOUT = (2, 0, 1, 3)


def test_what_is_no_id_of_the_space_is_dropped():
    """Code, ids of other spaces and repetitions have no place in an order."""
    text = json.dumps(
        {"order": ["c03", "c99", "c03", "__global__ void f()"], "labels": {"c99": "x"}}
    )
    found = ranking.advised(text, WITHOUT)

    assert found.order == (3, 2, 0, 1)
    assert found.dropped == ("c99", "__global__ void f()")
    assert found.labels == {}


def test_what_advice_leaves_out_keeps_its_order():
    """An order of two still is an order of all."""
    found = ranking.advised('```json\n{"order": ["c01"], "risks": {"c01": "spills"}}\n```', WITHOUT)

    assert found.order == (1, 2, 0, 3)
    assert found.risks == {"c01": "spills"}


@pytest.mark.parametrize(
    "text",
    ["c01, c02", "[]", '{"order": [1]}', '{"order": [], "code": "x"}', '{"labels": {}}',
     '{"order": [], "risks": {"c01": 1}}'],
)  # fmt: skip
def test_an_answer_of_another_form_is_refused(text):
    """Nothing is guessed from what is no object of the schema."""
    with pytest.raises(ValueError, match=r"answer|order|notes|JSON|line|char"):
        ranking.advised(text, WITHOUT)


def test_a_whole_search_ends_in_the_same_place_with_advice_and_without():
    """Where the budget covers the space the order decides nothing, also between equals."""
    times = [3.0, 1.0, 1.0, 2.0]
    orders = [ranking.advised(f'{{"order": ["c0{n}"]}}', WITHOUT).order for n in range(4)]

    assert {best_after(order, times, 4) for order in (WITHOUT, *orders)} == {1}
    assert [regret(order, times, 1) for order in orders] == [2.0, 0.0, 0.0, 1.0]


def test_the_best_of_every_variant_comes_before_the_second_of_any():
    """The front of an order is not one variant alone."""
    contract = space.contract("gemv")
    known = space.candidates(contract)
    order = ranking.spread(range(len(known)), known)
    front = [known[place].parameters["variant"] for place in order[:4]]

    assert sorted(front) == ["blocks", "plain", "tiles", "wide"]
    assert sorted(order) == list(range(len(known)))


def test_a_question_shows_summaries_and_no_code():
    """Ids, parameters, the template's own first line and a hint of the compiler's."""
    contract = families.family("gemv").contract()
    known = families.family("gemv").candidates(contract, language="cpp")
    (_, task), (_, asked) = ranking.question(
        contract, known, dtype="float32", targets=("cpu",), hints={0: "3 operands on the stack"}
    )

    assert "c00: variant=plain LANES=8; One row times a matrix" in asked
    assert "3 operands on the stack" in asked
    assert "for (" not in asked + task


def test_the_loop_that_computes_is_counted():
    """Vector operations, sums and operands on the stack of the innermost loop; no other code."""
    text = """
   10:  vaddss %xmm1,%xmm0,%xmm0
   20:  vmulps (%rsi),%ymm2,%ymm3
   24:  vaddps %ymm3,%ymm0,%ymm0
   28:  vaddps 0x8(%rsp),%ymm1,%ymm1
   2c:  jne    20 <f+0x20>
   30:  jmp    10 <f+0x10>
"""
    found = _counted(text)

    assert (found.wide, found.single, found.stack, found.sums) == (3, 0, 1, 2)


def test_the_shipped_advice_answers_the_shipped_questions():
    """Each region's questions have a recording, and no order changes the end of a whole search."""
    rows = json.loads((Path(searching.__file__).parent / "measured.json").read_text())
    for region, measured in rows.items():
        table = searching.curves(region, measured)

        assert not table["parted"]
        assert all(table["orders"].values())


class _Replaying:
    """Asks nobody; answers what is recorded, if anything is."""

    live = False

    def __init__(self, text: str | None) -> None:
        self.text = text

    def peek(self, messages, *, sample):
        """Return the recorded answer."""
        assert sample == 0
        assert "c00" in messages[1][1]
        return (
            None
            if self.text is None
            else Answered(text=self.text, model="m", tokens_in=1, tokens_out=1, seconds=None)
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, (2, 1, 0)), ("no object", (2, 1, 0)), ('{"order": ["c00"]}', (0, 2, 1))],
)
def test_without_advice_the_order_stays(text, expected):
    """Nothing recorded, or nothing that can be read, is no advice and no error."""
    contract = families.family("gemv").contract()
    known = families.family("gemv").candidates(contract, language="cpp")
    found = ranking.ordered(
        contract, known, (2, 1, 0), _Replaying(text), dtype="float32", targets=("cpu",)
    )

    assert found.order == expected
