"""Programs learned from rows: each output field by the plainest means that no row contradicts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.synth import arithmetic
from pytest_compiledai.functions.synth import decisions
from pytest_compiledai.functions.synth import strings
from pytest_compiledai.functions.synth.emitting import Builder
from pytest_compiledai.functions.synth.expressions import NOTHING
from pytest_compiledai.functions.synth.expressions import Expression
from pytest_compiledai.functions.synth.expressions import text_of
from pytest_compiledai.functions.synth.expressions import value_of
from pytest_compiledai.functions.synth.parts.deciding import Test
from pytest_compiledai.functions.synth.parts.deciding import holds
from pytest_compiledai.functions.synth.parts_library import with_parts

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec

Example = tuple[Mapping[str, Any], Any]
LEAST_ROWS = 6  # before anything is learned from them
FOLDS = 5
LEAST_GROUP = 2  # rows of one case before it is a case
MOST_CASES = 8
LEAST_COVERED = 0.8  # share of the rows that cases must cover
MOST_LABELS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """How one output field is made: in each case by an expression, or a label."""

    cases: tuple[tuple[tuple[Test, ...], Expression | None, Any], ...]

    def value(self, data: Mapping[str, Any]) -> Any:
        """Return the field's value for an input; ``NOTHING`` where it is not known."""
        for tests, expression, label in self.cases:
            if all(holds(data, test) for test in tests):
                return label if expression is None else value_of(expression, data)
        return NOTHING


def learned(spec: FunctionSpec) -> dict[str, Learned] | None:
    """Return how each required output field is made, None where one of them is not learned."""
    rows = sorted(spec.answers_in(Split.TRAIN), key=lambda row: digest(row.id.encode("utf-8")))
    properties = spec.output.data.get("properties", {})
    required = spec.output.data.get("required", [])
    if len(rows) < LEAST_ROWS or not properties:
        return None
    fields: dict[str, Learned] = {}
    for name, data in properties.items():
        examples = [(row.input, row.output[name]) for row in rows if name in row.output]
        if not examples and name not in required:
            continue
        found = (
            field(data, examples, spec.accuracy.threshold) if len(examples) == len(rows) else None
        )
        if found is None:
            return None
        fields[name] = found
    return fields


def field(data: Mapping[str, Any], rows: Sequence[Example], threshold: float) -> Learned | None:
    """Return how a field is made by the first means that holds out of sample."""
    for means in means_of(data, rows):
        found = means(rows)
        if found is not None and holds_out(means, rows, threshold):
            return found
    return None


Means = Callable[[Sequence[Example]], Learned | None]


def means_of(data: Mapping[str, Any], rows: Sequence[Example]) -> Iterator[Means]:
    """Yield the ways a field of this kind may be made, the plainest first."""
    kind = data.get("type")
    closed = "enum" in data or "const" in data or kind == "boolean"
    if "const" in data:
        yield lambda _: Learned(cases=(((), None, data["const"]),))
        return
    if kind == "string" or (closed and all(isinstance(label, str) for _, label in rows)):
        yield lambda some: whole(strings.learned(some))
        if not closed:
            yield lambda some: by_cases(some, strings.learned)
    if kind in ("integer", "number"):
        make = partial(arithmetic.learned, integer=kind == "integer")
        yield lambda some: whole(make(some))
        yield lambda some: by_cases(some, make)
    labels = {canonical_json(label) for _, label in rows}
    if closed or len(labels) * LEAST_ROWS <= len(rows):
        yield lambda some: listed(some, default=False)
        yield lambda some: listed(some, default=True)


def whole(expression: Expression | None) -> Learned | None:
    """Return one expression for every input."""
    return None if expression is None else Learned(cases=(((), expression, None),))


def listed(rows: Sequence[Example], *, default: bool) -> Learned | None:
    """Return a decision list."""
    rules = decisions.learned(rows, default=default)
    return Learned(cases=tuple((tests, None, label) for tests, label in rules)) if rules else None


def by_cases(
    rows: Sequence[Example], learn: Callable[[Sequence[Example]], Expression | None]
) -> Learned | None:
    """Return an expression for each combination of a few closed fields, the fewest that do."""
    tests = [test for test in decisions.candidates(rows) if test[0] in ("is", "given")]
    names = sorted({(asked, name) for asked, name, _ in tests})
    for size in (1, 2, 3):
        for chosen in itertools.combinations(names, size):
            found = in_cases(rows, chosen, learn)
            if found is not None:
                return found
    return None


