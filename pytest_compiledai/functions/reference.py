"""The reference of the fuzz gate: a model answering edited train inputs directly, or a function.

The examples are drawn once and kept beside the recordings; the answers are recordings. Where the
accuracy gate is off nothing else compares the rows, so their own inputs come first, as they stand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.canonical import digest_of
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import RecordingMissing
from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.functions import prompt
from pytest_compiledai.gates.fuzz import Reference
from pytest_compiledai.gates.fuzz import draw_references

if TYPE_CHECKING:
    from pytest_compiledai.core.kind import Asking
    from pytest_compiledai.core.kind import Bench
    from pytest_compiledai.core.schema import Schema
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.functions.spec import FunctionSpec

#: Inputs in one request: the description and the schemas are paid once for all of them.
BATCH = 25
MOST_BYTES = 4_000_000  # of the stored examples


def is_model(unit: Unit) -> bool:
    """Whether the fuzz gate asks a model, which then is the unit's reference."""
    spec: FunctionSpec = unit.body
    return spec.fuzz.reference == "model" and "fuzz" not in unit.off


def references(unit: Unit, bench: Bench) -> tuple[Reference, ...]:
    """Return the examples with the reference's answers; none where the spec asks for none.

    Raises ``ModelError`` when examples or answers of a model are missing or cannot be read.
    """
    spec: FunctionSpec = unit.body
    if spec.fuzz.reference == "none":
        return ()
    if spec.fuzz.user_reference is not None:
        return _of_function(unit, bench)
    return _of_model(unit, bench.asking())


def _of_function(unit: Unit, bench: Bench) -> tuple[Reference, ...]:
    """Return what the project's own function answers, called in the sandbox."""
    spec: FunctionSpec = unit.body
    assert spec.fuzz.user_reference is not None
    path, function = spec.fuzz.user_reference
    program = Program(source=spec.user_files[path].encode("utf-8"), function=function)
    inputs = [*_own_inputs(spec), *_drawn(spec)]
    with bench.sandbox().open(program) as session:
        answers = session.call([canonical_json(value) for value in inputs])
    return tuple(
        Reference(
            input=value,
            output=json.loads(answer.value) if answer.status is Status.VALUE else None,
            place=Place(path=path),
            abstained=answer.status is Status.ABSTAIN,
        )
        for value, answer in zip(inputs, answers, strict=True)
    )


def _of_model(unit: Unit, asking: Asking) -> tuple[Reference, ...]:
    spec: FunctionSpec = unit.body
    path = _path(spec, asking.folder)
    inputs = inputs_of(spec, asking.folder)
    if inputs is None:
        inputs = [*_own_inputs(spec), *_draw(unit, asking, path)]
    _check_enough(spec, inputs, path)
    place = Place(path=path.name)
    answers = [answer for batch in batches(inputs) for answer in _ask(spec, batch, asking)]
    return tuple(
        _said(spec.output, value, answer, place)
        for value, answer in zip(inputs, answers, strict=True)
    )


def _said(output: Schema, value: Any, answer: Any, place: Place) -> Reference:
    """Return what a model answered to one input: an output, or `{"abstain": reason}`."""
    if isinstance(answer, dict) and answer.keys() == {"abstain"} and output.problems(answer):
        return Reference(input=value, output=None, place=place, abstained=True)
    return Reference(input=value, output=answer, place=place)


def _own_inputs(spec: FunctionSpec) -> list[Any]:
    """Return the rows' inputs that the reference answers as they stand; none that a gate compares.

    Rows of the split `test` are left out: what a gate finds of an example may be quoted.
    """
    if "accuracy" not in spec.off:
        return []
    rows = spec.rows_in(Split.TRAIN, Split.VALIDATION)
    return [row.input for row in rows][: spec.fuzz.reference_examples]


def inputs_of(spec: FunctionSpec, folder: Path) -> list[Any] | None:
    """Return the inputs that the reference answers; None where some have yet to be drawn.

    Raises ``ModelError`` for a file of examples that cannot be read.
    """
    own = _own_inputs(spec)
    if not _missing(spec):
        return own
    drawn = _stored(_path(spec, folder))
    return None if drawn is None else [*own, *drawn]


def recorded(unit: Unit, asking: Asking) -> str:
    """Return the digest of the stored examples and of the answers a replay gives; "" for none."""
    spec: FunctionSpec = unit.body
    if not is_model(unit):
        return ""
    inputs = inputs_of(spec, asking.folder)
    if inputs is None:
        return ""
    answers = [asking.peek(prompt.reference(spec, batch), sample=0) for batch in batches(inputs)]
    return digest_of([inputs, [[a.model, a.text] if a else None for a in answers]])


