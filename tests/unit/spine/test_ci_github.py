"""How a step speaks to GitHub: nothing it quotes becomes a command, an output or a property."""

from __future__ import annotations

import re
import sys

import pytest

from pytest_compiledai import github

ON = {"GITHUB_ACTIONS": "true"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("plain", "::error::plain"),
        ("a\n::error::b", "::error::a%0A::error::b"),
        ("a\r\n##[error]b", "::error::a%0D%0A##[error]b"),
        ("100%0Ab", "::error::100%250Ab"),
        ("a\x1b[31m\x85b\u2028c", "::error::a [31m b c"),
    ],
)
def test_a_message_stays_on_its_line(message, expected):
    """Whatever ends a line or stands for an end is written in another way."""
    assert expected == github.command("error", message)


def test_a_property_ends_where_it_is_meant_to():
    """A path cannot close the properties or add one."""
    told = github.command("error", "m", file="a,line=9::x\n", line=3)

    assert told == "::error file=a%2Cline=9%3A%3Ax%0A,line=3::m"


def test_commands_are_stopped_with_a_word_nobody_can_guess(capsys):
    """What is printed in between cannot let them start again: the word is new each time."""
    words = []
    for _ in range(2):
        with github.commands_stopped(ON):
            sys.stdout.write("::set-output name=x::y")
        lines = capsys.readouterr().out.splitlines()
        words.append(re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])[1])
        assert lines[1:] == ["::set-output name=x::y", f"::{words[-1]}::"]

    assert words[0] != words[1]


def test_commands_start_again_after_an_error(capsys):
    """The annotations of a run that broke are still read."""
    with pytest.raises(RuntimeError), github.commands_stopped(ON):
        raise RuntimeError

    first, *_, last = capsys.readouterr().out.splitlines()
    assert last == first.removeprefix("::stop-commands") + "::"


def test_a_terminal_sees_no_commands(capsys):
    """Outside a workflow nothing is printed."""
    with github.commands_stopped({}):
        pass

    assert capsys.readouterr().out == ""


def test_an_output_cannot_add_another(tmp_path):
    """A value with line ends stays one value."""
    path = tmp_path / "out"

    github.set_outputs({"report": "a\nEOF\nfrozen=9", "frozen": "1"}, {"GITHUB_OUTPUT": str(path)})

    assert outputs(path.read_text()) == {"report": "a\nEOF\nfrozen=9", "frozen": "1"}


def outputs(text: str) -> dict[str, str]:
    """Return the outputs as the runner reads them."""
    found = re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n\2$", text, re.DOTALL | re.MULTILINE)
    return {name: value for name, _, value in found}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ('{"pull_request": {"number": 7}}', 7),
        ('{"pull_request": {"number": "7"}}', 0),
        ('{"pull_request": {}}', 0),
        ("{}", 0),
        ("[]", 0),
        ("no", 0),
    ],
)
def test_the_number_of_a_pull_request_is_the_events(tmp_path, event, expected):
    """Another event has none."""
    path = tmp_path / "event.json"
    path.write_text(event)

    assert expected == github.pull_request({"GITHUB_EVENT_PATH": str(path)})
    assert github.pull_request({}) == 0
