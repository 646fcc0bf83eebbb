"""The comment on a pull request: for the right one, once, and with nothing of a stranger's in it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

import pytest

from pytest_compiledai.ci.__main__ import main
from pytest_compiledai.ci.commenting import AUTHOR
from pytest_compiledai.ci.commenting import MARK
from pytest_compiledai.ci.commenting import body
from pytest_compiledai.ci.commenting import combined
from pytest_compiledai.ci.commenting import comment
from pytest_compiledai.ci.record import FILE
from pytest_compiledai.ci.record import Record
from pytest_compiledai.core.errors import ArtifactError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.errors import ToolError
from pytest_compiledai.core.result import Outcome
from pytest_compiledai.core.result import Trouble
from pytest_compiledai.core.verdict import Verdict

SHA = "c" * 40
#: Answers by path, notes what it was asked; what GitHub's own program does with `--jq` is given.
GH = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
path, *rest = sys.argv[2:]
text = next((pathlib.Path(a[6:]).read_text() for a in rest if a.startswith("body=@")), None)
with (folder / "asked").open("a") as file:
    file.write(json.dumps([path, rest[:2], text]) + "\\n")
answer = folder / ("comments" if "?per_page" in path else "pull")
sys.exit("HTTP 403") if not answer.exists() else sys.stdout.write(answer.read_text())
"""


class World:
    """A finished run, and GitHub as it answers."""

    def __init__(self, folder, record):
        self.folder = folder
        self.record = record
        self.pull = {
            "state": "open",
            "head": {"sha": SHA, "repo": {"full_name": "fork/shop"}},
        }
        self.comments = []
        self.ran = {
            "event": "pull_request",
            "head_sha": SHA,
            "head_repository": {"full_name": "fork/shop"},
        }
        program = folder / "bin" / "gh"
        program.parent.mkdir()
        program.write_text(GH.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    @property
    def environ(self):
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_REPOSITORY": "team/shop",
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
        }

    def prepare(self):
        (self.folder / "report").mkdir(exist_ok=True)
        (self.folder / "report" / FILE).write_bytes(self.record.render())
        (self.folder / "event.json").write_text(json.dumps({"workflow_run": self.ran}))
        (self.folder / "pull").write_text(json.dumps(self.pull))
        (self.folder / "comments").write_text("\n".join(map(json.dumps, self.comments)))

    def comment(self, *, only_stale=False):
        self.prepare()
        return comment([self.folder / "report"], self.environ, only_stale=only_stale)

    @property
    def written(self):
        """What was written: path, method, text."""
        lines = (self.folder / "asked").read_text().splitlines()
        asked = [json.loads(line) for line in lines]
        return [(path, rest[1], text) for path, rest, text in asked if text is not None]


@pytest.fixture
def record(result_of):
    trouble = Trouble(where="specs/double.yaml:1", found="old", expected="new")
    return Record(
        mode="locked",
        live=False,
        out="compiled",
        collected=("double",),
        results=(result_of(outcome=Outcome.STALE, trouble=trouble),),
        pull_request=12,
    )


@pytest.fixture
def world(tmp_path, record):
    return World(tmp_path, record)


def test_the_first_run_writes_a_comment(world):
    """It names the command that mends what is stale, and the table of units."""
    assert world.comment() == "commented on pull request 12"

    ((path, method, text),) = world.written
    assert (path, method) == ("repos/team/shop/issues/12/comments", "POST")
    assert text.startswith(f"{MARK}\n### Stale: 1\n")
    assert "\n```console\npytest --compile specs/double.yaml::double\n```\n" in text
    assert "| `double` | stale |" in text


def test_the_next_run_changes_that_comment(world):
    """There is one comment, however many runs; another's with the same mark is left alone."""
    world.comments = [
        {"id": 1, "login": "stranger", "body": MARK},
        {"id": 2, "login": AUTHOR, "body": "another workflow's"},
        {"id": 3, "login": AUTHOR, "body": f"{MARK}\nold"},
    ]

    world.comment()

    ((path, method, _),) = world.written
    assert (path, method) == ("repos/team/shop/issues/comments/3", "PATCH")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pull": {"state": "closed"}}, "is closed"),
        ({"pull": {"head": {"sha": "d" * 40, "repo": {"full_name": "fork/shop"}}}}, "commit"),
        ({"pull": {"head": {"sha": SHA, "repo": {"full_name": "other/shop"}}}}, "repository"),
        ({"pull": {"head": {"sha": SHA, "repo": None}}}, "repository"),
        (
            {
                "pull": {"head": {"sha": SHA, "repo": None}},
                "ran": {"head_repository": None},
            },
            "repository",
        ),
        ({"ran": {"event": "push"}}, "no pull request"),
        ({"number": 0}, "no pull request"),
    ],
)
def test_a_record_cannot_choose_another_pull_request(world, change, reason):
    """The number counts where that pull request's head is the commit that ran, in its repository."""
    world.pull |= change.get("pull", {})
    world.ran |= change.get("ran", {})
    world.record = replace(world.record, pull_request=change.get("number", 12))

    assert reason in world.comment()
    assert not (world.folder / "asked").exists() or world.written == []


