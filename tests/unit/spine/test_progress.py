"""Progress of a unit that takes long."""

from __future__ import annotations

from pytest_compiledai.terminal import Progress


def test_a_unit_that_takes_long_is_told_with_its_gate_and_attempt() -> None:
    """A line comes every five seconds of one unit at the most; the next unit starts anew."""
    said: list[str] = []
    times = iter([0.0, 4.9, 5.0, 9.9, 61.2, 61.3, 66.4])
    progress = Progress(said.append, lambda: next(times))

    progress.at("one", "security", 1)
    progress.at("one", "syntax", 1)
    progress.at("one", "execution", 1)
    progress.at("one", "accuracy", 1)
    progress.at("one", "security", 2)
    progress.at("two", "security", 1)
    progress.at("two", "syntax", 1)

    assert said == [
        "one: execution, attempt 1, 5 s so far",
        "one: security, attempt 2, 61 s so far",
        "two: syntax, attempt 1, 5 s so far",
    ]
