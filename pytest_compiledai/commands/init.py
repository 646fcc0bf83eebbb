"""`compiledai init`: a spec to begin with, and the lines that git needs.

The first spec compiles at once; a draft from a signature, an OpenAPI operation or a tool
definition still needs its golden rows, which nobody but its author knows.
"""

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


def init_from(root: Path, source: str) -> int:
    """Write the draft of ``FILE[#NAME]`` as a spec; say what it still needs.

    Raises ``SettingsError``, and writes nothing, when the spec or its rows stand there already.
    """
    from pytest_compiledai.drafts.source import read_draft  # reads YAML and Python of others

    draft = read_draft(source, root)
    golden = f"{draft.name}.jsonl"
    spec = f"{SPECS}/{draft.name}.yaml"
    for path in (spec, f"{SPECS}/{golden}"):
        if (root / path).exists():
            raise SettingsError(
                where=path,
                found="a file that stands there already",
                expected="none",
                next=f"move it away, or compile it: pytest --compile {spec}",
            )
    atomic_write(root / spec, draft.text(golden).encode())
    _add_lines(root / ".gitattributes", ATTRIBUTES)
    _add_lines(root / ".gitignore", IGNORED)
    print(f"wrote {spec}")  # noqa: T201 - a command speaks
    for note in draft.notes:
        print(f"  left out: {note}")  # noqa: T201 - a command speaks
    print(  # noqa: T201 - a command speaks
        f"next: write golden rows into {SPECS}/{golden}, 60 or more, one a line: "
        '{"id": "...", "input": {...}, "output": {...}}'
    )
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
