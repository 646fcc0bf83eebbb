"""What a compiled reader makes of documents of companies that nobody looked at.

python -m bench.documents [--receipts DIR] [--recordings DIR] [--model NAME] [--requests FILE]

Receipts are split by company: on one half the reader is chosen and judged by the gates, on the
other it is measured. A model is shown receipts that we wrote and no other. Nothing is asked unless
a `--model` is named; without a recording the spec counts as not compiled, and `--requests` writes
what a bridge would have to answer. `--model builtin/synth` asks no model at all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.documents.made import RECEIPTS
from bench.documents.receipts import Receipt
from bench.documents.receipts import key
from bench.documents.receipts import read
from bench.replaying import DATA
from bench.replaying import compiled
from bench.replaying import units
from pytest_compiledai.asking import request_of
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.candidate import BUILTIN
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.functions.proposing import opening
from pytest_compiledai.sandbox.ladder import open_sandbox

HERE = Path(__file__).parent
NAME = "read_receipt"
FIELDS = ("date", "total", "company")
_OF_COMPANY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How often one field was answered, and right."""

    right: int
    answered: int
    of: int

    def __str__(self) -> str:
        around = wilson(self.right, self.of)
        share = self.right / self.of if self.of else 0.0
        return (
            f"{share:6.1%} right [{around.low:.1%}, {around.high:.1%}] "
            f"({self.right} of {self.of}; {self.of - self.answered} not answered)"
        )


def main() -> None:
    """Compile, measure on the unseen companies, print a table; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--receipts", type=Path, default=DATA / "sroie")
    parser.add_argument("--recordings", type=Path, default=HERE / "specs" / "recordings")
    parser.add_argument("--model", default="", help="ask it for what is not recorded")
    parser.add_argument("--requests", type=Path, help="write the request that has no recording")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--wrong", action="store_true", help="list wrong answers of seen companies")
    options = parser.parse_args()
    receipts = read(options.receipts)
    with tempfile.TemporaryDirectory() as folder:
        taught = options.model == BUILTIN
        root = project(Path(folder) / "documents", receipts, options.recordings, taught=taught)
        if options.requests:
            options.requests.write_text(json.dumps(request(root), indent=1) + "\n", "utf-8")
        figures = measure(root, receipts, options.model)
        if (root / "specs" / "recordings").is_dir():
            shutil.copytree(root / "specs" / "recordings", options.recordings, dirs_exist_ok=True)
        show(figures)
        if options.wrong and figures["compiled"]:
            seen = [item for item in receipts if not item.is_unseen]
            for item, answer in zip(seen, answers(root, seen), strict=True):
                for field in wrong_fields(item, answer):
                    got = answer and answer[field]
                    print(f"{item.name} {field}: {getattr(item, field)!r} but {got!r}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def project(
    root: Path, receipts: Sequence[Receipt], recordings: Path, *, taught: bool = False
) -> Path:
    """Write a project with the spec, its rows and what is recorded for it.

    With ``taught`` receipts of seen companies are train rows, too: what learns from them is no
    model and keeps their texts on this machine.
    """
    specs = root / "specs"
    specs.mkdir(parents=True)
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    shutil.copy(HERE / "specs" / f"{NAME}.yaml", specs)
    if recordings.is_dir():
        shutil.copytree(recordings, specs / "recordings")
    rows = [
        {"id": f"made-{n}", "input": {"text": text}, "output": output, "split": "train"}
        for n, (text, output) in enumerate(RECEIPTS)
    ]
    split = _split_of_companies if taught else _half
    seen = [item for item in receipts if not item.is_unseen and item.date and item.total]
    kept = _few_of_each(seen) if taught else seen
    rows += [_row(item, split(item), grouped=taught) for item in kept]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (specs / f"{NAME}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return root


def _few_of_each(receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return at most a few receipts of each company, so that no company decides alone."""
    counts: Counter[str] = Counter()
    kept = []
    for item in receipts:
        counts[key(item.company)] += 1
        if counts[key(item.company)] <= _OF_COMPANY:
            kept.append(item)
    return kept


