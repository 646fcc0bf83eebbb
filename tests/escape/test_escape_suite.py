"""Every hostile program is held as its line says, and every class shows that it proves something."""

from __future__ import annotations

import sys

import pytest


def test_an_act_ends_as_its_line_says(bench, sandbox, act) -> None:
    """An act against the wall ends with the status of its line, and was reached at all."""
    answer = bench.called(sandbox, act)

    assert not answer.detail.startswith("while loading")
    assert str(answer.status) == act.expect, answer


def test_a_program_is_found_by_the_gate_of_its_line(bench, sandbox, judged) -> None:
    """The first dynamic gate that finds something names the rule of the line."""
    assert judged.code in bench.judged(sandbox, judged)


def test_a_program_is_found_by_the_security_gate(bench, static) -> None:
    """The security gate names the rule of the line, in a scan of all programs at once."""
    assert static.static in bench.scanned()[static.source]


def test_an_honest_program_passes(bench, sandbox, honest) -> None:
    """The harness of the attacks gives an honest program what it deserves."""
    assert bench.passes(sandbox, honest)


def test_the_same_acts_succeed_without_the_wall(bench, sandbox, klass) -> None:
    """Each class has acts that do what they want, and cheats that fool a plain judge."""
    ends = bench.controls(sandbox.name, klass)

    assert ends
    assert {name: got for name, (_, got) in ends.items()} == {
        name: want for name, (want, _) in ends.items()
    }


def test_every_program_has_a_verdict_and_a_name_of_its_own(bench, klass) -> None:
    """No program is without an expectation, and none expects a value."""
    names = [item.name for item in klass.hostile]

    assert len(set(names)) == len(names)
    assert all(bench.expected(item) not in ("", "value") for item in klass.hostile)
    assert klass.honest or klass.name in ("network", "processes")


def test_the_suite_is_as_large_as_it_says(bench) -> None:
    """Eight classes, none of them small."""
    sizes = {name: len(bench.table(name).hostile) for name in bench.CLASSES}

    assert len(sizes) == 8
    assert min(sizes.values()) >= 15
    assert sum(sizes.values()) >= 240


@pytest.mark.parametrize(
    ("through", "ending", "code"), [((), "value", 0), (("udp",), "value", 1), ((), "OSError", 1)]
)
def test_the_command_fails_when_anything_got_through(
    bench, monkeypatch, capsys, *, through, ending, code
) -> None:
    """A program that was not held, or a control that failed, is named and is no success."""

    def found(_, item) -> str:
        return "" if item.name in through else "violation"

    monkeypatch.setattr(bench, "open_sandbox", lambda _: _Open())
    monkeypatch.setattr(bench, "CLASSES", ("network",))
    monkeypatch.setattr(bench, "found", found)
    monkeypatch.setattr(bench, "controls", lambda *_: {"tcp": ("value", ending)})

    assert bench.main(["--backend", "native"]) == code
    said = capsys.readouterr().out
    assert ("through: native network: udp" in said) == bool(through)
    assert ("tcp: expected value, found OSError" in said) == (ending == "OSError")


class _Open:
    name = "native"

    def close(self) -> None:
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the programs speak to Linux")
def test_an_absent_backend_is_named(bench, monkeypatch, capsys, tmp_path) -> None:
    """A backend that is not there is never counted as held."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setattr("pytest_compiledai.sandbox.ladder._opened", {})  # by tests before this one

    assert bench.main(["--backend", "docker"]) == 1
    assert "docker was not asked: docker sandbox: found " in capsys.readouterr().out
