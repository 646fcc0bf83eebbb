"""The drift item of a unit: calls read once a run, the kind's question, the rows it proposes."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_compiledai.core.files import atomic_write
from pytest_compiledai.core.gate import DRIFT
from pytest_compiledai.core.kind import Drifting
from pytest_compiledai.core.result import verdict_as_json
from pytest_compiledai.core.result import verdict_from_json
from pytest_compiledai.core.sampled import Call
from pytest_compiledai.core.sampled import read_calls
from pytest_compiledai.rejudging import gate_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_compiledai.core.result import Result
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.core.verdict import Verdict
    from pytest_compiledai.run import Run

_CALLS = "drift/calls"  # the store's name of what the file held


def asked_last(run: Run, unit: Unit) -> tuple[str, ...]:
    """Return the gates that ask about a unit's use: drift, in a run that was given calls."""
    watched = isinstance(run.plugged.kinds[unit.kind], Drifting)
    return (DRIFT,) if run.settings.drift is not None and watched else ()


def drift_verdict(run: Run, unit: Unit, result: Result) -> Verdict:
    """Return what the calls say of the artifact in ``result``, which every other gate passed.

    Raises ``CallsError`` when the file of calls cannot be read.
    """
    value = run.store.once(gate_value(unit.name, DRIFT), partial(_ask, run, unit, result))
    return verdict_from_json(value)


def _ask(run: Run, unit: Unit, result: Result) -> Any:
    kind = run.plugged.kinds[unit.kind]
    assert isinstance(kind, Drifting)
    assert run.settings.drift is not None
    run.progress.at(unit.name, DRIFT, result.attempts)
    calls, where = _calls(run, unit), run.relative(run.settings.drift)
    drifted = kind.drift(unit, result.files, calls, _shown(where), run.bench.of_calls(unit))
    if drifted.proposed:
        address = run.store.put_bytes(drifted.proposed)
        run.store.once(_rows(unit.name), lambda: [drifted.beside, address])
    return verdict_as_json(drifted.verdict)


def _shown(path: str) -> str:
    # A file outside the project is named without the folders of this machine.
    return Path(path).name if Path(path).is_absolute() else path


def _rows(unit: str) -> str:
    return f"drift/rows/{unit}"


def _calls(run: Run, unit: Unit) -> Sequence[Call]:
    """Return the unit's calls from the run's one reading of a file that production may write to."""
    addresses = run.store.once(_CALLS, partial(_read, run))
    if unit.name not in addresses:
        return ()
    lines = run.store.get_bytes(addresses[unit.name]).decode("ascii").splitlines()
    return [Call(**json.loads(line)) for line in lines]


def _read(run: Run) -> dict[str, str]:
    assert run.settings.drift is not None
    lines: dict[str, list[str]] = {}
    for call in read_calls(run.settings.drift, _shown(run.relative(run.settings.drift))):
        lines.setdefault(call.unit, []).append(json.dumps(dataclasses.asdict(call)))
    return {
        unit: run.store.put_bytes("\n".join(texts).encode("ascii"))
        for unit, texts in sorted(lines.items())
    }


def drift_command(run: Run, unit: Unit) -> str:
    """Return what to do about a drift item that failed."""
    again = f"pytest --compile {unit.place.path}::{unit.name}"
    if not run.store.has(_rows(unit.name)):
        return f"sample or label more calls, or add golden rows, then {again}"
    beside, _ = run.store.read(_rows(unit.name))
    if run.settings.mode.writes:
        return f"label the rows of {beside}, add them to the golden rows, then {again}"
    assert run.settings.drift is not None
    drift = _shown(run.relative(run.settings.drift))
    return f"pytest --compile --compile-drift {drift} {unit.place.path}::{unit.name} proposes rows"


def write_rows(run: Run, unit: str) -> str | None:
    """Write the golden rows that a failed drift item proposes; return what to say of it, if any."""
    if not run.store.has(_rows(unit)):
        return None
    beside, address = run.store.read(_rows(unit))
    data = run.store.get_bytes(address)
    atomic_write(run.settings.root / beside, data)
    lines = data.decode("ascii").splitlines()
    open_ = sum("todo" in json.loads(line) for line in lines)
    return f"{beside}: {len(lines)} golden rows proposed, {open_} of them to be labelled"
