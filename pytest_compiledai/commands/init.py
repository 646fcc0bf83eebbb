"""`compiledai init`: a first spec that compiles at once, and the lines that git needs."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.core.files import atomic_write

SPECS = "specs"
ATTRIBUTES = (
    "compiledai.lock text eol=lf merge=union",
    "compiled/** text eol=lf",
    "specs/** text eol=lf",
)
IGNORED = ("compiled/.next/",)


def init(root: Path) -> int:
    """Write the first spec with its rows and recordings; add lines to git's files; say what next.

    Raises ``SettingsError``, and writes nothing, when a file to be written stands there already.
    """
    wanted = dict(_first_files(files(__package__).joinpath("first"), SPECS))
    for path in sorted(wanted):
        if (root / path).exists():
            raise SettingsError(
                where=path,
                found="a file that stands there already",
                expected="none",
                next=f"pytest --compile {SPECS}/",
            )
    for path, data in sorted(wanted.items()):
        atomic_write(root / path, data)
    _add_lines(root / ".gitattributes", ATTRIBUTES)
    _add_lines(root / ".gitignore", IGNORED)
    print(f"wrote {SPECS}/parse_duration.yaml, its golden rows and recordings")  # noqa: T201 - a command speaks
    print(f"next: pytest --compile {SPECS}/")  # noqa: T201 - a command speaks
    return 0


def _first_files(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{path}/{item.name}"
        found += _first_files(item, name) if item.is_dir() else [(name, item.read_bytes())]
    return found


def _add_lines(path: Path, lines: tuple[str, ...]) -> None:
    """Append the lines that a file lacks; what it has stays as it is."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in lines if line not in text.splitlines()]
    if missing:
        lead = "" if not text or text.endswith("\n") else "\n"
        atomic_write(path, f"{text}{lead}{chr(10).join(missing)}\n".encode())
