"""What a job is asked to do, and when a part without units is no failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_compiledai.ci.record import Record
from pytest_compiledai.ci.running import Job
from pytest_compiledai.ci.running import code_of
from pytest_compiledai.ci.running import is_empty_part
from pytest_compiledai.ci.shard import Shard
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.result import Outcome

RECORD = Record(mode="locked", live=False, out="compiled", collected=("again",), results=())
PART = Shard(number=1, of=2)  # `again` is in the other


def job(**changes):
    facts = {
        "mode": "locked",
        "specs": "specs/",
        "pytest_args": "",
        "folder": Path("report"),
        "shard": "",
        "annotate": True,
    }
    return Job.of(**(facts | changes))


def test_the_words_of_a_job_are_those_of_a_shell():
    """A path with a space is one word, and options stand before paths."""
    made = job(specs="'my specs/a.yaml' b.yaml", pytest_args="-k 'one two'", shard="1/2")

    command = made.command()

    assert command[-4:] == ["-k", "one two", "my specs/a.yaml", "b.yaml"]
    assert "--compile-locked" in command
    assert "--ci-shard=1/2" in command


@pytest.mark.parametrize(
    "changes",
    [
        {"specs": ""},
        {"specs": "a --compile-accept"},
        {"specs": "'"},
        {"pytest_args": '"'},
        {"shard": "2"},
        {"folder": Path()},
        {"folder": Path("..")},
    ],
)
def test_what_cannot_be_meant_is_refused(changes):
    """A job that would run something else, or empty the project, does not begin."""
    with pytest.raises(SettingsError):
        job(**changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"shard": PART}, True),
        ({"shard": Shard(number=2, of=2)}, False),
        ({"shard": None}, False),
        ({"shard": PART, "collected": ()}, False),
        ({"shard": PART, "outside": ("a",)}, False),
    ],
)
def test_a_part_may_be_empty_where_the_whole_is_not(changes, expected):
    """Nothing collected at all is a failure, as ever."""
    assert expected == is_empty_part(replace(RECORD, **changes))


def test_a_record_of_a_failure_is_no_pass(result_of):
    """Whatever a hook made of pytest's exit code."""
    good = replace(RECORD, results=(result_of(),))

    assert code_of(good) == 0
    assert code_of(replace(good, outside=("a lock that cannot be read",))) == 1
    assert code_of(replace(good, results=(result_of(outcome=Outcome.STALE),))) == 1
