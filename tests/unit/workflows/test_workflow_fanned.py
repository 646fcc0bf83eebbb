"""Measuring a profile by several processes: one ledger, no call twice, the same rows."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="the extra `workflows` is not installed")
pytest.importorskip("joblib", reason="needs the extra `scale`")

import cloudpickle

from pytest_compiledai.ahead import fan_of
from pytest_compiledai.core.errors import BudgetSpent
from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.llm.desks import desks_of
from pytest_compiledai.llm.desks import joined
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.ledger import Amount
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.workflows.profiling import Profiler

# The model below travels by value: workers that imported this module would import polars with it.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
#: The prompt of two words in whole tokens, with what a message costs beside, and the answer.
WORST = 21 + 8_000


class Model:
    """Answers `right N` or `wrong N`, and leaves a line for each call in a folder."""

    def __init__(self, name: str, folder: Path, does: str = "") -> None:
        self.model = self.where = name
        self.folder = folder
        self.does = does  # instead of answering the problem 7, of the model `large`

    def prepare(self) -> None:
        pass

    async def ask(self, request) -> Reply:
        text = request.messages[0].content
        number = int(re.search(r"\d+", text)[0])
        with (self.folder / str(os.getpid())).open("a", encoding="utf-8") as log:
            log.write(f"{self.model} {request.sample} {text!r}\n")
        if self.does and number == 7 and self.model == "large":
            if self.does == "die":
                os._exit(9)
            raise Fault(kind=FaultKind.REFUSED, found="no such model")
        right = number % 3 != 0 or "Review" in text
        said = f"{'right' if right else 'wrong'} {number}"
        return Reply(text=said, model=self.model, tokens_in=7, tokens_out=3, seconds=0.5)


class Models:
    """Makes the models; travels to other processes."""

    def __init__(self, folder: Path, does: str = "") -> None:
        self.folder = folder
        self.does = does
        folder.mkdir(exist_ok=True)

    def __call__(self, name: str) -> Model:
        return Model(name, self.folder, self.does)

    def asked(self) -> list[str]:
        """Return every call there was."""
        return [line for log in self.folder.iterdir() for line in log.read_text().splitlines()]

    def processes(self) -> set[int]:
        return {int(log.name) for log in self.folder.iterdir()}


def profiled(world, models, *, jobs: int, answers: str = "answers", tokens: int | None = None):
    """Return the rows of twelve problems, measured by ``jobs`` processes."""
    world.problems = world.problems[:12]
    fan = fan_of(jobs=jobs, backend="loky", address="")
    with desks_of(tokens, models) as desks:
        folder = world.root / answers
        return Profiler(world.unit().body, desks, folder, samples=2, fan=fan).rows()


def stored(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_several_processes_give_what_one_gives(world, tmp_path):
    """Others than this one ask, each call once; rows and recordings are those of one process."""
    here, others = Models(tmp_path / "here"), Models(tmp_path / "others")

    one = profiled(world, here, jobs=1, answers="one")
    many = profiled(world, others, jobs=2, answers="many")

    assert one == many
    assert stored(world.root / "one") == stored(world.root / "many")
    assert sorted(here.asked()) == sorted(others.asked())
    assert {os.getpid()} == here.processes()
    assert os.getpid() not in others.processes()


def test_one_bound_holds_for_all_processes(world, tmp_path):
    """No process makes a call that could exceed what all may spend together."""
    models = Models(tmp_path / "log")

    with pytest.raises(BudgetSpent, match="--budget-tokens"):
        profiled(world, models, jobs=2, tokens=WORST + 100)

    # Ten tokens a call: after ten the next could exceed the bound, whoever makes it.
    assert len(models.asked()) <= 11


def test_a_worker_that_dies_is_told_and_gone_on_from(world, tmp_path):
    """What was answered before is kept; only the rest is asked when the run is begun again."""
    dying, models = Models(tmp_path / "dying", "die"), Models(tmp_path / "log")

    with pytest.raises(SettingsError, match="found a worker that ended in the middle"):
        profiled(world, dying, jobs=2)
    kept = len(list((world.root / "answers").glob("*.json")))
    rows = profiled(world, models, jobs=2)

    assert kept > 0
    assert len(models.asked()) == len(rows) - kept


def test_an_endpoint_that_refuses_ends_the_run(world, tmp_path):
    """The fault of a worker is raised here, and no piece is begun after it."""
    models = Models(tmp_path / "log", "refuse")

    with pytest.raises(ModelError, match="no such model"):
        profiled(world, models, jobs=2)


def test_a_worker_that_does_not_see_the_run_asks_nobody(tmp_path):
    """Without the run's ledger there is no bound, so that nothing is asked."""
    with pytest.raises(SettingsError, match="a folder that all workers share"):
        joined(tmp_path, None).__enter__()


def test_a_worker_asks_no_more_once_the_run_has_lost_its_first_process(tmp_path):
    """Where the process that answers for the ledger is gone, nothing is set aside for a call."""
    amount = Amount(tokens_in=1, tokens_out=1, usd=None)
    with desks_of(None) as desks:
        folder = Path(shutil.copytree(desks.folder, tmp_path / "left"))
        with joined(desks.folder, None) as alive:
            alive.ledger.reserve(amount)

    with joined(folder, None) as orphan, pytest.raises(ModelError, match="process has ended"):
        orphan.ledger.reserve(amount)


def test_jobs_that_are_no_number_of_processes_are_refused():
    """Fewer than one process is an error, before anything is read."""
    with pytest.raises(SettingsError, match=r"--jobs: found 0; expected 1 or more"):
        fan_of(jobs=0, backend="loky", address="")


def test_nothing_is_handed_out_where_all_is_recorded(world, tmp_path):
    """A second run starts no process."""
    models = Models(tmp_path / "log")
    first = profiled(world, models, jobs=1)
    world.problems = world.problems[:12]

    def fan(work, pieces):
        raise AssertionError("handed out")

    with desks_of(None, models) as desks:
        folder = world.root / "answers"
        again = Profiler(world.unit().body, desks, folder, samples=2, fan=fan).rows()

    assert first == again
