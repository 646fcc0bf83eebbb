"""Programs that read documents: typed pieces of the lines, ranked by what stands around them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.synth.emitting import Builder
from pytest_compiledai.functions.synth.parts import documents as parts
from pytest_compiledai.functions.synth.parts_library import with_parts
from pytest_compiledai.functions.synth.requests import text_field

if TYPE_CHECKING:
    from pytest_compiledai.core.golden import Row
    from pytest_compiledai.functions.spec import FunctionSpec

LEAST_ROWS = 6  # before anything is learned from them
LEAST_LINES = 4  # of the median text, before it is a document
LEAST_REACHED = 0.5  # share of the rows whose value is among the pieces
MOST_OF_GROUP = 4  # rows that one group teaches with
FOLDS = 5
PASSES = 20  # over the rows
RATE = 0.3  # of one step; steps shrink with the root of the slopes so far
DECAY = 3e-3  # pulls weights towards nothing
FLOOR = 1e-2  # of the slopes so far, so that the first step is bounded
LEAST_SHARE = 1e-3  # a smaller slope is no step
LEAST_SEEN = 2  # pieces that have a feature, before it gets a weight
MOST_WEIGHTS = 400  # of a field, the heaviest: a program has to stay readable
LEAST_COST = 4  # right answers that one wrong answer costs, at least
MOST_COST = 20
GRID = 100  # steps of the least chance

Example = tuple[list[str], Any, str]  # lines, the value or None, what it is grouped by


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How one output field is read."""

    kind: str  # date, amount, name or code
    weights: Mapping[str, int]  # hundredths
    least: float  # chance below which nothing is answered
    day_first: bool = True

    def items(self, lines: Sequence[str]) -> list[parts.Found]:
        """Return the pieces of a document that may be the value."""
        if self.kind == "date":
            return parts.dates_in(lines, day_first=self.day_first)
        taken = {"amount": parts.amounts_in, "name": parts.names_in, "code": parts.codes_in}
        return taken[self.kind](lines)

    def value(self, lines: Sequence[str]) -> Any:
        """Return the field's value; None where none is likely enough."""
        return parts.likeliest(self.items(lines), lines, self.weights, self.least)


def learned(spec: FunctionSpec) -> dict[str, Reader] | None:
    """Return how each field is read, None where one is not, or where no documents are read."""
    source = text_field(spec)
    rows = sorted(spec.answers_in(Split.TRAIN), key=lambda row: digest(row.key))
    if source is None or len(rows) < LEAST_ROWS:
        return None
    documents = [parts.lines_of(row.input.get(source, "")) for row in rows]
    if median(map(len, documents)) < LEAST_LINES:
        return None
    readers: dict[str, Reader] = {}
    for name, data in spec.output.data.get("properties", {}).items():
        examples = _examples(rows, documents, name)
        reader = field(kinds_of(data), examples, spec.accuracy.threshold)
        if reader is None:
            return None
        readers[name] = reader
    return readers


def _examples(rows: Sequence[Row], documents: Sequence[list[str]], name: str) -> list[Example]:
    """Return the rows as examples, a few of each group: they teach the same."""
    counts: Counter[str] = Counter()
    made: list[Example] = []
    for row, lines in zip(rows, documents, strict=True):
        group = row.group or digest(row.key)
        counts[group] += 1
        if counts[group] <= MOST_OF_GROUP:
            made.append((lines, row.output.get(name), group))
    return made


