# compiledai module deciding@1
"""Rules over an input's fields: the first whose tests all hold decides."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_compiledai.functions.synth.parts.ops import words_in

Test = tuple[str, str, str | float | bool]  # what is asked, a field, and its value


def holds(data: Mapping[str, object], test: Test) -> bool:
    """Return whether a field is a value, has a word, is given, or lies on one side of a number."""
    asked, name, value = test
    found = data.get(name)
    if asked == "given":
        return (found is not None) == value
    if asked == "is":
        return type(found) is type(value) and found == value
    if asked == "has":
        return isinstance(found, str) and value in words_in(found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    if not isinstance(value, int | float):
        return False
    return found >= value if asked == "least" else found <= value


def decide(data: Mapping[str, object], rules: tuple[tuple[tuple[Test, ...], int], ...]) -> int:
    """Return what the first rule says that holds; raise ``ValueError`` where none does."""
    for tests, index in rules:
        if all(holds(data, test) for test in tests):
            return index
    raise ValueError("no rule for this input")
