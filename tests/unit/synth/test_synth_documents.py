"""Readers of documents: the pieces of lines, what is learned around them, and when nothing is said."""

from __future__ import annotations

import pytest

from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.functions.synth import documents
from pytest_compiledai.functions.synth import proposal
from pytest_compiledai.functions.synth.parts import documents as parts

INPUT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
OUTPUT = {
    "type": "object",
    "required": ["shop", "day", "sum", "bill"],
    "properties": {
        "shop": {"type": ["string", "null"]},
        "day": {"type": ["string", "null"], "format": "date"},
        "sum": {"type": ["number", "null"]},
        "bill": {"type": ["string", "null"]},
    },
}
SHOPS = ("Lamp", "Book", "Cake", "Shoe", "Bike", "Tile", "Rope", "Seed", "Soap", "Door")


def receipt(number: int) -> tuple[dict[str, str], dict[str, object]]:
    """Return a receipt and what it says; due dates and parts of the sum stand beside."""
    shop = f"{SHOPS[number % 10]} House {'Ltd' if number % 2 else 'Trading'}"
    total = 20 + number + 0.45
    lines = ["TAX INVOICE", shop] if number % 3 else [shop, "RECEIPT"]
    lines += [
        "12 Long Street",
        f"Bill no: B{7000 + number}",
        f"Customer: C{9100 - number}",
        f"Date: {number % 27 + 1:02}/{number % 12 + 1:02}/2023",
        f"Due: {number % 27 + 1:02}/{number % 12 + 1:02}/2024",
        f"Goods  {total - 3:.2f}",
        "Packing  3.00",
        f"Total  {total:.2f}",
        f"Cash  {total + 5:.2f}",
        "Change  5.00",
    ]
    day = f"2023-{number % 12 + 1:02}-{number % 27 + 1:02}"
    said = {"shop": shop, "day": day, "sum": total, "bill": f"B{7000 + number}"}
    return {"text": "\n".join(lines)}, said


@pytest.fixture
def spec(spec_of):
    """Return a spec with thirty receipts."""
    return spec_of(OUTPUT, [receipt(n) for n in range(30)], input_=INPUT)


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("on 03/04/2018 at noon", ["2018-04-03"]),
        ("DATE:25/12/201810:32", ["2018-12-25"]),
        ("12/28/2017", ["2017-12-28"]),
        ("7. Mai 2014, 15 MAR'18, 21st March 2018", ["2014-05-07", "2018-03-15", "2018-03-21"]),
        ("June 5, 2020 and 2018-01-31", ["2020-06-05", "2018-01-31"]),
        ("99/99/2018, 1850-01-01, tel 03-8070 0011", []),
    ],
)
def test_dates_of_many_forms_are_found(line, days) -> None:
    """Day first, the month first where only that is a day; what is no day is none."""
    found = [item.value for item in parts.dates_in([line], day_first=True)]

    assert [day for day in found if day in days] == days
    assert set(found) <= set(days)


def test_amounts_have_two_decimals() -> None:
    """With commas or points for thousands; a share, a weight and a date are none."""
    line = "RM1,020.50  12 .30  1.234,56  6.00%  0.455 KG  01.02.2018"

    assert [item.value for item in parts.amounts_in([line])] == [1020.5, 12.3, 1234.56]


def test_fields_are_read_by_what_stands_around_them(spec) -> None:
    """A shop that no row has, the day and not the day it is due, the sum and not the cash."""
    readers = documents.learned(spec)
    text = receipt(41)[0]["text"].replace("Book House Ltd", "Moon House Ltd")

    found = documents.answer(spec, readers, {"text": text})

    assert found == receipt(41)[1] | {"shop": "Moon House Ltd"}


def test_a_text_unlike_all_rows_is_abstained_from(spec) -> None:
    """Where no field has a piece, nothing is answered."""
    readers = documents.learned(spec)

    assert documents.answer(spec, readers, {"text": "a\nb\nc\nd"}) is None


def test_the_program_says_what_was_learned(spec, run_program) -> None:
    """Copied parts and rounded weights give the same answers as here."""
    made = proposal.proposal(spec)
    readers = documents.learned(spec)
    function = run_program(assemble(spec, made.reply, fenced=True).text)

    for number in (33, 47):
        data, said = receipt(number)
        assert function(data) == documents.answer(spec, readers, data) == said


def test_a_reader_is_not_offered_unasked(spec) -> None:
    """It knows the rows it learned from, which says little of others."""
    assert proposal.proposal(spec) is not None
    assert not proposal.has_proposal(spec)


def test_answers_have_to_pay() -> None:
    """The surer the spec wants them, the higher the chance that is asked for."""
    tried = [(step / 100, step % 10 > (100 - step) // 10) for step in range(100)]

    assert documents.least_chance(tried, 0.5) < documents.least_chance(tried, 0.95)


def test_one_group_does_not_decide_alone(spec_of) -> None:
    """Of many rows of a group a few teach."""
    rows = spec_of(OUTPUT, [receipt(n) for n in range(30)], input_=INPUT).rows
    from dataclasses import replace

    alike = [replace(row, group="one" if n < 20 else None) for n, row in enumerate(rows)]

    found = documents._examples(alike, [["x"]] * 30, "sum")

    assert len(found) == documents.MOST_OF_GROUP + 10


def test_short_texts_are_no_documents(spec_of) -> None:
    """A request of one line is another class's."""
    rows = [({"text": f"total {n}.50"}, {"sum": n + 0.5}) for n in range(20)]
    output = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}

    assert documents.learned(spec_of(output, rows, input_=INPUT)) is None
