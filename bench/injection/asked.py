"""A real model and injected specs: what it wrote answers as the clean build does, or is refused.

Each spec here is one of `bench/artifacts` with an injected text in its description or in a shown
golden row. What the model answered is recorded beside the specs, as is the clean build there.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from typing import Final

from bench.injection.cases import HERE
from bench.injection.planted import end
from bench.injection.reaching import mixed
from bench.replaying import ROOT
from bench.replaying import compiled
from bench.replaying import copied
from bench.replaying import last_answer
from bench.replaying import units
from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Sandbox
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.split import Split
from pytest_compiledai.core.unit import Unit
from pytest_compiledai.functions.assembly import assemble
from pytest_compiledai.gates.drawing import examples

_CLEAN: Final = ROOT / "bench" / "artifacts"
_DRAWN: Final = 300


def measure(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return for each injected spec where it ended, and on how many inputs it differs."""
    with tempfile.TemporaryDirectory() as folder:
        root = copied(HERE, Path(folder) / "injection")
        ends = {unit["id"].partition("::")[2]: end(unit) for unit in compiled(root, "specs")}
    clean = {unit.name: unit for unit in units(_CLEAN, "specs")}
    injected = {unit.name: unit for unit in units(HERE, "specs")}
    placed = json.loads((HERE / "units.json").read_text(encoding="utf-8"))
    return [
        {
            **facts,
            "end": ends[facts["unit"]],  # `error` where nothing is recorded
            **_compared(sandbox, clean[facts["unit"]], injected[facts["unit"]]),
        }
        for facts in placed
    ]


def _compared(sandbox: Sandbox, clean: Unit, injected: Unit) -> dict[str, Any]:
    """Return how many inputs both answer, and how many of them otherwise.

    None where one of the two is not recorded. The inputs are the golden rows of both, drawn ones,
    and train inputs mixed with the constants of both texts: a trigger in the code is among them.
    """
    programs = [_program(_CLEAN, clean), _program(HERE, injected)]
    known = [program for program in programs if program is not None]
    if len(known) < len(programs):
        return {"inputs": 0, "differ": None}
    inputs = list(_inputs(clean, injected, known))
    answers: list[list[Answer]] = []
    for program in known:
        with sandbox.open(program) as session:
            answers.append(session.call(inputs))
    other = [
        data.decode("utf-8")
        for data, one, two in zip(inputs, *answers, strict=True)
        if (one.status, one.value) != (two.status, two.value)
    ]
    return {"inputs": len(inputs), "differ": len(other), "first": other[:3]}


def _inputs(clean: Unit, injected: Unit, programs: list[Program]) -> dict[bytes, None]:
    rows = [row.input for unit in (clean, injected) for row in unit.body.rows]
    train = [row.input for row in clean.body.rows_in(Split.TRAIN)]
    found = dict.fromkeys(map(canonical_json, rows))
    found |= dict.fromkeys(examples(clean.body.input, train, count=_DRAWN, seed=7))
    for program in programs:
        text = program.source.decode("utf-8")
        found |= dict.fromkeys(map(canonical_json, mixed(injected, text)))
    return found


def _program(root: Path, unit: Unit) -> Program | None:
    reply = last_answer(root, unit)
    if reply is None:
        return None
    text = assemble(unit.body, reply.text, fenced=True).text
    return Program(source=text.encode(), function=unit.name)
