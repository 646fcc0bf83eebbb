"""A frozen unit judged again by a run of pytest in locked mode, which hands itself over at its end.

So a command sees what CI sees: the project's settings, grants, kinds, gates and recordings.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Generic
from typing import TypeVar

import pytest

from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import CompiledAIError

if TYPE_CHECKING:
    from pytest_compiledai.core.result import Result
    from pytest_compiledai.run import Run

T = TypeVar("T")
_SAID = 400  # characters of what pytest said, in a message


class _Handing(Generic[T]):
    """A plugin that works with the run once its items have their answers."""

    def __init__(self, name: str, work: Callable[[Run, Result], T]) -> None:
        self.name = name
        self.work = work
        self.done: list[T] = []
        self.error: CompiledAIError | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from pytest_compiledai.session import CONTROLLER

        controller = session.config.stash.get(CONTROLLER, None)
        results = controller.results() if controller else []
        try:
            for result in results:
                if controller and result.unit == self.name:
                    self.done.append(self.work(controller.run, result))
        except CompiledAIError as error:
            self.error = error


def rejudged(root: Path, spec: str, name: str, work: Callable[[Run, Result], T]) -> T:
    """Return what ``work`` makes of the run and of the unit's result; nothing is written.

    Raises ``ArtifactError`` when pytest gives no result, and what ``work`` raises.
    """
    handing = _Handing(name, work)
    said = io.StringIO()
    arguments = ["--compile-locked", f"{spec}::{name}", "-q", "-s", "-p", "no:cacheprovider"]
    if importlib.util.find_spec("xdist"):
        arguments += ["-n", "0"]  # whatever the project's own options say: the run is wanted here
    with contextlib.chdir(root), contextlib.redirect_stdout(said):
        pytest.main(arguments, plugins=[handing])
    if handing.error is not None:
        raise handing.error
    if not handing.done:
        raise ArtifactError(
            where=spec,
            found=f"no result of {name}: {' '.join(said.getvalue().split())[-_SAID:]}",
            expected="a unit that can be judged in locked mode",
            next=f"pytest --compile-locked {spec}::{name}",
        )
    return handing.done[0]
