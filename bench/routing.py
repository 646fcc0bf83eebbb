"""Which of many intents a text has: code alone, and code with a small frozen linear model.

python -m bench.routing [--data DIR] [--others FILE ...] [--rows N] [--json FILE]

DIR has `train.csv` and `test.csv` with the columns `text` and `category`, the form of banking77.
Each way is compiled by builtin/synth, with no model and no token, through every gate; the test file
is what the gates open once. Out of scope are, for a second compile, the intents that it never saw,
and the texts of other sets: the right answer to them is to abstain.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.replaying import DATA
from bench.replaying import compiled
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.interval import wilson
from pytest_compiledai.functions.weights import program_of
from pytest_compiledai.sandbox.ladder import open_sandbox

NAME = "route_text"
#: Of an intent's texts in `train.csv`, by a hash: of five one chooses and four teach.
_FIFTHS = 5
_LONGEST = 2_000  # characters
#: What a frozen way has to reach. Code alone answers what it has a rule for, and no more is asked.
WAYS = {"code": (0.8, 0.05), "code + linear": (0.8, 0.9)}  # threshold, coverage


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its intent."""

    text: str
    intent: str


def main() -> None:
    """Compile both ways, measure, print a table; the figures also as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "banking77")
    parser.add_argument("--others", type=Path, nargs="*", default=[DATA / "bfcl"])
    parser.add_argument("--rows", type=int, default=0, help="of each file, by a hash; 0: all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    others = [text for path in options.others for text in other_texts(path)]
    figures = measured(
        read(options.data / "train.csv", options.rows),
        read(options.data / "test.csv", options.rows),
        others,
    )
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def read(path: Path, most: int = 0) -> list[Text]:
    """Return the texts of a file, each once, at most ``most`` of them by a hash."""
    with path.open(encoding="utf-8", newline="") as lines:
        found = {row["text"]: Text(row["text"], row["category"]) for row in csv.DictReader(lines)}
    kept = [item for item in found.values() if 0 < len(item.text) <= _LONGEST]
    return sorted(kept, key=lambda item: _hash(item.text))[:most] if most else kept


def other_texts(path: Path) -> list[str]:
    """Return texts that belong to no intent: of a CSV, or of a folder of function calls' tasks."""
    if path.suffix == ".csv":
        return [item.text for item in read(path)]
    texts = []
    for file in sorted(path.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            turns = json.loads(line).get("question", [[]])[0]
            texts += [turn["content"] for turn in turns if turn["role"] == "user"]
    return [text for text in dict.fromkeys(texts) if 0 < len(text) <= _LONGEST]


def measured(
    train: Sequence[Text], test: Sequence[Text], others: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the figures of each way."""
    hidden = held_out(sorted({item.intent for item in train}))
    seen = [item for item in train if item.intent not in hidden]
    asked = [item for item in test if item.intent not in hidden]
    unseen = [item.text for item in test if item.intent in hidden]
    figures = {}
    for way in WAYS:
        figures[way] = one_way(way, train, test, others)
        narrow = one_way(way, seen, asked, unseen)
        figures[way]["abstained_unseen_intents"] = narrow["abstained_others"]
        figures[way]["f1_without_them"] = narrow["macro_f1"]
    return figures


def held_out(intents: Sequence[str]) -> set[str]:
    """Return every fifth intent by a hash of its name: no row of the second compile has it."""
    ranked = sorted(intents, key=_hash)
    return set(ranked[: max(1, len(ranked) // _FIFTHS)])


def one_way(
    way: str, train: Sequence[Text], test: Sequence[Text], others: Sequence[str]
) -> dict[str, Any]:
    """Compile one way and return what it does with the test texts and with others."""
    with tempfile.TemporaryDirectory() as folder:
        root = project(Path(folder), way, train, test)
        (unit,) = compiled(root, "--compile-model", "builtin/synth", "specs")
        gates = unit["gates"]
        figures: dict[str, Any] = {
            "frozen": unit["outcome"] == "frozen",
            "tokens": sum(unit["tokens"].values()),
            "gates": {name: gate["outcome"] for name, gate in gates.items()},
            "p50_ms": gates.get("latency", {}).get("figures", {}).get("p50_ms"),
            "complexity": gates.get("syntax", {}).get("figures", {}).get("complexity"),
            **scored([item.intent for item in test], [None] * len(test)),
            "abstained_others": [len(others), len(others)],
        }
        if figures["frozen"]:
            paths = [root / "compiled" / f"{NAME}.py"]
            paths += sorted((root / "compiled" / NAME).glob("*"))
            files = {
                path.relative_to(root / "compiled").as_posix(): path.read_bytes()
                for path in paths
                if path.is_file() and path.suffix != ".pyi"
            }
            said = answers(files, [*(item.text for item in test), *others])
            figures |= scored([item.intent for item in test], said[: len(test)])
            figures["abstained_others"] = [said[len(test) :].count(None), len(others)]
            figures["bytes"] = {path: len(data) for path, data in files.items()}
        return figures


def project(root: Path, way: str, train: Sequence[Text], test: Sequence[Text]) -> Path:
    """Write a project with the one spec and its rows; test texts that train has are left out."""
    (root / "specs").mkdir()
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    threshold, coverage = WAYS[way]
    text = {"type": "string", "maxLength": _LONGEST}
    intents = {"enum": sorted({item.intent for item in [*train, *test]})}
    spec: dict[str, Any] = {
        "compiledai": 1,
        "kind": "function",
        "name": NAME,
        "description": "Say which intent a text has.",
        "input": {"type": "object", "properties": {"text": text}, "required": ["text"]},
        "output": {"type": "object", "properties": {"intent": intents}, "required": ["intent"]},
        "golden": f"{NAME}.jsonl",
        "gates": {
            "accuracy": {"threshold": threshold, "coverage": coverage},
            "fuzz": {"examples": 50, "reference": "none"},
        },
    }
    if way == "code + linear":
        spec["linear"] = {"text": ["text"], "label": "intent"}
    known = {item.text for item in train}
    lines = [*_rows(train, "a"), *_rows([item for item in test if item.text not in known], "b")]
    (root / "specs" / f"{NAME}.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    golden = "".join(json.dumps(line) + "\n" for line in lines)
    (root / "specs" / f"{NAME}.jsonl").write_text(golden, encoding="utf-8")
    return root


def _rows(texts: Sequence[Text], file: str) -> Iterator[dict[str, Any]]:
    for number, item in enumerate(texts):
        fifth = "train" if _hash(item.text) % _FIFTHS else "validation"
        row = {"input": {"text": item.text}, "output": {"intent": item.intent}}
        yield {"id": f"{file}{number}", **row, "split": fifth if file == "a" else "test"}


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8])


def answers(files: dict[str, bytes], texts: Sequence[str]) -> list[str | None]:
    """Return what the frozen function says of each text, called in the sandbox."""
    with open_sandbox("auto").open(program_of(NAME, files, (), {})) as session:
        said = session.call([canonical_json({"text": text}) for text in texts])
    return [json.loads(a.value)["intent"] if a.status is Status.VALUE else None for a in said]


def scored(wanted: Sequence[str], said: Sequence[str | None]) -> dict[str, Any]:
    """Return macro-F1 over the intents of the texts, and counts.

    Of an intent, F1 is 2 right / (texts of it + answers that name it); an abstention names none.
    """
    right = Counter(one for one, other in zip(wanted, said, strict=True) if one == other)
    texts, named = Counter(wanted), Counter(said)
    f1 = [2 * right[name] / (texts[name] + named[name]) for name in texts]
    return {
        "macro_f1": sum(f1) / len(f1) if f1 else 0.0,
        "texts": len(wanted),
        "answered": len(said) - named[None],
        "right": sum(right.values()),
    }


def show(figures: dict[str, dict[str, Any]]) -> None:
    """Print the figures as a table."""
    for way, item in figures.items():
        texts, answered = item["texts"], item["answered"]
        print(f"{way}: frozen {item['frozen']}; {item['tokens']} tokens; gates {item['gates']}")
        print(f"  macro-F1 {item['macro_f1']:.3f}; {item['f1_without_them']:.3f} of fewer intents")
        around = wilson(item["right"], answered)
        print(f"  answered {answered} of {texts}; right {item['right']} of these", end=" ")
        print(f"({around.low:.1%} to {around.high:.1%} at 95 %)")
        for name in ("abstained_unseen_intents", "abstained_others"):
            count, of = item[name]
            print(f"  {name.replace('_', ' ')}: {count} of {of} ({count / max(of, 1):.1%})")
        print(f"  a call {item['p50_ms']} ms; files {item.get('bytes')}")


if __name__ == "__main__":
    main()