def kinds_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which pieces a field may take."""
    stated = data.get("type")
    kinds = {stated} if isinstance(stated, str) else set(stated or ())
    if "enum" in data or "const" in data:
        return ()
    if kinds - {"null"} == {"number"}:
        return ("amount",)
    if kinds - {"null"} == {"string"}:
        return ("date",) if data.get("format") == "date" else ("name", "code")
    return ()


def field(kinds: Sequence[str], rows: Sequence[Example], threshold: float) -> Reader | None:
    """Return how a field is read, with the least chance by rows that it was not learned from."""
    made = [
        Reader(kind=kind, weights={}, least=0.0, day_first=order)
        for kind in kinds
        for order in ((True, False) if kind == "date" else (True,))
    ]
    best = max(made, key=lambda reader: reached(reader, rows), default=None)
    if best is None or reached(best, rows) < LEAST_REACHED * len(rows):
        return None
    kept_back: list[tuple[float, bool]] = []
    for fold in range(FOLDS):
        others = [row for row in rows if _fold(row) != fold]
        weights = weighed(best, others)
        kept_back += [_tried(best, row, weights) for row in rows if _fold(row) == fold]
    return Reader(
        kind=best.kind,
        weights=weighed(best, rows),
        least=least_chance(kept_back, threshold),
        day_first=best.day_first,
    )


def _fold(row: Example) -> int:
    return int(digest(row[2].encode("utf-8"))[:8], 16) % FOLDS


def _tried(reader: Reader, row: Example, weights: Mapping[str, int]) -> tuple[float, bool]:
    found = parts.chances(reader.items(row[0]), row[0], weights)
    best = max(found, key=lambda value: found[value], default=None)
    return (found[best], is_equal(best, row[1])) if best is not None else (0.0, row[1] is None)


def least_chance(tried: Sequence[tuple[float, bool]], threshold: float) -> float:
    """Return the chance from which answers pay.

    A wrong one costs as many right ones as leave the share of right answers at the threshold.
    """
    cost = min(max(threshold / max(1 - threshold, 1e-9), LEAST_COST), MOST_COST)

    def worth(least: float) -> float:
        return sum(1 if right else -cost for chance, right in tried if chance >= least)

    steps = [step / GRID for step in range(1, GRID + 1)]
    return max(steps, key=lambda least: (worth(least), least))


def reached(reader: Reader, rows: Sequence[Example]) -> int:
    """Return for how many rows the value is among the pieces, or there is none to find."""
    return sum(
        value is None or any(is_equal(item.value, value) for item in reader.items(lines))
        for lines, value, _ in rows
    )


def is_equal(value: Any, wanted: Any) -> bool:
    """Return whether a piece is the value: names by letters and digits, the rest exactly."""
    if isinstance(value, str) and isinstance(wanted, str):
        return _bare(value) == _bare(wanted)
    return type(wanted) in (int, float) and value == wanted


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def weighed(reader: Reader, rows: Sequence[Example]) -> dict[str, int]:
    """Return feature -> weight, in hundredths, that make the right pieces likely.

    Gradient steps on the log-likelihood of the right pieces among all of a document, row by row
    (J. Duchi and others, "Adaptive subgradient methods", JMLR 12, 2011).
    """
    documents = [_document(reader, lines, value) for lines, value, _ in rows]
    useful = [item for item in documents if any(item[1]) and not all(item[1])]
    seen = Counter(name for pieces, _ in useful for piece in pieces for name in piece)
    kept = [
        ([[name for name in piece if seen[name] >= LEAST_SEEN] for piece in pieces], right)
        for pieces, right in useful
    ]
    weights: dict[str, float] = {}
    slopes: dict[str, float] = {}
    for _ in range(PASSES):
        for pieces, right in kept:
            _step(pieces, right, weights, slopes)
    rounded = {name: round(100 * weight) for name, weight in sorted(weights.items())}
    heaviest = sorted(rounded, key=lambda name: (-abs(rounded[name]), name))[:MOST_WEIGHTS]
    return {name: rounded[name] for name in sorted(heaviest) if rounded[name]}


def _document(
    reader: Reader, lines: Sequence[str], value: Any
) -> tuple[list[list[str]], list[bool]]:
    items = reader.items(lines)
    pieces = [parts.features(item, at, len(items), lines) for at, item in enumerate(items)]
    return pieces, [is_equal(item.value, value) for item in items]


def _step(
    pieces: Sequence[Sequence[str]],
    right: Sequence[bool],
    weights: dict[str, float],
    slopes: dict[str, float],
) -> None:
    scores = [sum(weights.get(name, 0.0) for name in piece) for piece in pieces]
    most = max(scores)
    shares = [math.exp(score - most) for score in scores]
    total = sum(shares)
    good = sum(share for share, is_right in zip(shares, right, strict=True) if is_right)
    for piece, share, is_right in zip(pieces, shares, right, strict=True):
        slope = share / total - (share / good if is_right else 0.0)
        if abs(slope) < LEAST_SHARE:
            continue
        for name in piece:
            own = slope + DECAY * weights.get(name, 0.0)
            slopes[name] = slopes.get(name, 0.0) + own * own
            step = RATE * own / math.sqrt(slopes[name] + FLOOR)
            weights[name] = weights.get(name, 0.0) - step


def answer(spec: FunctionSpec, readers: Mapping[str, Reader], data: Mapping[str, Any]) -> Any:
    """Return the output for a document; None where the program abstains."""
    lines = parts.lines_of(data[text_field(spec) or ""])
    made = {name: reader.value(lines) for name, reader in readers.items()}
    if all(value is None for value in made.values()):
        return None
    open_ = any(v is None and not _may_be_null(spec, name) for name, v in made.items())
    return None if open_ else made


def _may_be_null(spec: FunctionSpec, name: str) -> bool:
    return "null" in spec.output.data["properties"][name].get("type", ())


def program(spec: FunctionSpec, readers: Mapping[str, Reader]) -> str | None:
    """Return the text of the program that reads the fields."""
    builder = Builder(spec.types)
    constants = values = needed = made = ""
    for number, (name, reader) in enumerate(readers.items(), start=1):
        weights = "".join(f"    {key!r}: {weight},\n" for key, weight in reader.weights.items())
        constants += f"WEIGHTS{number}: dict[str, int] = {{\n{weights}}}\n\n"
        more = f", day_first={reader.day_first}" if reader.kind == "date" else ""
        values += (
            f"    value{number} = {reader.kind}_of(lines, WEIGHTS{number}, {reader.least}{more})\n"
        )
        made += f"        {name!r}: value{number},\n"
        if "None" not in builder.annotation(spec.types.output_type, name):
            needed += f"    if value{number} is None:\n        raise Abstain({f'no {name}'!r})\n"
    count = range(1, len(readers) + 1)
    nothing = " and ".join(f"value{number} is None" for number in count)
    if not needed:
        needed = f'    if {nothing}:\n        raise Abstain("nothing found")\n'
    head = f"def {spec.name}(data: {spec.types.input_type}) -> {spec.types.output_type}:\n"
    lines = f"    lines = lines_of(data[{text_field(spec)!r}])\n"
    text = f"{constants}\n{head}{lines}{values}{needed}    return {{\n{made}    }}\n"
    return with_parts(text)
