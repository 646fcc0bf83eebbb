"""Invoices of the invoice2data form, read by what a model wrote.

    python -m bench.documents.invoice_model [--invoices DIR] [--made DIR] [--recordings DIR]
        [--proposer NAME] [--requests FILE] [--json FILE]

For each company is compiled from the text of its invoice and the names of its golden fields; for
all is one program that has seen none of the companies (`invoice_specs.py`). The golden values
decide afterwards. Hand-written templates, which know every company and every value, are right in
146 of 170 golden fields (85.9 %) by their authors' own count, tables among them.

The proposer is `recordings`, the answers in --recordings: a spec without one is not compiled, and
its request goes to --requests, which `bench.answering` can serve; or name a model.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import function_calling
from bench.calls import running
from bench.documents import invoice_specs
from bench.documents.invoices import Invoice
from bench.documents.invoices import read
from bench.replaying import DATA
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.functions.synth.documents import is_equal
from pytest_compiledai.sandbox.ladder import open_sandbox

#: How candidates are asked for.
WAY: Mapping[str, Any] = {"proposing": {"prompt": 2, "repair": 2}}
COLUMNS = ("right", "wrong", "not answered", "not compiled")


def measured(
    invoices: Sequence[Invoice], made: Sequence[Invoice], options: argparse.Namespace
) -> dict[str, Any]:
    """Compile, call and score; return the counts of golden scalar fields for both ways."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        invoice_specs.write(root, invoices, made, WAY)
        if options.proposer == "recordings":
            missing = running.requests_of(root, options.recordings)
            function_calling.write_requests(options.requests, missing)
            running.drop_unanswered(root, missing)
        is_left = any((root / "specs").glob("*.yaml"))
        units = running.compiled(root, function_calling.arguments(options)) if is_left else {}
        own = {i.name: scored(i, answers(root, invoice_specs.name_of(i), [i])[0]) for i in invoices}
        said = answers(root, invoice_specs.GENERAL, invoices)
        general = {i.name: scored(i, answer) for i, answer in zip(invoices, said, strict=True)}
    return {
        "units": {
            name: {key: unit[key] for key in ("outcome", "attempts", "tokens")}
            for name, unit in units.items()
        },
        "for each company": own,
        "for all": general,
    }


def answers(root: Path, name: str, invoices: Sequence[Invoice]) -> list[dict[str, Any] | None]:
    """Return what a frozen program says of invoices; None for all where there is none.

    An invoice that it abstains from, or breaks at, has no field.
    """
    path = root / "compiled" / f"{name}.py"
    if not path.exists():
        return [None] * len(invoices)
    program = Program(source=path.read_bytes(), function=name)
    with open_sandbox("auto").open(program) as session:
        said = session.call([canonical_json({"text": item.text}) for item in invoices])
    return [json.loads(a.value) if a.status is Status.VALUE else {} for a in said]


def scored(invoice: Invoice, answer: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what came of each golden field."""
    return {name: _result(wanted, name, answer) for name, wanted in invoice.fields.items()}


def _result(wanted: Any, name: str, answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return "not compiled"
    if answer.get(name) is None:
        return "not answered"
    # The golden files hold some texts that are whole numbers as numbers.
    fits = is_equal(answer[name], wanted) or is_equal(str(answer[name]), str(wanted))
    return "right" if fits else "wrong"


def show(figures: Mapping[str, Any]) -> None:
    """Print the counts of both ways as a table."""
    print(f"{'golden scalar fields':22}" + "".join(f"{name:>14}" for name in COLUMNS))
    for way in ("for each company", "for all"):
        results = [result for item in figures[way].values() for result in item.values()]
        counts = {name: results.count(name) for name in COLUMNS}
        span = wilson(counts["right"], len(results))
        cells = "".join(f"{count:14}" for count in counts.values())
        share = f"{counts['right'] / max(1, len(results)):.1%} [{span.low:.1%}, {span.high:.1%}]"
        print(f"{way:22}{cells}   {share} of {len(results)}")
    units = figures["units"].values()
    tokens = [sum(unit["tokens"][side] for unit in units) for side in ("in", "out")]
    frozen = sum(unit["outcome"] == "frozen" for unit in units)
    print(f"{len(units)} asked for, {frozen} frozen; tokens {tokens[0]:,} in, {tokens[1]:,} out")
    print("hand-written templates: 146 of 170 golden fields right (85.9 %), tables among them")


def main() -> None:
    """Measure and print one table; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invoices", type=Path, default=DATA / "invoice2data" / "compare")
    parser.add_argument("--made", type=Path, default=DATA / "invoice2data" / "custom")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--proposer", default="recordings")
    parser.add_argument("--requests", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measured(read(options.invoices), read(options.made), options)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