def test_only_stale_begins_no_comment_without_a_reason(world, result_of):
    """The opt-in stays silent until something is stale, and keeps what it once said true."""
    stale = world.record
    world.record = replace(stale, results=(result_of(outcome=Outcome.UNCHANGED),))
    assert world.comment(only_stale=True) == "no comment: nothing is stale"
    world.comments = [{"id": 3, "login": AUTHOR, "body": MARK}]
    world.comment(only_stale=True)
    world.comments, world.record = [], stale
    world.comment(only_stale=True)

    assert [method for _, method, _ in world.written] == ["PATCH", "POST"]
    assert "Stale" not in world.written[0][2]


def test_another_event_is_an_error(world):
    """The command works in one kind of workflow alone."""
    world.ran = {}

    with pytest.raises(SettingsError, match="workflow_run"):
        world.comment()


def test_a_refusal_of_github_is_an_error(world, monkeypatch, capsys):
    """Without the permission, the command says which one."""
    world.prepare()
    (world.folder / "comments").unlink()
    with pytest.raises(ToolError, match=r"HTTP 403.*pull-requests: write"):
        comment([world.folder / "report"], world.environ, only_stale=False)
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)

    assert main(["comment", str(world.folder / "report")]) == 2
    assert "HTTP 403" in capsys.readouterr().err


def test_a_strangers_text_is_shown_as_text(record, result_of):
    """Nothing of it becomes a mention, a link, a heading, HTML, or the end of a block."""
    hostile = "# x @team #7 <img src=y> [a](http://z) `b` \n```\n::error::c"
    trouble = Trouble(where=hostile, found=hostile, expected=hostile)
    result = result_of(outcome=Outcome.STALE, spec="a b`;id;`$(id).yaml", trouble=trouble)

    text = body(replace(record, results=(result,), outside=(hostile,)))

    assert "\n```console\npytest --compile 'a b'\"'\"';id;'\"'\"'$(id).yaml::double'\n```\n" in text
    told = [line for line in text.splitlines() if "team" in line]
    assert len(told) == 2
    for line in told:
        assert line.startswith(
            "- &#35;&#8203; x &#64;&#8203;team &#35;&#8203;7 \\<img src=y\\> \\[a\\](http:&#47;&#47;z)"
        )


def test_of_two_jobs_the_one_that_failed_is_told(record, result_of):
    """A unit that fails on one Python is not hidden by another."""
    good = replace(record, results=(result_of(),))

    for records in ([good, record], [record, good]):
        assert [result.outcome for result in combined(records).results] == [Outcome.STALE]


def test_records_of_two_pull_requests_do_not_mix(record):
    """One run belongs to one pull request."""
    with pytest.raises(ArtifactError, match="more than one pull request"):
        combined([record, replace(record, pull_request=13)])


def test_a_long_comment_is_cut_and_stays_whole(record, result_of):
    """GitHub's bound holds with hundreds of stale units."""
    stale = tuple(
        result_of(outcome=Outcome.STALE, unit=f"u{n}", spec=f"specs/{'d' * 40}{n}.yaml")
        for n in range(700)
    )

    text = body(replace(record, results=stale))

    assert len(text.encode()) < 65_536
    assert "```console\npytest --compile\n```" in text
    assert "more sections are in the JSON report" in text


def test_figures_of_another_form_are_an_error(record, result_of):
    """A stranger's figures cannot bring the reader down with a traceback."""
    verdict = Verdict(gate="accuracy", figures={"interval": 1})

    with pytest.raises(ArtifactError, match="figures"):
        body(replace(record, results=(result_of(verdicts=(verdict,)),)))
