"""Specs that read invoices of the invoice2data form: one for each company, or one for all.

For each company is what its hand-written template knows, less the values: the text of its invoice
and the names of the golden fields. For all is a reader that has seen none of the companies: it is
shown made-up documents of the same authors (`custom/`), and the fields that several companies have.
No golden value of the twelve enters a spec or a gate: the golden files decide afterwards, outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.documents.invoices import Invoice

GENERAL = "read_invoice"
#: What the common fields of invoice2data mean; other fields have their name alone.
MEANING = {
    "issuer": "who issued the invoice, as named on it",
    "invoice_number": "the number of the invoice",
    "date": "the day of the invoice",
    "date_due": "the day by which it is to be paid",
    "date_start": "the first day of the period that is charged",
    "date_end": "the last day of the period that is charged",
    "amount": "the total with tax, as a positive number",
    "amount_untaxed": "the total without tax",
    "amount_tax": "the total of the tax",
    "currency": "the currency as its ISO 4217 code",
    "vat": "the issuer's VAT number",
    "iban": "the issuer's IBAN",
    "bic": "the issuer's BIC",
    "telephone": "the issuer's telephone number",
    "partner_name": "the issuer's full name",
    "partner_street": "street and number of the issuer",
    "partner_city": "the issuer's city",
    "partner_zip": "the issuer's postal code",
    "partner_website": "the issuer's web site",
    "partner_email": "the issuer's mail address",
    "partner_coc": "the issuer's number in the register of companies",
    "country_code": "the issuer's country as its ISO 3166 code of two letters",
    "payment_method": "how it was or is to be paid",
    "desc": "the words `Invoice from` and the issuer",
}
_TELLING = 20  # characters of a line: one that two documents share was copied
_SCALARS = {"date": {"format": "date"}, "text": {"maxLength": 300}}
_LAYOUT = (
    "The input is the text of the document as `pdftotext -layout` writes it: what stands side by"
    " side on paper is on one line, apart by several spaces. Languages, labels, and the forms of"
    " dates and amounts differ between companies. A field that the document does not state is null."
)
GATES = {"accuracy": "off", "latency": "off", "fuzz": {"examples": 20, "reference": "none"}}


def write(
    root: Path, invoices: Sequence[Invoice], made: Sequence[Invoice], more: Mapping[str, Any]
) -> None:
    """Write a project with a spec for each invoice and one for all; ``more`` are further keys."""
    (root / "specs").mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for spec, rows in (general(invoices, made), *map(of_company, invoices)):
        name = spec["name"]
        lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in (spec | more).items())
        (root / "specs" / f"{name}.yaml").write_text(lines, encoding="utf-8")
        kept = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (root / "specs" / f"{name}.jsonl").write_text(kept, encoding="utf-8")


def general(
    invoices: Sequence[Invoice], made: Sequence[Invoice]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the spec for all companies and its rows, the made-up documents."""
    used = {name for item in invoices for name in item.fields}
    kinds = {name: kind_of(name, invoices) for name in MEANING if name in used}
    told = "Read the fields of an invoice or receipt of a company that nobody has seen before."
    rows = [
        {
            "id": item.name,
            "split": "train",
            "input": {"text": item.text},
            "output": {name: item.fields.get(name) for name in kinds},
        }
        for item in made
        if not _lines_of(item) & {line for other in invoices for line in _lines_of(other)}
    ]
    return _spec(GENERAL, f"{told} {_LAYOUT}", kinds), rows


def _lines_of(invoice: Invoice) -> set[str]:
    """Return the lines of an invoice that could be of no other, spacing aside."""
    lines = {" ".join(line.split()) for line in invoice.lines}
    return {line for line in lines if len(line) >= _TELLING}


def of_company(invoice: Invoice) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the spec of a company, which has seen its invoice, and a row that nothing compares."""
    kinds = {name: kind_of(name, [invoice]) for name in invoice.fields}
    told = "Read the fields of an invoice of one company, whose documents look like this one."
    told = f"{told} {_LAYOUT}\n\nThe document, as it comes:\n{invoice.text}"
    row = {
        "id": invoice.name,
        "split": "validation",
        "input": {"text": invoice.text},
        "output": dict.fromkeys(kinds),
    }
    return _spec(name_of(invoice), told, kinds), [row]


def name_of(invoice: Invoice) -> str:
    """Return the name of the spec of an invoice's company."""
    return f"read_{invoice.name.lower()}"


def kind_of(name: str, invoices: Sequence[Invoice]) -> str:
    """Return whether a field is a number, a date or a text, by what golden files hold of it."""
    values = [item.fields[name] for item in invoices if name in item.fields]
    if all(isinstance(value, int | float) for value in values):
        return "number"
    return "date" if name == "date" or name.startswith("date_") else "text"


def _spec(name: str, told: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    return {
        "compiledai": 1,
        "kind": "function",
        "name": name,
        "description": told,
        "input": {
            "type": "object",
            "additionalProperties": False,
            "required": ["text"],
            "properties": {"text": {"type": "string", "maxLength": 20_000}},
        },
        "output": {
            "type": "object",
            "required": list(kinds),
            "properties": dict(_properties(kinds)),
        },
        "golden": f"{name}.jsonl",
        "gates": GATES,
        "attempts": 3,
    }


def _properties(kinds: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, kind in kinds.items():
        stated = "number" if kind == "number" else "string"
        schema: dict[str, Any] = {"type": [stated, "null"], **_SCALARS.get(kind, {})}
        yield name, schema | ({"description": MEANING[name]} if name in MEANING else {})
