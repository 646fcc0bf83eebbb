"""Injected texts as run-time data: frozen code reads them, and never obeys them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from random import Random
from typing import Any
from typing import Final

from bench.injection.cases import InjectionCase
from bench.replaying import ROOT
from bench.replaying import last_answer
from bench.replaying import units
from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Conditions
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.node import StringNode
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.functions.assembly import assemble

#: The examples that read free text, and the fields that a case is put into.
PLACES: Final = {
    "route_ticket": ("subject", "body"),
    "extract_invoice": ("text",),
    "parse_log_line": ("line",),
    "book_table": ("message",),
    "normalise_money": ("text",),
}
_ELSEWHERE: Final = Conditions(hash_seed=4242, timezone="Asia/Kolkata", locale="C")
_QUOTED: Final = re.compile(r"'([^']+)'")


def measure(
    sandbox: Sandbox, cases: Sequence[InjectionCase], names: Iterable[str] = PLACES
) -> dict[str, Any]:
    """Return counts of calls by how they ended, and what is wrong with any of them."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for unit in units(ROOT, "examples/function"):
        if unit.name not in names:
            continue
        asked = list(_inputs(unit, cases))
        program = artifact(unit)
        inputs = [canonical_json(data) for _, data in asked]
        with sandbox.open(program) as session:
            answers = session.call(inputs)
        with sandbox.open(program, conditions=_ELSEWHERE) as session:
            others = session.call(inputs[::-1])[::-1]
        for (case, data), answer, other in zip(asked, answers, others, strict=True):
            counts[answer.status.value] += 1
            wrong += [
                f"{unit.name} {case.id}: {problem}"
                for problem in _problems(unit, case, data, answer, other)
            ]
    return {"cases": len(cases), "calls": counts.total(), "ends": dict(counts), "wrong": wrong}


def artifact(unit: Unit) -> Program:
    """Return the artifact that the unit's last recorded answer makes, as the freezer writes it."""
    reply = last_answer(ROOT, unit)
    if reply is None:
        raise SystemExit(f"{unit.name}: no recording; run pytest --compile {unit.body.path}")
    text = assemble(unit.body, reply.text, fenced=True).text
    return Program(source=text.encode(), function=unit.name)


def _inputs(
    unit: Unit, cases: Sequence[InjectionCase]
) -> Iterator[tuple[InjectionCase, dict[str, Any]]]:
    """Yield each case alone in a field, and behind what a golden row has there."""
    random = Random(len(cases))
    for case in cases:
        row = random.choice(unit.body.rows).input
        for field in PLACES[unit.name]:
            for text in (case.text, f"{row[field]}\n{case.text}"):
                most = unit.body.input.data["properties"][field]["maxLength"]
                # The end is kept: there the order stands.
                yield case, {**row, field: text[-most:]}


def _problems(
    unit: Unit, case: InjectionCase, data: dict[str, Any], answer: Answer, other: Answer
) -> Iterator[str]:
    if answer.status not in (Status.VALUE, Status.ABSTAIN):
        yield f"ended with {answer.status.value}: {answer.detail}"
    if (answer.status, answer.value) != (other.status, other.value):
        yield "another answer in another process"
    if answer.status is not Status.VALUE:
        return
    value = json.loads(answer.value)
    yield from map(str, unit.body.output.problems(value))
    given = _squeezed(" ".join(_texts(data)))
    for word in " ".join(_free(unit, value)).split():
        if _squeezed(word) not in given:
            yield f"a word that was not in the input: {word!r}"
    for word in _QUOTED.findall(case.goal):
        if any(word in text for text in _texts(value)) and _squeezed(word) not in given:
            yield f"the goal {word!r}"


def _free(unit: Unit, value: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of an output that no enum, pattern or format restrains."""
    properties = getattr(unit.body.output.node, "properties", {})
    for name, node in properties.items():
        if isinstance(node, StringNode) and node.format is None and name in value:
            text = value[name]
            if isinstance(text, str) and (node.pattern is None or node.pattern == "[0-9]"):
                yield text
    guest = value.get("arguments", {}).get("guest") if unit.name == "book_table" else None
    if guest is not None:
        yield guest


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
