"""Guards are read into values and judged without executing anything."""

from __future__ import annotations

import pytest

from pytest_compiledai.dialogues.guards import GuardError
from pytest_compiledai.dialogues.guards import as_text
from pytest_compiledai.dialogues.guards import assignments
from pytest_compiledai.dialogues.guards import holds
from pytest_compiledai.dialogues.guards import read_guard

SLOTS = {"city": "boston", "party": 5, "turns": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("city", True),
        ("not city", False),
        ("fare", False),
        ("party > 4 and party <= 5", True),
        ("party < 5 or city == 'boston'", True),
        ("city in ['boston', 'dallas']", True),
        ("city not in ['boston']", False),
        ("fare not in ['cheap']", True),
        ("fare == None", True),
        ("city > 3", False),
        ("fare < 3", False),
        ("party != -1", True),
        ("turns >= 2", True),
    ],
)
def test_a_guard_is_judged(text: str, expected: bool) -> None:
    """Each form of the grammar holds or not, and its text says the same again."""
    guard = read_guard(text)

    assert expected is holds(guard, SLOTS)
    assert guard == read_guard(as_text(guard))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "city.upper() == 'X'",
        "party + 1 > 2",
        "city == party",
        "1 < party < 3",
        "lambda: 1",
        "city == f'{party}'",
        "city in []",
        "city is None",
        "True",
        "party > 1.5",
        "party > 9 ** 9 ** 9",
        "city == 'a' * 99999999",
        "party.__class__",
        "city[0] == 'b'",
        "(city := 'x') == 'x'",
        "city == b'x'",
        "party > 1j",
        "",
        "not " * 30 + "city",
        "x" * 501,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """What is outside the grammar is an error, however harmless it looks."""
    with pytest.raises(GuardError):
        read_guard(text)


def test_assignments_show_every_outcome() -> None:
    """Trying literals, their neighbours and one value more decides a guard."""
    guards = [read_guard("party > 3 and party < 4"), read_guard("party >= 3 and party < 5")]

    tried = list(assignments(guards, {}) or ())

    assert [False, True] == [any(holds(guard, slots) for slots in tried) for guard in guards]