def _row(item: Receipt, split: str, *, grouped: bool) -> dict[str, Any]:
    output = {"company": item.company, "date": item.date, "total": item.total}
    row = {"id": item.name, "input": {"text": item.text}, "output": output, "split": split}
    return {**row, "group": key(item.company)} if grouped else row


def _half(item: Receipt) -> str:
    return "validation" if int(item.name, 36) % 2 else "test"


def _split_of_companies(item: Receipt) -> str:
    """Return a split, the same for all receipts of a company: three fifths teach."""
    number = int(digest(key(item.company).encode("utf-8"))[:8], 16)
    return ("train", "train", "train", "validation", "test")[number % 5]


def request(root: Path) -> dict[str, Any]:
    """Return the first request of the spec, as a bridge takes it."""
    (unit,) = units(root, "specs")
    asked = request_of(opening(unit.body), 0)
    turns = [{"role": turn.role, "content": turn.content} for turn in asked.messages]
    return {"messages": turns, **asked.parameters, "seed": asked.sample}


def measure(root: Path, receipts: Sequence[Receipt], model: str) -> dict[str, Any]:
    """Compile, then return the score of each field on the companies that nobody looked at."""
    asked = ("--compile-model", model) if model else ()
    (unit,) = compiled(root, "specs", *asked)
    unseen = [item for item in receipts if item.is_unseen]
    figures: dict[str, Any] = {
        "compiled": unit["outcome"] == "frozen",
        "attempts": unit["attempts"],
        "tokens": unit["tokens"],
        "receipts": len(unseen),
        "companies": len({key(item.company) for item in unseen}),
        "gates": {name: gate["outcome"] for name, gate in unit["gates"].items()},
        "latency": unit["gates"].get("latency", {}).get("figures", {}),
    }
    if figures["compiled"]:
        found = answers(root, unseen)
        figures["abstained"] = sum(answer is None for answer in found)
        for field in FIELDS:
            figures[field] = _score(field, unseen, found)
    return figures


def answers(root: Path, receipts: Sequence[Receipt]) -> list[dict[str, Any] | None]:
    """Return what the frozen reader says of each receipt, called in the sandbox."""
    source = (root / "compiled" / f"{NAME}.py").read_bytes()
    with open_sandbox("auto").open(Program(source=source, function=NAME)) as session:
        said = session.call([canonical_json({"text": item.text}) for item in receipts])
    return [json.loads(a.value) if a.status is Status.VALUE else None for a in said]


def wrong_fields(item: Receipt, answer: dict[str, Any] | None) -> list[str]:
    """Return the fields that a label states and the answer does not."""
    labelled = [field for field in FIELDS if getattr(item, field) not in {"", None}]
    return [field for field in labelled if answer is None or not _is_equal(field, item, answer)]


def _score(
    field: str, receipts: Sequence[Receipt], found: Sequence[dict[str, Any] | None]
) -> dict[str, int]:
    pairs = [
        (item, answer)
        for item, answer in zip(receipts, found, strict=True)
        if getattr(item, field) not in {"", None}
    ]
    given = [(item, a) for item, a in pairs if a is not None and a[field] is not None]
    right = sum(_is_equal(field, item, answer) for item, answer in given)
    return {"right": right, "answered": len(given), "of": len(pairs)}


def _is_equal(field: str, item: Receipt, answer: dict[str, Any]) -> bool:
    """Whether a field is the label's: names by their letters and digits, amounts by the sen."""
    wanted, got = getattr(item, field), answer[field]
    if got is None:
        return False
    if field == "company":
        return key(wanted) == key(got)
    return round(wanted * 100) == round(got * 100) if field == "total" else bool(wanted == got)


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    tokens, attempts = figures["tokens"], figures["attempts"]
    print(f"receipts: {figures['receipts']} of {figures['companies']} unseen companies")
    print(f"  compiled {figures['compiled']}; attempts {attempts}; tokens {tokens}")
    if not figures["compiled"]:
        print(f"  gates {figures['gates']}")
        return
    for field in FIELDS:
        print(f"  {field:8} {Score(**figures[field])}")
    print(f"  abstained from the whole receipt: {figures['abstained']}; {figures['latency']}")


if __name__ == "__main__":
    main()
