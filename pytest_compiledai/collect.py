"""Spec file → unit → items. Collecting plans: it reads specs, spends nothing, runs nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from pytest_compiledai.core.document import is_spec
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.errors import CompiledAIError
from pytest_compiledai.core.gate import COMPILE
from pytest_compiledai.core.hidden import HIDDEN
from pytest_compiledai.core.paths import NotPlain
from pytest_compiledai.core.paths import read_regular
from pytest_compiledai.drifting import asked_last
from pytest_compiledai.failure import GateFailed
from pytest_compiledai.failure import render_failure

if TYPE_CHECKING:
    from pytest_compiledai.core.unit import Unit
    from pytest_compiledai.run import Run

SUFFIXES = (".yaml", ".yml")
_UNSEEN = re.compile(rf"[\x00-\x1f]|{HIDDEN.pattern}")
FILE_CAP = 16 << 20  # bytes; the reader of specs says at which size it stops


def collect_file(path: Path, parent: pytest.Collector, run: Run) -> SpecFile | None:
    """Return the collector of a spec file; None for other files, YAML without a header included."""
    if path.suffix not in SUFFIXES:
        return None
    named = path in run.named
    if not named and not _is_spec(path):
        # pytest looks at what lies beside the way to a folder that was named, too.
        if any(path.is_relative_to(each) for each in run.named):
            run.ignored.add(run.relative(path))
        return None
    return SpecFile.from_parent(parent, path=path, run=run)


def _is_spec(path: Path) -> bool:
    try:
        return is_spec(read_regular(path, cap=FILE_CAP))
    except NotPlain:
        return False  # larger than any spec, or no file at all


class SpecFile(pytest.File):
    """A YAML file of specs."""

    def __init__(self, *, run: Run, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.run = run

    def collect(self) -> Iterator[UnitNode]:
        """Yield a node a unit."""
        try:
            data = read_regular(self.path, cap=FILE_CAP)
            relative = self.run.relative(self.path)
            if _UNSEEN.search(relative):
                raise self.CollectError(
                    f"{relative!a}: found a path with a character that nobody sees; expected a "
                    "path that reads as it is; next: rename the spec"
                )
            for document in read_documents(data, relative):
                for unit in self.run.units_of(document):
                    yield UnitNode.from_parent(self, name=unit.name, unit=unit, run=self.run)
        except CompiledAIError as error:
            raise self.CollectError(str(error)) from error
        except OSError as error:
            raise self.CollectError(f"{self.path.name}: {error.strerror}") from error


class UnitNode(pytest.Collector):
    """A unit; its items are `compile`, then one a gate."""

    def __init__(self, *, unit: Unit, run: Run, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.unit = unit
        self.run = run
        self.add_marker(unit.kind)

    def collect(self) -> Iterator[GateItem]:
        """Yield the items in the order of the gates."""
        gates = () if self.unit.alone else self.unit.gates
        for gate in (COMPILE, *gates, *asked_last(self.run, self.unit)):
            yield GateItem.from_parent(
                self, name=gate, callobj=_question(self.run, self.unit, gate), gate=gate
            )


class GateItem(pytest.Function):
    """One question put to a unit's candidate."""

    def __init__(self, *, gate: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.gate = gate
        if gate != COMPILE:
            self.add_marker(gate)

    @property
    def unit(self) -> Unit:
        """The unit that is asked about."""
        assert isinstance(self.parent, UnitNode)
        return self.parent.unit

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place of the unit in its spec, with a 0-based line."""
        return self.path, max(self.unit.place.line - 1, 0), f"{self.unit.name}::{self.gate}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]  # as pytest.Function does
        """Return findings instead of a traceback; a traceback only for a defect of this package."""
        if isinstance(excinfo.value, (GateFailed, CompiledAIError)):
            return render_failure(excinfo.value, self.unit)
        return super().repr_failure(excinfo)


def _question(run: Run, unit: Unit, gate: str) -> Callable[[], None]:
    def question() -> None:
        run.answer(unit, gate)

    return question
