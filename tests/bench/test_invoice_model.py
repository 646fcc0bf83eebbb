"""Invoices read by what a model wrote: what its specs tell, and what counts as right."""

from __future__ import annotations

from bench.documents import invoice_model
from bench.documents import invoice_specs
from bench.documents.invoices import Invoice

SHOP = Invoice(
    name="Shop",
    text="Shop AG\nInvoice 17 of the first of May 2024\nTotal 12.50",
    fields={"issuer": "Shop AG", "amount": 12.5, "date": "2024-05-01", "client_id": "77"},
)
MADE = Invoice(name="made", text="Made-up Ltd", fields={"issuer": "Made-up Ltd"})


def test_a_companys_spec_holds_its_document_and_no_golden_value():
    """The text is told; values of the golden file are in no row, kinds come from it alone."""
    spec, (row,) = invoice_specs.of_company(SHOP)

    assert SHOP.text in spec["description"]
    assert set(row["output"].values()) == {None}
    assert list(spec["output"]["properties"]) == list(SHOP.fields)
    assert spec["output"]["properties"]["date"]["format"] == "date"
    assert spec["output"]["properties"]["amount"]["type"] == ["number", "null"]


def test_the_reader_for_all_has_seen_none_of_them():
    """It is shown made-up documents alone, none that copies a line of the others."""
    copied = Invoice(name="copy", text=SHOP.text, fields={})

    spec, rows = invoice_specs.general([SHOP], [MADE, copied])

    assert [row["id"] for row in rows] == ["made"]
    assert "Shop" not in str(spec) + str(rows)
    assert "client_id" not in spec["output"]["properties"]


def test_fields_are_right_wrong_or_not_answered():
    """Names count by letters and digits; without a program nothing was answered."""
    said = {"issuer": "SHOP, AG", "amount": 12.4, "date": None, "client_id": 77}

    found = invoice_model.scored(SHOP, said)

    assert found == {
        "issuer": "right",
        "amount": "wrong",
        "date": "not answered",
        "client_id": "right",
    }
    assert set(invoice_model.scored(SHOP, None).values()) == {"not compiled"}
