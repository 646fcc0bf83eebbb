"""The house on one page: what it names is there, and every room has its place on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_compiledai"
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
#: What exists only once something was compiled, or stands for many.
MADE = {"compiled/__init__.py", "gates/<gate>.py", "region.json"}


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`([\w./<>-]+\.(?:py|toml|yml|json))`", TEXT)) - MADE)
)
def test_every_file_named_is_there(path: str) -> None:
    """Under its own path, or under its name in one of the folders."""
    found = [ROOT / path, PACKAGE / path, *PACKAGE.rglob(path)]

    assert any(each.is_file() for each in found)


def test_every_room_is_named() -> None:
    """Each file at the top of the package, and each folder at the top or one below."""
    folders = [each for each in (*PACKAGE.glob("*/"), *PACKAGE.glob("*/*/")) if holds_python(each)]
    files = [path.stem for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]
    names = sorted({*files, *(folder.name for folder in folders)})

    assert [name for name in names if not re.search(rf"\b{name}\b", TEXT)] == []


def holds_python(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.py"))
