"""Specs of kind `dialogue` are read strictly, each fault at its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.dialogues.spec import DialogueSpec


def test_a_spec_is_read(table: DialogueSpec) -> None:
    """Slots, intents, nodes and bounds become values."""
    flow = table.flow

    assert flow.slots["city"].written() == ("boston", "beantown", "dallas")
    assert flow.slots["city"].value_of("beantown") == "boston"
    assert flow.slots["party"].value_of("12") == 12
    assert flow.intents["book"].slots == ("city",)
    assert flow.intents["book"].required == ()
    assert flow.intents["give_party"].required == ("party",)
    assert flow.landings("check") == {"ask_city", "ask_party", "human", "done"}
    assert table.target == "machine"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("start: greet", "start: nowhere", 5),
        ("book: check", "book: nowhere", 16),
        ("book: check", "nothing: check", 16),
        ("book: check}", "book: check}, color: red", 16),
        ("{when: not city, to: ask_city}", "{to: ask_city}", 19),
        ("not city", "not town", 19),
        ("not city", "exec(city)", 19),
        ("- {to: done}", "- {when: city, to: done}", 22),
        ("terminal: success", "terminal: victory", 25),
        ("say: [which city], ", "", 23),
        ("stop, forget it", "stop, stop", 13),
        ("dallas: []", "dallas: [Beantown]", 7),
        ("dallas: []", "Boston: []", 7),
        ("in {city}", "in {town}", 10),
        ("in {city}", "in {city} {", 10),
        ('"2", "12"', '"2", "two"', 8),
        ("[0-9]{1,2}", "[0-9", 8),
        ("[0-9]{1,2}", "[0-9]*", 8),
        ("[reserve seats]", "[book a table]", 10),
        ("say: [bye]", "say: []", 27),
        ("kind: dialogue", "kind: dialogue\nweights: {}", 3),
    ],
)
def test_a_fault_is_told_at_its_line(
    read: Callable[[str], DialogueSpec], table_text: str, old: str, new: str, line: int
) -> None:
    """An unknown name, a bad guard or a missing part stops the reading."""
    assert old in table_text

    with pytest.raises(SpecError) as caught:
        read(table_text.replace(old, new, 1))

    assert f"table.yaml:{line}: " in str(caught.value)
