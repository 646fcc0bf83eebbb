"""The benchmark on documents: how receipts are read, split and compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.documents import __main__ as documents
from bench.documents import invoices
from bench.documents import receipts
from bench.documents.made import RECEIPTS
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.kind import FunctionKind


def receipt(**changes: object) -> receipts.Receipt:
    facts = {"name": "1", "text": "", "company": "A SDN BHD", "date": "2018-04-03", "total": 9.2}
    return receipts.Receipt(**(facts | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of the form of the shared one, with twelve companies."""
    for part in ("box", "key"):
        (tmp_path / part).mkdir()
    for number in range(12):
        box = "10,50,90,50,90,70,10,70,TOTAL, RM\n200,52,260,52,260,71,200,71,9.20\n"
        box += f"10,10,300,10,300,30,10,30,SHOP {number} SDN BHD\n"
        label = {"company": f"SHOP {number} SDN BHD", "date": "03/04/2018", "total": "RM 9.20"}
        (tmp_path / "box" / f"{number:03}.csv").write_text(box)
        (tmp_path / "key" / f"{number:03}.json").write_text(json.dumps(label))
    return tmp_path


def test_boxes_are_laid_out_in_lines(folder):
    """From top to bottom; what stands side by side is on one line, commas and all."""
    first = receipts.read(folder)[0]

    assert first.text == "SHOP 0 SDN BHD\nTOTAL, RM  9.20"
    assert (first.company, first.date, first.total) == ("SHOP 0 SDN BHD", "2018-04-03", 9.2)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("03/04/2018", "2018-04-03"),
        ("12/28/2017", "2017-12-28"),
        ("11-05-16", "2016-05-11"),
        ("21 MARCH 2018", "2018-03-21"),
        ("2018-01-31", "2018-01-31"),
        ("20180131", "2018-01-31"),
        ("", ""),
        ("none", ""),
    ],
)
def test_a_label_states_a_day(text, day):
    """Day first, the month first where that is the only date."""
    assert receipts.day(text) == day


def test_companies_are_split_whole(folder):
    """All receipts of one company are on one side, and both sides have some."""
    sides = [item.is_unseen for item in receipts.read(folder)]

    assert {True, False} == set(sides)
    assert receipt(company="A SDN BHD").is_unseen == receipt(company="a  sdn. bhd").is_unseen


def test_only_receipts_of_our_own_are_train_rows(folder, tmp_path):
    """A model sees no text of the folder, whatever is in it; unseen companies are in no row."""
    root = documents.project(tmp_path / "made", receipts.read(folder), tmp_path / "none")
    spec = root / "specs" / "read_receipt.yaml"
    (document,) = read_documents(spec.read_bytes(), "specs/read_receipt.yaml")
    (unit,) = FunctionKind().read(document, Project(root=root, grants={}))
    texts = [row.input["text"] for row in unit.body.rows_in(Split.TRAIN)]
    rows = {row.input["text"].split("\n")[0] for split in Split for row in unit.body.rows_in(split)}

    assert texts == [text for text, _ in RECEIPTS]
    unseen = {item.company for item in receipts.read(folder) if item.is_unseen}
    assert unseen
    assert not unseen & rows
    asked = json.dumps(documents.request(root))
    assert not any(item.company in asked for item in receipts.read(folder))


def test_fields_are_compared_by_what_they_mean():
    """Names by letters and digits, amounts by the sen; what is not answered is not right."""
    right = {"company": "a sdn. bhd.", "date": "2018-04-03", "total": 9.2}

    assert documents.wrong_fields(receipt(), right) == []
    assert documents.wrong_fields(receipt(), right | {"total": 9.21}) == ["total"]
    assert documents.wrong_fields(receipt(), right | {"date": None}) == ["date"]
    assert documents.wrong_fields(receipt(), None) == ["date", "total", "company"]
    assert documents.wrong_fields(receipt(date="", total=None), None) == ["company"]


def test_what_is_not_recorded_is_not_compiled(folder, tmp_path):
    """Nothing is asked, and the figures say so."""
    read = receipts.read(folder)
    root = documents.project(tmp_path / "made", read, tmp_path / "none")

    figures = documents.measure(root, read, "")

    assert figures["compiled"] is False
    assert "date" not in figures


def test_what_is_no_model_learns_from_seen_companies(tmp_path):
    """A few receipts of each seen company, all of one split; none of an unseen one."""
    many = [
        receipt(name=f"{n}", text=f"SHOP {n % 12}\n{n}", company=f"SHOP {n % 12}")
        for n in range(120)
    ]
    root = documents.project(tmp_path / "made", many, tmp_path / "none", taught=True)
    text = (root / "specs" / "read_receipt.jsonl").read_text(encoding="utf-8")
    rows = [row for row in map(json.loads, text.splitlines()) if "group" in row]
    splits: dict[str, list[str]] = {}
    for row in rows:
        splits.setdefault(row["output"]["company"], []).append(row["split"])

    assert {"train"} < {name for names in splits.values() for name in names}
    assert all(len(names) == 4 and len(set(names)) == 1 for names in splits.values())
    assert not set(splits) & {item.company for item in many if item.is_unseen}


def test_one_invoice_is_read_by_the_others():
    """What too few invoices have is not answered; the rest is right or wrong."""
    made = [
        invoices.Invoice(
            name=f"{n}",
            text=f"Shop {n}\nNet {n + 10}.00\nTax {n}.50\nTotal {2 * n + 10}.50",
            fields={"amount": 2 * n + 10.5, **({"rare": "x"} if n < 3 else {})},
        )
        for n in range(12)
    ]

    figures = invoices.measured(made)

    assert figures["amount"]["right"] == figures["amount"]["of"] == 12
    assert figures["rare"] == {"right": 0, "wrong": 0, "of": 3}
