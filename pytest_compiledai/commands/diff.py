"""`compiledai diff`: what two frozen revisions of a unit promise and answer differently.

Of a function both run in the sandbox, on the golden inputs and on inputs drawn as the fuzz gate
draws them. No difference found is no proof that there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from pytest_compiledai.commands.promises import Promise
from pytest_compiledai.commands.promises import changed_promises
from pytest_compiledai.commands.revision import Revision
from pytest_compiledai.commands.units import spec_of
from pytest_compiledai.core.calls import Answer
from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.calls import Status
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.split import Split
from pytest_compiledai.functions import weights
from pytest_compiledai.functions.spec import FunctionSpec
from pytest_compiledai.gates.drawing import examples as draw
from pytest_compiledai.sandbox.ladder import open_sandbox

SHOWN = 20
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One input with the answers before and after."""

    input: Any
    place: str  # the golden row, "" for a drawn input
    before: str
    after: str


def diff(before: Revision, after: Revision, name: str, *, examples: int, as_json: bool) -> int:
    """Print the promises and the answers that differ; return 1 when there are any.

    Raises ``SettingsError`` for a revision or unit that is not there and ``ArtifactError`` for an
    artifact that is not what its lock says.
    """
    old, new = before.entry(name), after.entry(name)
    promises = changed_promises(before, old, after, new)
    inputs: Mapping[bytes, str] = {}
    changes: list[Change] = []
    if old.kind == new.kind == "function":
        spec = spec_of(after.root, new.spec, name)
        programs = program_of(spec, before, old), program_of(spec, after, new)
        inputs = _inputs(spec, examples)
        changes = _changes(inputs, *programs) if programs[0] != programs[1] else []
    facts = {
        "unit": name,
        "before": {"revision": before.shown, "entry": old.digest},
        "after": {"revision": after.shown, "entry": new.digest},
        "promises": [asdict(promise) for promise in promises],
        "inputs": len(inputs),
        "changed": [asdict(change) for change in changes],
    }
    shown = (
        json.dumps(facts, indent=2, ensure_ascii=False)
        if as_json
        else _text(facts, promises, changes)
    )
    print(shown)  # noqa: T201 - a command speaks
    return int(bool(promises or changes))


def program_of(spec: FunctionSpec, revision: Revision, entry: Entry) -> Program:
    """Return a frozen unit as the sandbox loads it. Raises ``ArtifactError`` for other bytes."""
    files = revision.files(entry)
    return weights.program_of(entry.name, files, entry.capabilities, spec.call_tables)


def _inputs(spec: FunctionSpec, examples: int) -> dict[bytes, str]:
    """Return distinct inputs as canonical JSON, each with the golden row it stands in, if any."""
    train = [row.input for row in spec.rows_in(Split.TRAIN)]
    drawn = draw(spec.input, train, count=examples, seed=SEED) if examples else ()
    return dict.fromkeys(drawn, "") | {row.key: str(row.place) for row in spec.rows}


def _changes(inputs: Mapping[bytes, str], before: Program, after: Program) -> list[Change]:
    sandbox = open_sandbox("auto")
    try:
        given = list(inputs)
        answers = []
        for program in (before, after):
            with sandbox.open(program) as session:
                answers.append([_shown(answer) for answer in session.call(given)])
    finally:
        sandbox.close()
    changes = [
        Change(input=json.loads(data), place=inputs[data], before=old, after=new)
        for data, old, new in zip(given, *answers, strict=True)
        if old != new
    ]
    return sorted(changes, key=lambda change: (not change.place, change.place))


def _shown(answer: Answer) -> str:
    """Return what a caller gets: the output, or why there is none."""
    if answer.status is Status.VALUE:
        return answer.value.decode("utf-8")
    return "abstains" if answer.status is Status.ABSTAIN else f"{answer.status}: {answer.detail}"


def _text(facts: Mapping[str, Any], promises: Sequence[Promise], changes: Sequence[Change]) -> str:
    before, after = facts["before"], facts["after"]
    revisions = [f"{side['revision']} {side['entry'][:12]}" for side in (before, after)]
    lines = [f"{facts['unit']}: {' -> '.join(revisions)}"]
    lines += map(str, promises[:SHOWN])
    if len(promises) > SHOWN:
        lines.append(f"  ... {len(promises) - SHOWN} more promises; --json has all")
    looser = sum(promise.looser for promise in promises)
    lines.append(f"{len(promises)} promises changed, {looser} of them looser")
    for change in changes[:SHOWN]:
        lead = f"{change.place} " if change.place else ""
        lines.append(f"{lead}{json.dumps(change.input, ensure_ascii=False)}")
        lines += [f"  - {change.before}", f"  + {change.after}"]
    if len(changes) > SHOWN:
        lines.append(f"... {len(changes) - SHOWN} more; --json has all")
    if facts["inputs"]:
        lines.append(f"{len(changes)} of {facts['inputs']} inputs answered differently")
    return "\n".join(lines)