def in_cases(
    rows: Sequence[Example],
    chosen: Sequence[tuple[str, str]],
    learn: Callable[[Sequence[Example]], Expression | None],
) -> Learned | None:
    """Return an expression for each combination of the chosen fields' values."""
    groups: dict[tuple[Test, ...], list[Example]] = {}
    for row in rows:
        groups.setdefault(case_of(row[0], chosen), []).append(row)
    groups = {key: some for key, some in groups.items() if len(some) >= LEAST_GROUP}
    covered = sum(len(some) for some in groups.values())
    if not 1 < len(groups) <= MOST_CASES or covered < LEAST_COVERED * len(rows):
        return None
    cases = []
    for key in sorted(groups, key=repr):
        expression = learn(groups[key])
        if expression is None:
            return None
        cases.append((key, expression, None))
    return Learned(cases=tuple(cases))


def case_of(data: Mapping[str, Any], chosen: Sequence[tuple[str, str]]) -> tuple[Test, ...]:
    """Return the tests that hold for an input and tell its case from the others."""
    return tuple(
        ("given", name, name in data)
        if asked == "given" or name not in data
        else ("is", name, data[name])
        for asked, name in chosen
    )


def holds_out(means: Means, rows: Sequence[Example], threshold: float) -> bool:
    """Return whether what is learned from some rows is right on the others."""
    right = wrong = 0
    for fold in range(FOLDS):
        kept = [row for number, row in enumerate(rows) if number % FOLDS != fold]
        found = means(kept)
        for data, output in rows[fold::FOLDS]:
            value = NOTHING if found is None else found.value(data)
            right += value is not NOTHING and value == output
            wrong += value is not NOTHING and value != output
    return right > 0 and right >= threshold * (right + wrong)


def answer(fields: Mapping[str, Learned], data: Mapping[str, Any]) -> Any:
    """Return the output for an input; None where one of its fields is not known."""
    made = {name: one.value(data) for name, one in fields.items()}
    return None if NOTHING in made.values() else made


def program(spec: FunctionSpec, fields: Mapping[str, Learned]) -> str | None:
    """Return the text of the program that makes the fields."""
    builder = Builder(spec.types)
    blocks: list[str] = []
    made = ""
    for number, (name, one) in enumerate(fields.items(), start=1):
        annotation = builder.annotation(spec.types.output_type, name)
        if "Literal[" in annotation:
            builder.imports.add(Import(module="typing", member="Literal"))
        blocks += written(spec, f"make{number}", annotation, one)
        made += f"            {name!r}: make{number}(data),\n"
    main = (
        f"def {spec.name}(data: {spec.types.input_type}) -> {spec.types.output_type}:\n"
        f"    try:\n        return {{\n{made}        }}\n"
        "    except (ValueError, KeyError, OverflowError) as error:\n"
        '        raise Abstain("not like the rows it was learned from") from error\n'
    )
    text = "\n\n".join([*blocks, main])
    return with_parts(text, tuple(sorted(builder.imports)))


def written(spec: FunctionSpec, name: str, annotation: str, one: Learned) -> Iterator[str]:
    """Yield the constants and functions that make one field."""
    head = f"def {name}(data: {spec.types.input_type}) -> {annotation}:\n"
    if len(one.cases) == 1 and not one.cases[0][0] and one.cases[0][1] is not None:
        yield f"{head}    return {text_of(one.cases[0][1])}\n"
        return
    labels = list(
        {canonical_json(label): label for _, made, label in one.cases if not made}.values()
    )
    places = [canonical_json(label) for label in labels]
    rules = ""
    for number, (tests, made, label) in enumerate(one.cases):
        index = number if made else places.index(canonical_json(label))
        rules += f"    (({''.join(f'{test!r}, ' for test in tests)}), {index}),\n"
    upper = name.upper()
    yield f"{upper}_RULES: tuple[tuple[tuple[Test, ...], int], ...] = (\n{rules})\n"
    if labels:
        shown = "".join(f"    {label!r},\n" for label in labels)
        yield f"{upper}_LABELS: tuple[{annotation}, ...] = (\n{shown})\n"
        yield f"{head}    return {upper}_LABELS[decide(data, {upper}_RULES)]\n"
        return
    chain = ""
    for number, (_, made, _) in enumerate(one.cases):
        if made is not None:
            case = f"{name}_case{number}"
            yield f"{head.replace(name, case, 1)}    return {text_of(made)}\n"
            chain += f"    if index == {number}:\n        return {case}(data)\n"
    yield f'{head}    index = decide(data, {upper}_RULES)\n{chain}    raise ValueError("no case")\n'
