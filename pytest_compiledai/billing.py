"""The most a live run can cost, told before the first call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.state import State
from pytest_compiledai.core.state import standing
from pytest_compiledai.settings import DEFAULT_ATTEMPTS
from pytest_compiledai.settings import Mode

if TYPE_CHECKING:
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.run import Run


#: Parts of an item's node id: file, unit, gate.
NODES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An upper bound over the units that may ask a model."""

    units: int
    calls: int
    tokens_in: int
    tokens_out: int
    usd: Decimal | None  # None: the model has no known price

    def render(self, model: str) -> str:
        """Return the bill on one line."""
        price = f"at most {self.usd:.2f} USD" if self.usd is not None else "price unknown"
        units = f"{self.units} unit{'s' * (self.units != 1)}"
        return (
            f"worst case for {units} with {model}: {self.calls} calls, "
            f"{self.tokens_in:,} tokens in, {self.tokens_out:,} out, {price}"
        )


def bill_of(run: Run, ids: Sequence[str]) -> Bill:
    """Return the bill for the units that ``ids`` (node ids) name; what is fresh asks nobody."""
    parts = [_part(run, unit) for unit in _units(run, ids) if _may_ask(run, unit)]
    asked = [part for part in parts if part[0]]
    calls, tokens_in, tokens_out = (sum(column) for column in zip((0, 0, 0), *asked, strict=True))
    return Bill(
        units=len(asked),
        calls=calls,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        usd=_usd(run.settings.model or "", tokens_in, tokens_out),
    )


def _units(run: Run, ids: Sequence[str]) -> list[Unit]:
    """Return the units of the node ids, read here: under xdist this process collects nothing."""
    parts = (node.split("::") for node in ids)
    wanted = {(path, name) for path, name, *_ in (part for part in parts if len(part) == NODES)}
    found: list[Unit] = list(run.selected.values())
    if found:
        return found
    for path in sorted({path for path, _ in wanted}):
        file = run.config.rootpath / path
        try:
            for document in read_documents(file.read_bytes(), run.relative(file)):
                kind = run.plugged.kinds[document.data["kind"]]
                found += [
                    unit for unit in kind.read(document, run.project) if (path, unit.name) in wanted
                ]
        except (CompiledAIError, OSError, KeyError):
            continue  # no unit, no call: collecting says what is wrong with the file
    return found


def _may_ask(run: Run, unit: Unit) -> bool:
    """Return whether compiling ``unit`` can ask: what is fresh, or an error already, cannot."""
    if run.settings.mode is Mode.UPDATE or run.settings.record == "all":
        return True
    try:
        entry = run.frozen.entry(unit)
        if entry is None or run.frozen.files(entry) is None:
            return True
        evidence = run.frozen.evidence(unit)
    except CompiledAIError:
        return False
    return standing(unit, entry, evidence=evidence).state is not State.FRESH


def _part(run: Run, unit: Unit) -> tuple[int, int, int]:
    attempts = run.settings.attempts or unit.attempts or DEFAULT_ATTEMPTS
    return run.plugged.kinds[unit.kind].bill(unit, attempts)


def _usd(model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
    from pytest_compiledai.llm.price import price

    known = price(model)
    if known is None:
        return None
    return known.usd_per_token_in * tokens_in + known.usd_per_token_out * tokens_out