def seconds(unit: Unit, asking: Asking) -> float | None:
    """Return the seconds of one direct call of the model, where they were really measured.

    A request answers up to ``BATCH`` inputs, so this is its share, and a call by itself takes
    longer. None for a recording through a bridge, and where no model is the reference.
    """
    spec: FunctionSpec = unit.body
    if not is_model(unit):
        return None
    inputs = inputs_of(spec, asking.folder) or []
    answers = [asking.peek(prompt.reference(spec, batch), sample=0) for batch in batches(inputs)]
    measured = [answer.seconds for answer in answers if answer and answer.seconds is not None]
    return sum(measured) / len(inputs) if measured and len(measured) == len(answers) else None


def _path(spec: FunctionSpec, folder: Path) -> Path:
    return folder / f"{spec.name}.reference.json"


def _stored(path: Path) -> list[Any] | None:
    """Return the stored inputs; None where there are none."""
    if not path.exists():
        return None
    try:
        stored = read_json(read_regular(path, cap=MOST_BYTES).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise _broken(path, f"{type(error).__name__}: {error}") from error
    inputs = stored.get("examples") if isinstance(stored, dict) else None
    if not isinstance(inputs, list):
        raise _broken(path, "other values")
    return inputs


def _check_enough(spec: FunctionSpec, inputs: Sequence[Any], path: Path) -> None:
    """Raise ``ModelError`` where fewer inputs are stored than the spec asks for and has.

    Whoever shortens the file would have the agreement shown by the easy ones.
    """
    stored = _different(spec, inputs)
    asked = spec.fuzz.reference_examples
    if stored < asked and stored < _different(spec, [*_own_inputs(spec), *_drawn(spec)]):
        raise ModelError(
            where=path.name,
            found=f"{stored} different inputs of the schema",
            expected=f"{asked} reference_examples",
            next=f"git checkout -- {path.name}, or delete it and compile with a model",
        )


def _different(spec: FunctionSpec, inputs: Sequence[Any]) -> int:
    return len({canonical_json(value) for value in inputs if not spec.input.problems(value)})


def _broken(path: Path, found: str) -> ModelError:
    return ModelError(
        where=path.name,
        found=found,
        expected='{"examples": [inputs]}',
        next=f"git checkout -- {path.name}, or delete it and compile with a model",
    )


def _draw(unit: Unit, asking: Asking, path: Path) -> list[Any]:
    spec: FunctionSpec = unit.body
    if not asking.live:
        raise RecordingMissing(
            where=unit.place,
            found=f"no reference examples at {path.name}",
            expected=f"{_missing(spec)} examples with a model's answers",
            next=f"pytest --compile --compile-model NAME {unit.place.path}::{unit.name}",
        )
    inputs = _drawn(spec)
    # Keys stay as drawn: a replay asks with the stored order, which is part of the request.
    text = json.dumps({"examples": inputs}, ensure_ascii=False, indent=1)
    atomic_write(path, f"{text}\n".encode())
    return inputs


def _drawn(spec: FunctionSpec) -> list[Any]:
    if not _missing(spec):
        return []
    train = [row.input for row in spec.rows_in(Split.TRAIN)]
    seed = int(digest_of([spec.name, "reference"])[:8], 16)
    return list(draw_references(spec.input, train, _missing(spec), seed))


def _missing(spec: FunctionSpec) -> int:
    """Return how many examples have to be drawn."""
    return spec.fuzz.reference_examples - len(_own_inputs(spec))


def batches(inputs: Sequence[Any]) -> list[Sequence[Any]]:
    """Return the inputs of each request, in their order."""
    return [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]


def _ask(spec: FunctionSpec, inputs: Sequence[Any], asking: Asking) -> list[Any]:
    answered = asking.ask(prompt.reference(spec, inputs), sample=0)
    return parse_answers(answered.text, len(inputs), where=f"the reference of {spec.name}")


def parse_answers(text: str, count: int, *, where: str) -> list[Any]:
    """Return the array of answers in a model's reply, with or without a fence around it.

    Raises ``ModelError`` when it is not a JSON array of ``count`` elements.
    """
    start, end = text.find("["), text.rfind("]")
    try:
        answers = read_json(text[start : end + 1])
    except StrictJSONError as error:
        raise _unreadable(where, f"{error}", count) from error
    if not isinstance(answers, list) or len(answers) != count:
        size = len(answers) if isinstance(answers, list) else "no"
        raise _unreadable(where, f"{size} elements", count)
    return answers


def _unreadable(where: str, found: str, count: int) -> ModelError:
    return ModelError(
        where=where,
        found=found,
        expected=f"a JSON array of {count} answers",
        next="pytest --compile --compile-record all --compile-model NAME, for this unit",
    )
