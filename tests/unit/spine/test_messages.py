"""A message has four parts: where, what was found, what was expected, what to run next."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "pytest_compiledai"
#: Errors whose next command nobody adds later, as an item adds its unit's own.
ERRORS = {"SettingsError", "LockError"}


def raised(path: Path) -> Iterator[ast.Call]:
    """Yield the calls that make such an error."""
    calls = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.keywords
    )
    return (c for c in calls if isinstance(c.func, ast.Name) and c.func.id in ERRORS)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*.py")) if any(raised(path))],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_every_error_of_a_setting_or_a_command_says_what_to_do(path: Path) -> None:
    """A reader who has the message needs no page to go on."""
    parts = [{keyword.arg for keyword in call.keywords} for call in raised(path)]

    assert [given for given in parts if not {"where", "found", "expected", "next"} <= given] == []
